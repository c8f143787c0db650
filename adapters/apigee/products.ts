import { z } from "zod";
import { operationsId } from "./quota-identifier.ts";
import { readResource, type Resource } from "./resource.ts";

/** How many requests may pass in a window of the calendar. */
export interface QuotaTerms {
  readonly allow: number;
  readonly interval: number;
  readonly timeUnit: string;
}

/** One product, ready to be asked what it opens. */
export interface Product {
  readonly name: string;
  readonly environments: ReadonlySet<string>;
  /** Empty: all. */
  readonly scopes: ReadonlySet<string>;
  readonly quota: QuotaTerms | undefined;
  /** What it opens: groups of operations where it has such, else paths of whole APIs. */
  readonly opens:
    | { readonly kind: "operations"; readonly groups: readonly OperationGroup[] }
    | { readonly kind: "paths"; readonly apis: ReadonlySet<string>; readonly resources: readonly Resource[] };
}

/** Operations of one API that share a quota. */
export interface OperationGroup {
  readonly api: string;
  readonly operations: readonly Operation[];
  /** Instead of the product's. */
  readonly quota: (QuotaTerms & { readonly operationsId: string }) | undefined;
}

export interface Operation {
  readonly resource: Resource;
  readonly methods: ReadonlySet<string>;
}

export type Products = ReadonlyMap<string, Product>;

/** What a list of products says that is passed over: the reference does so, too. */
export interface ProductList {
  readonly products: Products;
  readonly problems: readonly string[];
}

const text = z.string().nullish();
/** Numbers come as texts. */
const number = z.union([z.string(), z.number()]).nullish();
const texts = z.array(z.string()).nullish();

const OPERATION_CONFIG = z.object({
  apiSource: z.string().default(""),
  operations: z.array(z.object({ resource: z.string().default(""), methods: texts })).nullish(),
  quota: z.object({ limit: number, interval: number, timeUnit: text }).nullish(),
});

const PRODUCT = z.object({
  name: z.string(),
  environments: texts,
  scopes: texts,
  apiResources: texts,
  attributes: z.array(z.object({ name: text, value: text })).nullish(),
  quota: number,
  quotaInterval: number,
  quotaTimeUnit: text,
  operationGroup: z.object({ operationConfigs: z.array(OPERATION_CONFIG).nullish() }).nullish(),
});

const LIST = z.object({ apiProduct: z.array(z.unknown()) });

const TARGETS = "apigee-remote-service-targets";
const ALL_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE"];

/** Reads an answer of `/products`; undefined where it is none. A product that cannot be read opens nothing, and is told. */
export function readProducts(value: unknown): ProductList | undefined {
  const list = LIST.safeParse(value);
  if (!list.success) return undefined;
  const products = new Map<string, Product>();
  const problems: string[] = [];
  for (const [index, written] of list.data.apiProduct.entries()) {
    const read = PRODUCT.safeParse(written);
    if (!read.success) problems.push(`product ${index + 1} of the list cannot be read, and is passed over`);
    else products.set(read.data.name, productOf(read.data, problems));
  }
  return { products, problems };
}

function productOf(written: z.infer<typeof PRODUCT>, problems: string[]): Product {
  const { name, operationGroup } = written;
  const scopes = written.scopes ?? [];
  const resourceOf = (resource: string): readonly Resource[] => {
    const read = readResource(resource);
    if (read === undefined)
      problems.push(`${name}: ** may only end a resource, and ${resource} is passed over`);
    return read === undefined ? [] : [read];
  };
  return {
    name,
    environments: new Set(written.environments),
    scopes: new Set(scopes.length === 1 && scopes[0] === "" ? [] : scopes),
    quota: termsOf(written.quota, written.quotaInterval, written.quotaTimeUnit),
    opens: operationGroup
      ? {
          kind: "operations",
          groups: (operationGroup.operationConfigs ?? []).map((one) => groupOf(one, resourceOf)),
        }
      : {
          kind: "paths",
          apis: new Set(targetsOf(written)),
          resources: (written.apiResources ?? []).flatMap(resourceOf),
        },
  };
}

function groupOf(
  { apiSource, operations, quota }: z.infer<typeof OPERATION_CONFIG>,
  resourceOf: (resource: string) => readonly Resource[],
): OperationGroup {
  const terms = termsOf(quota?.limit, quota?.interval, quota?.timeUnit);
  const texts = operations?.map(({ resource, methods }) => ({ resource, methods: methods ?? null })) ?? null;
  return {
    api: apiSource,
    operations: (texts ?? []).flatMap(({ resource, methods }) =>
      resourceOf(resource).map((one) => ({
        resource: one,
        methods: new Set(methods === null || methods.length === 0 ? ALL_METHODS : methods),
      })),
    ),
    quota: terms && { ...terms, operationsId: operationsId(apiSource, texts) },
  };
}

const targetsOf = ({ attributes }: z.infer<typeof PRODUCT>): readonly string[] =>
  (attributes?.find((one) => one.name === TARGETS)?.value ?? "")
    .split(",")
    .flatMap((target) => target.trim() || []);

type Written = string | number | null | undefined;

/** Undefined without a limit: then nothing is counted. */
function termsOf(
  limit: Written,
  interval: Written,
  timeUnit: string | null | undefined,
): QuotaTerms | undefined {
  const allow = wholeNumber(limit);
  if (allow <= 0) return undefined;
  return { allow, interval: wholeNumber(interval), timeUnit: timeUnit === "null" ? "" : (timeUnit ?? "") };
}

/** 0 for what is none, as the text `null` is. */
const wholeNumber = (written: Written): number => {
  const value = /^[+-]?\d{1,15}$/.test(String(written)) ? Number(written) : 0;
  return Number.isSafeInteger(value) ? value : 0;
};
