import type { TopKeys } from "../limits/top-keys.ts";
import type { Domain } from "../policy/domain.ts";
import type { Decided } from "./decide.ts";
import type { Carried } from "./standing.ts";

/**
 * Notes which counters a request had. What gives back and what only looks is nobody's use of a limit, and a limit that came with the
 * request is in no file. `atMs` is epoch milliseconds.
 */
export function noteKeys(
  topKeys: TopKeys,
  { charges }: Pick<Domain, "charges">,
  decided: readonly Decided[],
  atMs: number,
): void {
  const isWhole = charges === "each" || decided.every(({ carried }) => carried.every(isDone));
  for (const { asked, applied, carried } of decided) {
    if (applied === undefined || asked.limit !== undefined) continue;
    if (asked.direction === "refund" || asked.hits === 0) continue;
    const { rule, parts: key } = applied;
    const mode = rule.standing === "shadow" ? "shadow" : "enforce";
    for (let index = 0; index < carried.length; index++) {
      const [one, group] = [carried[index], rule.groups[index]];
      if (one === undefined || group === undefined) continue;
      const { fits } = one.count;
      topKeys.note(group, {
        ...{ mode, key, atMs, counter: one.charge.counter },
        charged: fits && (isWhole || one.charge.kind === "count") ? asked.hits : 0,
        result: fits ? "passed" : "refused",
      });
    }
  }
}

/** Whether it keeps no other from being charged. */
const isDone = ({ charge, count }: Carried): boolean => count.fits || charge.kind === "count";
