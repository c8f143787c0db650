import type { Expression } from "../cel/expression.ts";
import type { Calendar } from "../std/period.ts";
import type { Mentions } from "./mentions.ts";
import type { Share } from "./snapshot.ts";

/** One quota of a policy: how much of something there may be, by key. */
export interface Quota {
  readonly id: string;
  /** The name of its policy. */
  readonly policy: string;
  readonly when: Expression | undefined;
  readonly key: readonly Expression[];
  readonly windows: readonly QuotaWindow[];
  readonly algorithm: "fixed" | "sliding" | "bucket";
  /** Which requests are charged: those that pass, those that are refused, or both. */
  readonly count: "granted" | "denied" | "all";
  /** What holds while the store cannot be asked. */
  readonly onError: "local" | "allow" | "deny";
  /** From 0 to 1 of a limit. */
  readonly warnAt: number | undefined;
  readonly headers: "denied" | "always";
  readonly cost: QuotaCost;
  /** What is charged when several hops ask about one request; undefined: each of them. */
  readonly once: "request" | undefined;
  /** Undefined: enforced for all requests. */
  readonly share: Share | undefined;
  readonly mentions: Mentions;
}

export interface QuotaWindow {
  readonly limit: Expression | "unlimited";
  /** Of a bucket. */
  readonly burst: Expression | undefined;
  /** Milliseconds, or windows of a calendar. */
  readonly length: number | Calendar;
  /** As its file has it, for people: `1s`, `day Europe/Berlin`. */
  readonly printed: string;
}

/** Without an expression each request costs 1. A late cost is reserved, and settled when it is known. */
export type QuotaCost =
  | { readonly kind: "now"; readonly cost: Expression | undefined }
  | {
      readonly kind: "late";
      readonly reserve: Expression;
      /** Over the access-log entry. */
      readonly settle: Expression;
      readonly ifLost: "keep" | "release";
      readonly withinMs: number;
    };
