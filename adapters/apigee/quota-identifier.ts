import { hash } from "node:crypto";

/** One operation of a product's operation group, as the service lists it. */
export interface OperationText {
  readonly resource: string;
  /** Null where the list has none. */
  readonly methods: readonly string[] | null;
}

/** Whose use a quota counts. */
export interface QuotaOwner {
  readonly product: string;
  readonly environment: string;
  readonly developerEmail: string;
  readonly application: string;
}

/**
 * The name of a counter at the service, to the byte what the reference adapter writes, so that both count in one. `operationsId` is that
 * of the operations with a quota of their own. Source: apigee-remote-service-golib, product.go.
 */
export function quotaIdentifier(owner: QuotaOwner, operationsId?: string): string {
  const parts = [owner.product, owner.environment, owner.developerEmail, owner.application];
  return (operationsId === undefined ? parts : [...parts, operationsId]).join("-");
}

/** What of the identifier is the operations': the API, and a digest of the operations in Go's JSON, in one order. */
export function operationsId(apiSource: string, operations: readonly OperationText[] | null): string {
  return `${apiSource}-${hash("md5", goJson(operations))}`;
}

function goJson(operations: readonly OperationText[] | null): string {
  const sorted = operations
    ?.map(({ resource, methods }) => ({ methods: methods && methods.toSorted(byBytes), resource }))
    .sort((left, right) => byBytes(left.resource, right.resource));
  return JSON.stringify(sorted ?? null).replace(ESCAPED, escaped);
}

/** Go compares texts by their UTF-8. */
const byBytes = (left: string, right: string): number =>
  Buffer.compare(Buffer.from(left), Buffer.from(right));

/** Go's JSON may stand in HTML, and in JavaScript of old. */
const ESCAPED = /[<>&\u2028\u2029]/g;

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
