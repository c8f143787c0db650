import type { Counter } from "../store/counter.ts";
import type { Log } from "../telemetry/log.ts";
import { forget, type Forgetting, type Forgotten } from "./forget.ts";
import { counterId, type CountersWorld } from "./listed.ts";
import type { TopKey } from "./top-keys.ts";

/** What becomes of who asks to forget what one key has used; `Reset` says what was forgotten. */
export type ResetAnswer<Reset> =
  | { readonly kind: "done"; readonly reset: Reset & ResetResult }
  | NotFound
  /** There is no configuration yet. */
  | { readonly kind: "not ready" };

/** What came of it, and by which configuration. */
export type ResetResult = Forgotten & { readonly revision: string };

/** There is no such counter, or it has other values. */
export interface NotFound {
  readonly kind: "unknown" | "misfit";
  readonly error: string;
}

/** What was asked for. Nothing in `reset` is secret, and what is of persons stands as a digest. */
export interface FoundReset<Reset> {
  readonly reset: Reset;
  readonly counters: readonly Pick<Counter, "tag" | "key">[];
}

/** What a reset is carried out with. */
export interface Resetting<Reset> extends CountersWorld {
  readonly limits: Forgetting["limits"];
  /** What is told of every counter that was asked to be forgotten, whatever came of it; epoch milliseconds. */
  readonly audit: (reset: Reset, result: ResetResult, atMs: number) => void;
  readonly log: Pick<Log, "info">;
}

/** The kind of limit that is reset, and how its metric counts that. */
export interface ResetOf<Reset> {
  readonly what: "quota" | "rate limit";
  readonly count: (reset: Reset, result: Forgotten["result"]) => void;
}

/** Forgets what is found in what is live, in the store and in this process, and tells it everywhere. */
export async function resetFound<Live extends { readonly revision: string }, Reset extends object>(
  find: (live: Live) => FoundReset<Reset> | NotFound,
  { what, count }: ResetOf<Reset>,
  world: Resetting<Reset> & { readonly live: () => Live | undefined },
): Promise<ResetAnswer<Reset>> {
  const live = world.live();
  if (live === undefined) return { kind: "not ready" };
  const found = find(live);
  if ("error" in found) return found;
  const { reset, counters } = found;
  const { stores, limits, audit, log, nowMs } = world;
  const forgotten = await forget(counters, { ...stores, limits });
  const result: ResetResult = { ...forgotten, revision: live.revision };
  audit(reset, result, nowMs());
  count(reset, forgotten.result);
  const facts: object = { ...reset, ...forgotten };
  log.info(facts, `somebody has reset a counter of a ${what}`);
  return { kind: "done", reset: { ...reset, ...result } };
}

/** The busy key that an id names, and whose it is. */
export function keyOfId<Whose>(
  id: string,
  among: Iterable<Whose>,
  keysOf: (whose: Whose) => readonly TopKey[],
  { digest }: Pick<CountersWorld, "digest">,
): { readonly whose: Whose; readonly key: TopKey } | NotFound {
  for (const whose of among) {
    const key = keysOf(whose).find(({ counter }) => counterId(counter.key, digest) === id);
    if (key !== undefined) return { whose, key };
  }
  return unknown(
    `${JSON.stringify(id.slice(0, 40))} is not among the busiest keys that this process knows; say whose it is: policy, quota and key, or domain and entries`,
  );
}

/** There is no such counter. */
export const unknown = (error: string): NotFound => ({ kind: "unknown", error });
