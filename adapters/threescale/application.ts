import type { LimitReport } from "./authorization.ts";
import { windowAt, type Period, type Window } from "./period.ts";
import { addUsage, propagate, type Hierarchy, type Usage } from "./usage.ts";

/** What one more request comes to. */
export type Standing =
  | { readonly kind: "within" }
  | {
      readonly kind: "exceeded";
      /** Epoch milliseconds, from when on it may be tried again; undefined where that is never. */
      readonly resetAtMs: number | undefined;
      /** `disabled`: the plan does not have the metric at all. */
      readonly why: "used-up" | "disabled";
    };

interface Limit {
  readonly metric: string;
  readonly period: Period;
  max: number;
  window: Window;
  /** In that window, by the back-end's last word and what was taken since. */
  used: number;
}

/**
 * What is known of one application's use, between two answers of the back-end: its limits with what was used of them, and what was used
 * and not yet reported, which no answer can know.
 */
export class Application {
  readonly #limits = new Map<string, Limit>();
  /** By the minute in which it was used, in epoch milliseconds. */
  readonly #unreported = new Map<number, Map<string, number>>();

  /** Whether there is room for a request in all limits of the metrics that it uses. A limit may be used up whole. */
  standing(usage: Usage, nowMs: number): Standing {
    let resetAtMs = 0;
    let isDisabled = false;
    for (const limit of this.#limits.values()) {
      const amount = usage.get(limit.metric) ?? 0;
      if (amount === 0 || usedAt(limit, nowMs) + amount <= limit.max) continue;
      resetAtMs = Math.max(resetAtMs, limit.max < amount ? Number.POSITIVE_INFINITY : limit.window.endMs);
      isDisabled ||= limit.max === 0;
    }
    if (resetAtMs === 0) return { kind: "within" };
    const why = isDisabled ? "disabled" : "used-up";
    return { kind: "exceeded", why, resetAtMs: Number.isFinite(resetAtMs) ? resetAtMs : undefined };
  }

  /** Counts a request that passes, with what it uses of the metrics above its own. */
  take(usage: Usage, nowMs: number): void {
    for (const limit of this.#limits.values()) {
      const amount = usage.get(limit.metric) ?? 0;
      if (amount > 0) limit.used = usedAt(limit, nowMs) + amount;
    }
  }

  /** What is left, by metric, in the limit that has least; empty without limits. */
  remaining(nowMs: number): ReadonlyMap<string, number> {
    const left = new Map<string, number>();
    for (const limit of this.#limits.values()) {
      const here = Math.max(0, limit.max - usedAt(limit, nowMs));
      left.set(limit.metric, Math.min(here, left.get(limit.metric) ?? Number.POSITIVE_INFINITY));
    }
    return left;
  }

  /**
   * Takes over the back-end's word on the limits of the metrics that it was asked about, and adds what it cannot know yet.
   * Limits of these metrics that it does not name are there no more.
   */
  learn(reports: readonly LimitReport[], asked: ReadonlySet<string>, { hierarchy, nowMs }: Learning): void {
    for (const [key, { metric }] of this.#limits) if (asked.has(metric)) this.#limits.delete(key);
    for (const { metric, period, startMs, max, current } of reports) {
      const window = windowAt(period, startMs ?? nowMs);
      const used = current + this.#unreportedSince(window.startMs, metric, hierarchy);
      this.#limits.set(`${period} ${metric}`, { metric, period, max, window, used });
    }
  }

  /** Notes usage that waits to be reported. */
  owe(usage: Usage, minuteMs: number): void {
    const known = this.#unreported.get(minuteMs) ?? new Map<string, number>();
    this.#unreported.set(minuteMs, known);
    addUsage(known, usage);
  }

  /** Usage that was reported, or never will be. */
  settle(usage: Usage, minuteMs: number): void {
    const known = this.#unreported.get(minuteMs);
    if (known === undefined) return;
    for (const [metric, amount] of usage) {
      const left = (known.get(metric) ?? 0) - amount;
      if (left > 0) known.set(metric, left);
      else known.delete(metric);
    }
    if (known.size === 0) this.#unreported.delete(minuteMs);
  }

  #unreportedSince(startMs: number, metric: string, hierarchy: Hierarchy): number {
    let sum = 0;
    for (const [minuteMs, usage] of this.#unreported) {
      if (minuteMs >= startMs) sum += propagate(usage, hierarchy).get(metric) ?? 0;
    }
    return sum;
  }
}

export interface Learning {
  readonly hierarchy: Hierarchy;
  /** Epoch milliseconds. */
  readonly nowMs: number;
}

/** In another window than the back-end spoke of, nothing is used yet. */
function usedAt(limit: Limit, nowMs: number): number {
  if (nowMs >= limit.window.endMs) {
    limit.window = windowAt(limit.period, nowMs);
    limit.used = 0;
  }
  return limit.used;
}
