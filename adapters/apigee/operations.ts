import type { Caller } from "./caller.ts";
import type { OperationGroup, Product, Products, QuotaTerms } from "./products.ts";
import { quotaIdentifier } from "./quota-identifier.ts";

/** What somebody wants to do. */
export interface Wanted {
  readonly environment: string;
  readonly api: string;
  readonly method: string;
  /** Without a query. */
  readonly path: string;
}

/** An operation that a product opens to a caller. */
export interface OpenOperation {
  readonly product: string;
  readonly quota: Quota | undefined;
}

/** A counter at the service, with what it allows. */
export interface Quota extends QuotaTerms {
  readonly identifier: string;
}

/**
 * What of the caller's products opens what he wants, in the order of his products; none: nothing does.
 * Source: apigee-remote-service-golib, product.go and manager.go.
 */
export function openTo(caller: Caller, wanted: Wanted, products: Products): readonly OpenOperation[] {
  return caller.products.flatMap((name) => {
    const product = products.get(name);
    if (product === undefined || !product.environments.has(wanted.environment)) return [];
    return isInScope(caller, product) ? openedBy(product, caller, wanted) : [];
  });
}

/** API keys have no scopes, and need none. */
const isInScope = ({ by, scopes }: Caller, product: Product): boolean =>
  by === "key" || product.scopes.size === 0 || scopes.some((scope) => product.scopes.has(scope));

function openedBy(product: Product, caller: Caller, wanted: Wanted): readonly OpenOperation[] {
  const { opens, quota, name } = product;
  const owner = {
    product: name,
    environment: wanted.environment,
    developerEmail: caller.developerEmail,
    application: caller.application,
  };
  const ownQuota = quota && { ...quota, identifier: quotaIdentifier(owner) };
  switch (opens.kind) {
    case "paths": {
      const isOpen = opens.apis.has(wanted.api) && opens.resources.some((resource) => resource(wanted.path));
      return isOpen ? [{ product: name, quota: ownQuota }] : [];
    }
    case "operations":
      return opens.groups
        .filter((group) => has(group, wanted))
        .map(({ quota: groups }) => {
          if (groups === undefined) return { product: name, quota: ownQuota };
          const { operationsId, ...terms } = groups;
          return { product: name, quota: { ...terms, identifier: quotaIdentifier(owner, operationsId) } };
        });
  }
}

const has = ({ api, operations }: OperationGroup, wanted: Wanted): boolean =>
  api === wanted.api &&
  operations.some(({ methods, resource }) => methods.has(wanted.method) && resource(wanted.path));
