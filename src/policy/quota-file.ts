import type { z } from "zod";
import { CALENDAR_UNITS, isZone, type CalendarUnit, type Period } from "../std/period.ts";
import { parseDurationMs } from "../std/duration.ts";
import {
  cel,
  delegate,
  durationMs,
  either,
  expected,
  field,
  misplaced,
  name,
  orBroken,
  refuse,
  textOf,
  parsedText,
  word,
} from "./fields.ts";
import { list, mapping } from "./fields-of-collections.ts";
import { MODE, PERCENT, type WrittenMode } from "./mode.ts";
import { RULE_FORM } from "./rule.ts";
import { isMapping } from "./tree.ts";

/** One quota of a policy file. Its parts stand at `["quotas", index, …]`. */
export interface WrittenQuota {
  /** Its position in the file's list. */
  readonly index: number;
  readonly id: string;
  readonly when: string | undefined;
  /** Expressions, at `["quotas", index, "key", …]`; none: all requests are counted together. */
  readonly key: readonly string[];
  readonly windows: readonly WrittenWindow[];
  readonly algorithm: "fixed" | "sliding" | "bucket";
  readonly count: "granted" | "denied" | "all";
  readonly onError: "local" | "allow" | "deny";
  /** Whole percent of a limit; undefined: nobody is warned. */
  readonly warnAtPercent: number | undefined;
  readonly headers: "denied" | "always";
  /** Undefined: each request costs 1. */
  readonly cost: WrittenCost | undefined;
  readonly once: "request" | undefined;
  readonly mode: WrittenMode | undefined;
}

/** One limit, at `["quotas", index, "windows", …]`. */
export interface WrittenWindow {
  /** An expression, or the word `unlimited`. */
  readonly limit: string;
  readonly period: Period;
  /** An expression; of buckets. */
  readonly burst: string | undefined;
}

/** What a request costs: known when it is checked, or only when its access-log entry is in. */
export type WrittenCost =
  | { readonly kind: "now"; readonly cost: string }
  | {
      readonly kind: "late";
      readonly reserve: string;
      readonly settle: string;
      readonly ifLost: "keep" | "release";
      readonly withinMs: number;
    };

const PERIOD_FORM = "a duration such as 10s, or hour, day, week, month or year";

type WrittenPeriod =
  { readonly kind: "span"; readonly ms: number } | { readonly kind: "unit"; readonly unit: CalendarUnit };

const MIN_PERIOD_MS = 100;
const MAX_PERIOD_MS = 366 * 86_400_000;

const PERIOD = field<WrittenPeriod>({ type: "string", description: PERIOD_FORM }, (value) => {
  const text = textOf(value) ?? "";
  const unit = CALENDAR_UNITS.find((one) => one === text);
  if (unit !== undefined) return { value: { kind: "unit", unit } };
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms >= MIN_PERIOD_MS && ms <= MAX_PERIOD_MS) return { value: { kind: "span", ms } };
  const hint = text === "second" ? "write 1s" : text === "minute" ? "write 1m" : undefined;
  return expected(ms === undefined ? PERIOD_FORM : "a duration from 100ms to 366d", "text", hint);
});

const ZONE = parsedText("a time zone, such as Europe/Berlin or UTC", (text) =>
  isZone(text) ? text : undefined,
);

const WINDOW = mapping({
  limit: cel(),
  per: PERIOD,
  zone: ZONE.optional(),
  burst: cel().optional(),
}).transform(({ limit, per, zone, burst }, context): WrittenWindow => {
  if (per.kind === "unit")
    return { limit, burst, period: { kind: "calendar", unit: per.unit, zone: zone ?? "UTC" } };
  if (zone !== undefined) {
    const hint = "write per: day (or hour, week, month, year), or remove the zone";
    refuse(context, misplaced("wrong-value", "a duration is the same in every zone", hint), ["zone"]);
  }
  return { limit, burst, period: per };
});

const COST_NOW = cel();
const COST_LATE = mapping({
  reserve: cel(),
  settle: cel(),
  ifLost: word(["keep", "release"]).optional(),
  within: durationMs(1_000, 86_400_000, "from 1s to 24h").optional(),
});
const DEFAULT_WITHIN_MS = 600_000;

const COST = either([COST_NOW, COST_LATE], (value, context): WrittenCost => {
  if (!isMapping(value)) return { kind: "now", cost: delegate(context, COST_NOW, value) };
  const { reserve, settle, ifLost, within } = delegate(context, COST_LATE, value);
  return { kind: "late", reserve, settle, ifLost: ifLost ?? "keep", withinMs: within ?? DEFAULT_WITHIN_MS };
});

const WRITTEN = mapping({
  id: name(RULE_FORM),
  when: cel().optional(),
  key: list(cel(), "CEL expressions", 16).default([]),
  windows: list(WINDOW, "windows", 8),
  algorithm: word(["fixed", "sliding", "bucket"]).default("sliding"),
  count: word(["granted", "denied", "all"]).default("granted"),
  onError: word(["local", "allow", "deny"]).default("local"),
  warnAt: PERCENT.optional(),
  headers: word(["denied", "always"]).default("denied"),
  cost: COST.optional(),
  once: word(["request"]).optional(),
  mode: MODE.optional(),
});

/** What each part is fine by itself and cannot stand together. */
function refuseMisfits(written: z.output<typeof WRITTEN>, context: z.RefinementCtx): void {
  const { algorithm } = written;
  for (const [index, { period, burst }] of written.windows.entries()) {
    const complain = (key: string, message: string, hint: string): void =>
      refuse(context, misplaced("wrong-value", message, hint), ["windows", index, key]);
    if (algorithm === "bucket" && burst === undefined)
      refuse(
        context,
        misplaced("missing-key", "burst is missing: how many hits may come at once?", "write burst: 10"),
        ["windows", index],
      );
    if (algorithm === "bucket" && period.kind === "calendar")
      complain(
        "per",
        "a bucket has no windows that begin with a day or a month",
        "write a duration, such as 24h",
      );
    if (algorithm !== "bucket" && burst !== undefined)
      complain(
        "burst",
        `only a bucket has a burst, and this is ${algorithm}`,
        "write algorithm: bucket, or remove it",
      );
  }
  if (written.cost?.kind === "late" && written.count !== "granted") {
    const message = "a late cost is reserved for requests that are granted; those that are refused have none";
    refuse(
      context,
      misplaced("wrong-value", message, "remove `count`, or write a cost that is known at once"),
      ["count"],
    );
  }
}

const QUOTA = WRITTEN.transform((written, context): Omit<WrittenQuota, "index"> => {
  refuseMisfits(written, context);
  if (written.once !== undefined && written.count !== "granted") {
    const message = "what is refused goes to no other hop, so nothing is counted twice";
    refuse(context, misplaced("wrong-value", message, "remove `once`, or `count`"), ["once"]);
  }
  const { id, when, cost, once, mode, key, windows, warnAt, ...words } = written;
  return { id, when, cost, once, mode, key, windows, warnAtPercent: warnAt, ...words };
});

/** The most quotas that one policy has. */
const MAX_QUOTAS = 100;

/** The schema of `quotas`. */
export const QUOTAS = list(orBroken(QUOTA), "quotas", MAX_QUOTAS).transform(
  (unplaced): readonly WrittenQuota[] =>
    unplaced.flatMap((one, index) => (one === undefined ? [] : [{ ...one, index }])),
);
