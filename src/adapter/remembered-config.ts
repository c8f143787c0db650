import type { z } from "zod";
import { durationMs, integer, mapping, word } from "./config.ts";
import type { FailurePolicy, RememberedOptions } from "./remembered.ts";

const DAY_MS = 86_400_000;

/** The keys of a configuration that say how a back-end's answers are remembered: to be spread into an adapter's `mapping`. */
export const REMEMBERING = {
  cache: mapping({
    allowed: durationMs(0, DAY_MS).default(30_000),
    denied: durationMs(0, DAY_MS).default(5_000),
    stale: durationMs(0, DAY_MS).default(0),
    maxAge: durationMs(0, 7 * DAY_MS).default(600_000),
    entries: integer(1, 10_000_000).default(100_000),
    asksPerSecond: integer(1, 1_000_000).default(500),
  })
    .superRefine(({ allowed, denied, maxAge }, context) => {
      const longest = Math.max(allowed, denied);
      if (longest <= maxAge) return;
      const message = `nothing is used for longer than maxAge, which is ${maxAge} ms: raise it, or lower the others`;
      context.addIssue({ code: "custom", message, path: ["maxAge"] });
    })
    .prefault({}),
  onFailure: word(["closed", "resilient", "open"]).default("closed"),
  timeout: durationMs(10, 60_000).default(2_000),
} satisfies z.ZodRawShape;

/** What those keys say. */
export interface Remembering {
  readonly cache: {
    readonly allowed: number;
    readonly denied: number;
    readonly stale: number;
    readonly maxAge: number;
    readonly entries: number;
    readonly asksPerSecond: number;
  };
  readonly onFailure: FailurePolicy;
  readonly timeout: number;
}

/** The same in the words of what is lent. */
export const rememberedOptions = ({ cache, onFailure, timeout }: Remembering): RememberedOptions => ({
  maxEntries: cache.entries,
  allowedMs: cache.allowed,
  deniedMs: cache.denied,
  staleMs: cache.stale,
  maxAgeMs: cache.maxAge,
  onFailure,
  maxAsksPerSecond: cache.asksPerSecond,
  fetchTimeoutMs: timeout,
});
