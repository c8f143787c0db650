import type { Counter } from "../store/counter.ts";
import type { CounterStores, StoreLimits } from "./limits.ts";

/** What became of a counter that was to be forgotten. `failed`: the store could not be asked, and may have it still. */
export type Forgotten =
  { readonly kind: "reset" | "nothing" } | { readonly kind: "failed"; readonly reason: string };

/** Where a counter is forgotten. */
export interface Forgetting extends Pick<CounterStores, "store" | "local"> {
  readonly limits: Pick<StoreLimits, "askAgain">;
}

/** Forgets a counter: in the store, and what this process has counted by itself while that was away. */
export async function forget(
  counter: Pick<Counter, "tag" | "key">,
  { store, local, limits }: Forgetting,
): Promise<Forgotten> {
  const wasLocal = await local.reset(counter);
  try {
    const wasThere = await store().reset(counter);
    limits.askAgain(counter);
    return { kind: wasThere || wasLocal ? "reset" : "nothing" };
  } catch (error) {
    return { kind: "failed", reason: error instanceof Error ? error.message : String(error) };
  }
}
