import { PerSecond } from "../std/per-second.ts";

/** The same task, one at a time and so often a second at most; undefined where it was not begun. */
export function paced<I, O>(
  mostPerSecond: number,
  task: (input: I) => Promise<O>,
): (input: I) => Promise<O | undefined> {
  const begun = new PerSecond(mostPerSecond);
  let phase: "idle" | "busy" = "idle";
  return async (input) => {
    if (phase === "busy" || !begun.takes(performance.now())) return undefined;
    phase = "busy";
    try {
      return await task(input);
    } finally {
      phase = "idle";
    }
  };
}

/** What is said to who asks more often. */
export const tooMany = (mostPerSecond: number): string =>
  `one at a time, and at most ${mostPerSecond} a second; ask again in a second`;
