import type { Timers } from "../../src/host/timers.ts";

/** Time that goes by when a test says so. */
export interface ManualTimers extends Timers {
  /** Runs what is due within so long, in its order, and what promises make of it. */
  readonly advance: (ms: number) => Promise<void>;
  readonly waiting: () => number;
}

export function manualTimers(): ManualTimers {
  let nowMs = 1_700_000_000_000;
  const tasks = new Map<() => void, number>();
  return {
    nowMs: () => nowMs,
    after: (ms, task) => {
      const own = (): void => task();
      tasks.set(own, nowMs + ms);
      return () => void tasks.delete(own);
    },
    async advance(ms) {
      const endMs = nowMs + ms;
      await settled();
      for (;;) {
        const [due] = [...tasks].filter(([, atMs]) => atMs <= endMs).sort(([, a], [, b]) => a - b);
        if (due === undefined) break;
        const [task, atMs] = due;
        nowMs = Math.max(nowMs, atMs);
        tasks.delete(task);
        task();
        await settled();
      }
      nowMs = endMs;
    },
    waiting: () => tasks.size,
  };
}

/** Promises that wait for nobody outside have gone as far as they can. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
