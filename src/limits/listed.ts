import type { CounterStores } from "./limits.ts";
import { look, type Asked, type Looked } from "./look.ts";
import type { TopKey, TopKeys } from "./top-keys.ts";
import type { Reading } from "../store/algorithms.ts";

/** What counters are listed from. */
export interface CountersWorld {
  readonly topKeys: TopKeys;
  readonly stores: CounterStores;
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
  /** Stands for values of persons. */
  readonly digest: (printed: string) => string;
}

/** One counter of a limit, and what this process has seen of it. */
export interface ListedCounter extends Pick<TopKey, "mode" | "hits" | "refusals"> {
  /** Names the counter for who resets it. */
  readonly id: string;
  readonly since: string;
  readonly seen: string;
  readonly now: ListedState;
}

/** What a counter has come to now. */
export type ListedState =
  | {
      readonly kind: "found";
      readonly by: "store" | "local";
      readonly windows: readonly (Pick<Reading, "limit" | "used" | "remaining" | "resetMs"> & {
        readonly per: string;
      })[];
    }
  /** `skipped`: too many were wanted at once. */
  | { readonly kind: "failed" | "skipped" };

/** A key, and how its counter is asked for. */
export interface WantedKey extends Asked {
  readonly key: TopKey;
}

/** Counters that are looked at for one list. */
const MAX_LOOKED = 500;
/** How long the store may take for all of them. */
const PATIENCE_MS = 1_000;

/** What the first of these counters have come to now. */
export async function lookedAt(
  wanted: readonly WantedKey[],
  { stores, nowMs }: CountersWorld,
): Promise<ReadonlyMap<TopKey, Looked | undefined>> {
  const asked = wanted.slice(0, MAX_LOOKED);
  const looked = await look(asked, stores, nowMs() + PATIENCE_MS);
  return new Map(asked.map(({ key }, index) => [key, looked[index]]));
}

/** A key as it is listed. `printed` has the windows of its counter, as their file writes them; undefined is what nobody has looked at. */
export const listedCounter = (
  { mode, counter, hits, refusals, sinceMs, seenMs }: TopKey,
  { looked, printed, digest }: Seen,
): ListedCounter => ({
  id: counterId(counter.key, digest),
  ...{ mode, hits, refusals },
  since: new Date(sinceMs).toISOString(),
  seen: new Date(seenMs).toISOString(),
  now: stateOf(printed, looked),
});

interface Seen extends Pick<CountersWorld, "digest"> {
  readonly looked: Looked | undefined;
  readonly printed: readonly string[];
}

function stateOf(printed: readonly string[], looked: Looked | undefined): ListedState {
  if (looked?.kind !== "found") return { kind: looked === undefined ? "skipped" : "failed" };
  const windows = looked.readings.map(({ limit, used, remaining, resetMs }, index) => ({
    per: printed[index] ?? "",
    ...{ limit, used, remaining, resetMs },
  }));
  return { kind: "found", by: looked.by, windows };
}

/** Names a counter without saying whose it is, the same as long as digests are. */
export const counterId = (counterKey: string, digest: CountersWorld["digest"]): string =>
  `c_${digest(counterKey).replace("#", "")}`;
