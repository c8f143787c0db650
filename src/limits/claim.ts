import { Unknown, UNKNOWN, type Expression } from "../cel/expression.ts";
import { printScalar } from "../cel/format.ts";
import type { Quota, QuotaWindow } from "../policy/quota.ts";
import type { Counter, Window } from "../store/counter.ts";
import { counterKey, policyTag } from "./keys.ts";

/** What one quota wants of its counter for one request. */
export interface Claim {
  readonly quota: Quota;
  readonly mode: "enforce" | "shadow";
  readonly counter: Counter;
  /** What is counted: the values of the key as text, for those who ask what is counted. */
  readonly key: readonly string[];
  readonly hits: number;
  /** The windows of the counter, as the policy's file has them. */
  readonly printed: readonly string[];
}

/** Limits beyond these are as good as none, and numbers stay exact. */
const MAX_LIMIT = 1e12;
const MAX_HITS = 1e9;

/** How a claim is made. */
export interface Claiming {
  /** Epoch milliseconds. */
  readonly nowMs: number;
  /** What is in shadow is counted apart. */
  readonly mode: "enforce" | "shadow";
}

/**
 * What a quota wants for the request that `context` reads. Undefined: nothing, because its `when` is false or nothing limits it.
 * UNKNOWN where a value of it cannot be had, or is none that can be counted: a cost below nothing would be a refund.
 */
export function claimOf(quota: Quota, context: object, claiming: Claiming): Claim | Unknown | undefined {
  const applies = quota.when?.evaluate(context);
  if (applies instanceof Unknown || applies === false) return applies === false ? undefined : applies;
  const key: string[] = [];
  for (const part of quota.key) {
    const value = part.evaluate(context);
    if (value instanceof Unknown) return value;
    const text = printScalar(value);
    if (text === undefined) return UNKNOWN.request;
    key.push(text);
  }
  const windows: Window[] = [];
  for (const one of quota.windows) {
    const window = windowOf(one, context, claiming.nowMs);
    if (window instanceof Unknown) return window;
    if (window !== undefined) windows.push(window);
  }
  const hits = hitsOf(quota, context);
  if (hits instanceof Unknown) return hits;
  if (windows.length === 0) return undefined;
  const { mode } = claiming;
  const { algorithm } = quota;
  return {
    quota,
    mode,
    counter: { ...counterName(quota, key, mode), algorithm, windows },
    key,
    hits,
    printed: printedOf(quota),
  };
}

/** A counter of a claim as it is at another moment: windows of a calendar are others then. */
export const counterAt = (quota: Quota, counter: Counter, nowMs: number): Counter => {
  const lengths = limiting(quota).map(({ length }) => length);
  const windows = counter.windows.map((window, index): Window => {
    const length = lengths[index];
    return typeof length === "object" ? { ...window, length: length.startsAround(nowMs) } : window;
  });
  return { ...counter, windows };
};

const limiting = ({ windows }: Quota): readonly QuotaWindow[] =>
  windows.filter(({ limit }) => limit !== "unlimited");

/** The windows of a quota's counters, as its file has them: those that limit something. */
export const printedOf = (quota: Quota): readonly string[] => limiting(quota).map(({ printed }) => printed);

/**
 * The counter of a quota that counts these values of its key, as text. Changing a limit keeps what was counted; another length, another
 * algorithm or another key is another counter.
 */
export function counterName(
  quota: Quota,
  key: readonly string[],
  mode: Claim["mode"],
): Pick<Counter, "tag" | "key"> {
  const { id, policy, cost } = quota;
  const tag = policyTag(policy);
  const algorithm = mode === "shadow" ? `shadow-${quota.algorithm}` : quota.algorithm;
  const parts = [id, ...key];
  // What settles a late cost names the counter in metadata, where nobody is to read who it was.
  const form = cost.kind === "late" ? "digest" : "plain";
  return { tag, key: counterKey(tag, { algorithm, lengths: printedOf(quota), parts }, form) };
}

/** Undefined: unlimited. */
function windowOf(
  { limit: limitOf, burst: burstOf, length }: QuotaWindow,
  context: object,
  nowMs: number,
): Window | Unknown | undefined {
  if (limitOf === "unlimited") return undefined;
  const limit = wholeOf(limitOf, context);
  const burst = burstOf === undefined ? 0 : wholeOf(burstOf, context);
  if (limit instanceof Unknown) return limit;
  if (burst instanceof Unknown) return burst;
  const isSpan = typeof length === "number";
  // A bucket counts hits times milliseconds.
  const mostBurst = isSpan ? Math.floor(Number.MAX_SAFE_INTEGER / length) - 1 : MAX_LIMIT;
  return {
    limit: Math.min(limit, MAX_LIMIT),
    burst: Math.min(burst, mostBurst, MAX_LIMIT),
    length: isSpan ? length : length.startsAround(nowMs),
  };
}

function hitsOf({ cost }: Quota, context: object): number | Unknown {
  const amount = cost.kind === "late" ? cost.reserve : cost.cost;
  if (amount === undefined) return 1;
  const hits = wholeOf(amount, context);
  return hits instanceof Unknown || hits <= MAX_HITS ? hits : UNKNOWN.request;
}

/** A whole number that is not negative. */
function wholeOf(expression: Expression, context: object): number | Unknown {
  const value = expression.evaluate(context);
  if (value instanceof Unknown) return value;
  return typeof value === "bigint" && value >= 0n ? Number(value) : UNKNOWN.request;
}
