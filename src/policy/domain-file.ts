import { z } from "zod";
import { LIMIT, METADATA, anyList, type WrittenLimit } from "./domain-file-limit.ts";
import { cel, delegate, either, expected, field, flag, misplaced, refuse, textOf, word } from "./fields.ts";
import { list, mapping, type PlainValue } from "./fields-of-collections.ts";
import { told } from "./forms.ts";
import { HEADER_NAME } from "./identity-file.ts";
import type { Reason } from "./refusal.ts";
import { isMapping, Literal } from "./tree.ts";

/**
 * A file of rate limits, in the form of github.com/envoyproxy/ratelimit (its README and src/config/config_impl.go), with
 * keys of our own, which its files do not have.
 */
export interface DomainFile {
  readonly domain: string;
  readonly descriptors: readonly WrittenDescriptor[];
  /** Whether one descriptor that is over its limit keeps the others of its request from being charged. */
  readonly atomic: boolean;
  /** Where a descriptor does not say. */
  readonly onError: OnError | undefined;
  /** The headers in which callers are told of limits; undefined: none. */
  readonly headers: LimitHeaders | undefined;
  readonly dynamicMetadata: boolean;
}

/** What is answered where the store has failed. */
export type OnError = "local" | "allow" | "deny";

/** `separate`: one header a number, named; `fields`: `RateLimit` and `RateLimit-Policy`, draft-ietf-httpapi-ratelimit-headers-11. */
export type LimitHeaders =
  | { readonly kind: "separate"; readonly limit: string; readonly remaining: string; readonly reset: string }
  | { readonly kind: "fields" };

/** One node of the tree. */
export interface WrittenDescriptor {
  readonly key: string;
  /** With `*` for any text; undefined: any value. */
  readonly value: string | undefined;
  /** `rate_limit`, or those of `limits`; undefined: none. */
  readonly limits: readonly WrittenLimit[] | undefined;
  /** Which of the two keys they stand under. */
  readonly limitsAt: "rate_limit" | "limits";
  readonly descriptors: readonly WrittenDescriptor[];
  readonly shadowMode: boolean;
  readonly quotaMode: boolean;
  readonly detailedMetric: boolean;
  readonly valueToMetric: boolean;
  readonly shareThreshold: boolean;
  readonly metadata: ReadonlyMap<string, PlainValue>;
  /** CEL. */
  readonly when: string | undefined;
  readonly onError: OnError | undefined;
}

/** Text, or a number or word that stands for itself; a number with a fraction is a fault to the format. */
const scalar = (what: string) =>
  field({ type: ["string", "integer", "boolean"], description: what }, (value) => {
    const found = textOf(value);
    const isFraction =
      value instanceof Literal && typeof value.value === "number" && !Number.isInteger(value.value);
    if (found === undefined || isFraction)
      return expected(what, "text", isFraction ? "quote it, if it is text" : undefined);
    return { value: found };
  });

const KEY = told(
  { minLength: 1 },
  scalar("the key of a descriptor").transform((found, context) => {
    if (found === "") refuse(context, { kind: "expected", what: "the key of a descriptor", sort: "text" });
    return found;
  }),
);

const ON_ERROR = word(["local", "allow", "deny"]);

/** A file has a few thousand descriptors at most; its size bounds them besides. */
const MAX_DESCRIPTORS = 100_000;

/** Several limits of one descriptor. */
const MAX_LIMITS = 8;

/** One descriptor, with those below it. */
export const DESCRIPTOR: z.ZodType<WrittenDescriptor> = mapping({
  key: KEY,
  value: scalar("the value of a descriptor").optional(),
  rate_limit: LIMIT.optional(),
  limits: list(LIMIT, "limits", MAX_LIMITS).optional(),
  descriptors: told(
    { type: "array", items: { $ref: "#/definitions/descriptor" } },
    z
      .unknown()
      .transform((value, context): readonly WrittenDescriptor[] => delegate(context, DESCRIPTORS, value)),
  ).optional(),
  shadow_mode: flag().optional(),
  quota_mode: flag().optional(),
  detailed_metric: flag().optional(),
  value_to_metric: flag().optional(),
  share_threshold: flag().optional(),
  metadata: METADATA.optional(),
  when: cel().optional(),
  onError: ON_ERROR.optional(),
}).transform((found, context): WrittenDescriptor => {
  const { value, rate_limit: limit, limits } = found;
  if (limit !== undefined && limits !== undefined)
    refuse(context, misplaced("one-of", "rate_limit and limits stand together", "write one of them"), [
      "limits",
    ]);
  refuseIdle(context, found);
  return {
    key: found.key,
    value: value === "" ? undefined : value,
    limits: limit === undefined ? limits : [limit],
    limitsAt: limit === undefined ? "limits" : "rate_limit",
    descriptors: found.descriptors ?? [],
    shadowMode: found.shadow_mode ?? false,
    quotaMode: found.quota_mode ?? false,
    detailedMetric: found.detailed_metric ?? false,
    valueToMetric: found.value_to_metric ?? false,
    shareThreshold: found.share_threshold ?? false,
    metadata: new Map([...(limit?.metadata ?? []), ...(found.metadata ?? [])]),
    when: found.when,
    onError: found.onError,
  };
});

interface FoundDescriptor {
  readonly value?: string | undefined;
  readonly rate_limit?: unknown;
  readonly limits?: readonly WrittenLimit[] | undefined;
  readonly share_threshold?: boolean | undefined;
  readonly when?: string | undefined;
  readonly onError?: OnError | undefined;
}

/** What would do nothing where it stands. */
function refuseIdle(context: z.RefinementCtx, found: FoundDescriptor): void {
  if (found.share_threshold === true && found.value?.includes("*") !== true) {
    const message =
      "share_threshold shares one counter among the values of a wildcard, and this value has no *";
    refuse(context, misplaced("wrong-value", message, "write a value with *, or remove it"), [
      "share_threshold",
    ]);
  }
  if (found.limits?.some(({ kind }) => kind === "unlimited") === true)
    refuse(context, misplaced("one-of", "one of several limits cannot be unlimited", "write rate_limit"), [
      "limits",
    ]);
  if (found.rate_limit !== undefined || found.limits !== undefined) return;
  for (const key of ["when", "onError"] as const) {
    if (found[key] === undefined) continue;
    const message = `${key} is about a limit, and this descriptor has none`;
    refuse(
      context,
      misplaced("missing-key", message, "add rate_limit, or move it to the descriptor that has one"),
      [key],
    );
  }
}

const DESCRIPTORS = anyList(
  list(DESCRIPTOR, "descriptors", MAX_DESCRIPTORS).transform((found, context) => {
    const first = new Map<string, number>();
    for (const [index, { key, value }] of found.entries()) {
      const name = JSON.stringify([key, value]);
      const before = first.get(name);
      if (before === undefined) first.set(name, index);
      else refuse(context, twice(key, value), [index, value === undefined ? "key" : "value"]);
    }
    return found;
  }),
);

const twice = (key: string, value: string | undefined): Reason => ({
  kind: "refused",
  code: "duplicate-name",
  message: `the descriptor ${key}${value === undefined ? "" : ` with the value ${value}`} is here already`,
  hint: "keep one of the two, or join what they hold",
  at: "value",
});

const SEPARATE = mapping({ limit: HEADER_NAME, remaining: HEADER_NAME, reset: HEADER_NAME }).transform(
  (names): LimitHeaders => ({ kind: "separate", ...names }),
);

const HEADER_WORD = word(
  ["draft-06", "draft-11"],
  "draft-06, draft-11, or { limit: …, remaining: …, reset: … }",
);

const HEADERS = either([HEADER_WORD, SEPARATE], (value, context): LimitHeaders => {
  if (isMapping(value)) return delegate(context, SEPARATE, value);
  return delegate(context, HEADER_WORD, value) === "draft-11"
    ? { kind: "fields" }
    : {
        kind: "separate",
        limit: "RateLimit-Limit",
        remaining: "RateLimit-Remaining",
        reset: "RateLimit-Reset",
      };
});

/** Long enough for a name, short enough for a key of the store. */
const MAX_DOMAIN_LENGTH = 255;

const DOMAIN = scalar("the name of a domain").transform((found, context) => {
  if (found === "" || found.length > MAX_DOMAIN_LENGTH)
    refuse(context, {
      kind: "expected",
      what: `the name of a domain, of 1 to ${MAX_DOMAIN_LENGTH} characters`,
      sort: "text",
    });
  if (found.startsWith("weir/"))
    refuse(context, {
      kind: "refused",
      code: "reserved-name",
      message: "names that begin with weir/ are weir's own",
      hint: "choose another name",
      at: "value",
    });
  return found;
});

/** The schema of a file of rate limits. */
export const DOMAIN_FILE = mapping({
  domain: told({ minLength: 1, maxLength: MAX_DOMAIN_LENGTH }, DOMAIN),
  descriptors: DESCRIPTORS.optional(),
  atomic: flag().optional(),
  onError: ON_ERROR.optional(),
  headers: HEADERS.optional(),
  dynamicMetadata: flag().optional(),
}).transform((found): DomainFile => ({
  domain: found.domain,
  descriptors: found.descriptors ?? [],
  atomic: found.atomic ?? false,
  onError: found.onError,
  headers: found.headers,
  dynamicMetadata: found.dynamicMetadata ?? false,
}));
