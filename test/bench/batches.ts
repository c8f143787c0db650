import { setTimeout as pause } from "node:timers/promises";

/** How many are measured, of which the median counts. */
export const BATCHES = 15;
export const AT_A_TIME = 50;

/** The times of `BATCHES` batches. */
export async function repeated(batch: () => Promise<number>): Promise<readonly number[]> {
  const times: number[] = [];
  for (let index = 0; index < BATCHES; index++) times.push(await batch());
  return times;
}

/** Microseconds of one of so many. */
export async function timed(count: number, one: (index: number) => unknown): Promise<number> {
  const startedAtMs = performance.now();
  for (let index = 0; index < count; index++) {
    const answer = one(index);
    if (answer instanceof Promise) await answer;
  }
  return ((performance.now() - startedAtMs) * 1_000) / count;
}

/** So many, `AT_A_TIME` at a time. */
export async function inParallel(count: number, one: (index: number) => unknown): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) await one(next++);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
}

/** What is in use when nothing more can be collected: what was closed before goes in turns of its own. */
export async function heapBytes(): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (;;) {
    if (globalThis.gc === undefined) throw new Error("run it with --expose-gc");
    globalThis.gc();
    const { heapUsed } = process.memoryUsage();
    if (heapUsed > least - SETTLED_BYTES) return heapUsed;
    least = heapUsed;
    await pause(100);
  }
}

const SETTLED_BYTES = 65_536;
