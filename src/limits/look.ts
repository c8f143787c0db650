import { readingsOf, type Reading } from "../store/algorithms.ts";
import type { Charge, Counter, Failure } from "../store/counter.ts";
import type { Store } from "../store/store.ts";
import type { CounterStores } from "./limits.ts";
import { localPart } from "./local-part.ts";

/** What one counter has come to. */
export type Looked =
  | {
      readonly kind: "found";
      /** `local`: this process alone, with its part of the limits. */
      readonly by: "store" | "local";
      /** One a window. */
      readonly readings: readonly Reading[];
    }
  | { readonly kind: "failed"; readonly reason: Failure };

/** A counter, and whether this process counts it by itself while the store is away. */
export interface Asked {
  readonly counter: Counter;
  readonly onError: "local" | "allow" | "deny";
}

/** Looks at a time: no call keeps a store from checks for long. */
const MAX_LOOKS = 50;

/** What counters have come to, one for each of `asked`, without charging anything. `deadlineAtMs` is epoch milliseconds. */
export async function look(
  asked: readonly Asked[],
  { store: storeNow, local, replicas }: CounterStores,
  deadlineAtMs: number,
): Promise<readonly Looked[]> {
  const store = storeNow();
  const found = new Map<Asked, Looked>();
  const groups = Map.groupBy(asked, ({ counter }) => store.groupOf(counter.tag));
  await Promise.all(
    [...groups.values()].flatMap(inChunks).map(async (chunk) => {
      const looked = await lookAt(
        chunk.map(({ counter }) => counter),
        store,
        deadlineAtMs,
      );
      for (const [index, one] of chunk.entries()) found.set(one, looked[index] ?? AWAY);
    }),
  );
  return Promise.all(
    asked.map(async (one) => {
      const looked = found.get(one) ?? AWAY;
      if (looked.kind === "found" || one.onError !== "local") return looked;
      const [alone = AWAY] = await lookAt([localPart(one.counter, replicas())], local, deadlineAtMs);
      return alone.kind === "found" ? { ...alone, by: "local" } : looked;
    }),
  );
}

const AWAY: Looked = { kind: "failed", reason: "away" };

const inChunks = (asked: readonly Asked[]): readonly (readonly Asked[])[] =>
  Array.from({ length: Math.ceil(asked.length / MAX_LOOKS) }, (_, index) =>
    asked.slice(index * MAX_LOOKS, (index + 1) * MAX_LOOKS),
  );

async function lookAt(
  counters: readonly Counter[],
  store: Store,
  deadlineAtMs: number,
): Promise<readonly Looked[]> {
  const charges = counters.map((counter): Charge => ({ kind: "look", counter, hits: 0 }));
  const taken = await store.take({ mode: "each", charges }, deadlineAtMs);
  if (taken.kind === "failed") return counters.map(() => taken);
  return counters.map((counter, index): Looked => {
    const { states = [] } = taken.counts[index] ?? {};
    return { kind: "found", by: "store", readings: readingsOf(counter, { states, nowMs: taken.nowMs }, 0) };
  });
}
