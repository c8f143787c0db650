import type { Starts } from "../std/period.ts";

/**
 * How a counter counts.
 *
 * - `fixed`: whole windows. At most the limit in each; up to twice the limit across the edge of two.
 * - `sliding`: the window before counts with the part of it that is still within one length. What it forgets is where in
 *   that window the hits were: who knows it can have up to twice the limit within one length, as with `fixed`, but not
 *   again in the next.
 * - `bucket`: GCRA. At most the burst at once, and the limit and the burst within any one length.
 */
export type Algorithm = "fixed" | "sliding" | "bucket";

/** One limit of a counter. Numbers are whole and not negative. */
export interface Window {
  /** Hits. */
  readonly limit: number;
  readonly length: Length;
  /** Hits that may come at once; of `bucket`, and read there only. */
  readonly burst: number;
}

/** How long a window is: milliseconds, or where windows of a calendar begin. A bucket has milliseconds. */
export type Length = number | Starts;

/** What is counted: one key with all windows that limit it. */
export interface Counter {
  /** What keeps counters together that one take charges: they are never divided. A policy, or a domain. */
  readonly tag: string;
  /** Unique among all counters; equal keys have windows of the same lengths and the same algorithm. */
  readonly key: string;
  readonly algorithm: Algorithm;
  readonly windows: readonly Window[];
}

/** What a take does to one counter. Hits are whole and not negative. */
export type Charge =
  /** Charged where it fits into every window. */
  | {
      readonly kind: "take";
      readonly counter: Counter;
      readonly hits: number;
      readonly hold?: Hold | undefined;
    }
  /** Compared as a take is, and never charged. */
  | { readonly kind: "look"; readonly counter: Counter; readonly hits: number }
  /** Charged whether or not it fits; what is counted ends at one above the limit. */
  | { readonly kind: "count"; readonly counter: Counter; readonly hits: number }
  /** Given back; what is counted ends at none. */
  | { readonly kind: "refund"; readonly counter: Counter; readonly hits: number };

/** A reservation: hits that are charged until it is known what they come to. */
export interface Hold {
  /** Unique among all reservations of the counter; without `:`. */
  readonly id: string;
  readonly withinMs: number;
  /** What becomes of the hits when nothing came within that time. */
  readonly ifLost: "keep" | "release";
}

/**
 * What one request wants of counters.
 *
 * - `all`: where one take or look does not fit, nothing is charged, but for what is `count` or `refund`.
 * - `each`: every charge by itself.
 */
export interface Take {
  readonly mode: "all" | "each";
  readonly charges: readonly Charge[];
}

/** What became of a take. */
export type Taken =
  | {
      readonly kind: "counted";
      /** The store's clock, by which it was decided; epoch milliseconds. */
      readonly nowMs: number;
      /** Whether everything was charged that was to be. */
      readonly verdict: "fits" | "exceeds";
      /** One a charge. */
      readonly counts: readonly Count[];
    }
  | { readonly kind: "failed"; readonly reason: Failure };

/**
 * Why a take has no answer. After `timeout` it is not known whether it was charged; otherwise it was not.
 * `away`: nobody is connected, or it has failed too often. `refused`: the store said no. `skew`: its clock is windows away from ours.
 */
export type Failure = "timeout" | "away" | "refused" | "skew";

/** What became of one charge. */
export interface Count {
  readonly fits: boolean;
  /** Of each window, as it is after the take. */
  readonly states: readonly State[];
}

/**
 * What is kept of one window.
 *
 * - `fixed`, `sliding`: where the window begins (epoch milliseconds), its hits, and the hits of the one before it.
 * - `bucket`: when it was looked at (epoch milliseconds), what was in it then (hits times milliseconds of the length), and 0.
 */
export type State = readonly [at: number, current: number, previous: number];

/** What a reservation came to. */
export interface Settlement {
  readonly counter: Counter;
  readonly hold: Hold;
  /** What was charged, with the states that the take ended with: it is corrected where it was charged. */
  readonly reserved: number;
  readonly startsAt: readonly number[];
  readonly hits: number;
}

/** `gone`: settled before, released, or lost with the store. */
export type Settled =
  | { readonly kind: "settled" }
  | { readonly kind: "gone" }
  | { readonly kind: "failed"; readonly reason: Failure };
