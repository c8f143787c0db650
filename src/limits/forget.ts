import type { Counter } from "../store/counter.ts";
import type { CounterStores, StoreLimits } from "./limits.ts";

/** What became of counters that were to be forgotten. `failed`: the store could not be asked, and may have them still. */
export type Forgotten =
  | { readonly result: "reset" | "nothing"; readonly reason: undefined }
  | { readonly result: "failed"; readonly reason: string };

/** Where a counter is forgotten. */
export interface Forgetting extends Pick<CounterStores, "store" | "local"> {
  readonly limits: Pick<StoreLimits, "askAgain">;
}

/** Forgets counters: in the store, and what this process has counted by itself while that was away. */
export async function forget(
  counters: readonly Pick<Counter, "tag" | "key">[],
  forgetting: Forgetting,
): Promise<Forgotten> {
  const all = await Promise.all(counters.map((counter) => forgetOne(counter, forgetting)));
  const failed = all.find(({ result }) => result === "failed");
  if (failed !== undefined) return failed;
  return { result: all.some(({ result }) => result === "reset") ? "reset" : "nothing", reason: undefined };
}

async function forgetOne(
  counter: Pick<Counter, "tag" | "key">,
  { store, local, limits }: Forgetting,
): Promise<Forgotten> {
  const wasLocal = await local.reset(counter);
  try {
    const wasThere = await store().reset(counter);
    limits.askAgain(counter);
    return { result: wasThere || wasLocal ? "reset" : "nothing", reason: undefined };
  } catch (error) {
    return { result: "failed", reason: error instanceof Error ? error.message : String(error) };
  }
}
