import { MAX_KEYS } from "../limits/top-keys.ts";
import { PerSecond } from "../std/per-second.ts";
import { paced, tooMany } from "./paced.ts";

/** What is asked of quotas and rate limits. */
export interface QuotasWanted {
  readonly policy: string | undefined;
  readonly quota: string | undefined;
  readonly domain: string | undefined;
  /** Keys of each quota and rate limit, at most. */
  readonly limit: number;
}

/** What became of a counter that was to be forgotten. */
export type ResetDone =
  | {
      readonly kind: "done";
      readonly reset: {
        readonly result: "reset" | "nothing" | "failed";
        readonly reason: string | undefined;
      };
    }
  /** `findings`: what is wrong with what was asked, each with its place in the text. */
  | { readonly kind: "refused"; readonly findings: readonly object[] }
  /** It can be read; there is no such counter, or the key has other values. */
  | { readonly kind: "unknown" | "misfit"; readonly error: string }
  /** There is no configuration yet. */
  | { readonly kind: "not ready" };

/** Where quotas are found, and their counters forgotten. */
export interface QuotasSource {
  /** Undefined: there is no configuration yet. */
  readonly list: (wanted: QuotasWanted) => Promise<object | undefined>;
  /** Takes YAML or JSON. */
  readonly reset: (text: Uint8Array) => Promise<ResetDone>;
}

/** An answer of the pages, with its status. */
export interface QuotasAnswer {
  readonly status: 200 | 400 | 404 | 429 | 503;
  readonly body: object;
}

type Query = Readonly<Record<string, unknown>>;

const DEFAULT_KEYS = 10;
/** Each asks the store for hundreds of counters. */
const MAX_LISTED_PER_SECOND = 20;
/** A list of callers to be freed one by one is no accident; a script that runs away is. */
const MAX_RESET_PER_SECOND = 5;

/** What a query of /quotas asks for, or a sentence that says what is wrong with it. */
export function quotasWanted(query: Query): QuotasWanted | string {
  const known = ["policy", "quota", "domain", "limit"];
  const stranger = Object.keys(query).find((key) => !known.includes(key));
  if (stranger !== undefined) return `there is no parameter ${stranger}; known: ${known.join(", ")}`;
  const [policy, quota, domain] = known.map((key) => textOf(query[key]));
  if (domain !== undefined && (policy ?? quota) !== undefined)
    return "domain chooses rate limits, policy and quota choose quotas: leave one of them out";
  const limit = Number(query["limit"] ?? DEFAULT_KEYS);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_KEYS)
    return `limit takes a whole number from 1 to ${MAX_KEYS}`;
  return { policy, quota, domain, limit };
}

const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;

/** Answers who wants to see quotas. */
export function listAnswerer({ list }: QuotasSource): (query: Query) => Promise<QuotasAnswer> {
  const listed = new PerSecond(MAX_LISTED_PER_SECOND);
  return async (query) => {
    const wanted = quotasWanted(query);
    if (typeof wanted === "string") return { status: 400, body: { error: wanted } };
    if (!listed.takes(performance.now()))
      return {
        status: 429,
        body: { error: `at most ${MAX_LISTED_PER_SECOND} a second; ask again in a second` },
      };
    const found = await list(wanted);
    return found === undefined ? NOT_READY : { status: 200, body: found };
  };
}

/** Answers who wants a counter forgotten: one at a time, and few a second. */
export function resetAnswerer({ reset }: QuotasSource): (text: Uint8Array) => Promise<QuotasAnswer> {
  const answer = paced(MAX_RESET_PER_SECOND, async (text: Uint8Array) => answerOf(await reset(text)));
  return async (text) =>
    (await answer(text)) ?? { status: 429, body: { error: tooMany(MAX_RESET_PER_SECOND) } };
}

const NOT_READY: QuotasAnswer = { status: 503, body: { error: "there is no configuration yet" } };

function answerOf(done: ResetDone): QuotasAnswer {
  switch (done.kind) {
    case "done":
      return done.reset.result === "failed"
        ? { status: 503, body: { error: failure(done.reset.reason), ...done.reset } }
        : { status: 200, body: done.reset };
    case "refused":
      return {
        status: 400,
        body: { error: "it is not well said which counter", diagnostics: done.findings },
      };
    case "misfit":
      return { status: 400, body: { error: done.error } };
    case "unknown":
      return { status: 404, body: { error: done.error } };
    case "not ready":
      return NOT_READY;
  }
}

const failure = (reason = "no reason is known"): string =>
  `the store could not be asked, and may have the counter still: ${reason}`;
