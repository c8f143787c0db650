import type { Counter } from "../store/counter.ts";

/** What one of so many processes may grant of a limit by itself. Rounded up: with a limit of 1, none could grant it otherwise. */
export function localPart(counter: Counter, replicas: number): Counter {
  const part = (hits: number): number => Math.ceil(hits / replicas);
  const windows = counter.windows.map((one) => ({ ...one, limit: part(one.limit), burst: part(one.burst) }));
  return { ...counter, windows };
}
