import type { Quota } from "../policy/quota.ts";
import type { Counter } from "../store/counter.ts";
import type { Claim } from "./claim.ts";
import type { StoreLimitsOptions } from "./limits.ts";

/** What this process has seen of one counter of a quota. */
export interface TopKey {
  readonly mode: Claim["mode"];
  /** As the last request that was counted there found it, with its limits. */
  readonly counter: Counter;
  /** The values of the quota's key as text, each cut at `MAX_PART_LENGTH`. */
  readonly key: readonly string[];
  /** Hits that were charged by this process since `sinceMs`. */
  readonly hits: number;
  /** Requests that this counter has refused since then. */
  readonly refusals: number;
  /** When it was noticed, and when it was seen last; epoch milliseconds. */
  readonly sinceMs: number;
  readonly seenMs: number;
}

/** More of a value is not kept, and never shown. */
const MAX_PART_LENGTH = 256;
/** Keys that are kept of one quota. */
export const MAX_KEYS = 50;
/** After so long an earlier request counts half as much as one that comes now. */
const HALF_LIFE_MS = 300_000;

type Result = Parameters<StoreLimitsOptions["observe"]["onTake"]>[1];

/**
 * The busiest keys of each quota in this process, by how many requests they had of late (Space-Saving: Metwally, Agrawal, El Abbadi,
 * 2005). What is known of a quota goes with its configuration, so that no value is shown by other rules than it was read by.
 */
export class TopKeys {
  readonly #quotas = new WeakMap<Quota, Busiest>();

  /** Notes what became of one claim, as `StoreLimits` tells it. `atMs` is epoch milliseconds. */
  note(claim: Claim, result: Result, { charged, atMs }: { readonly charged: number; readonly atMs: number }) {
    if (result === "warned") return;
    let busiest = this.#quotas.get(claim.quota);
    if (busiest === undefined) this.#quotas.set(claim.quota, (busiest = new Busiest(atMs)));
    const seen = busiest.seen(claim, atMs);
    seen.hits += charged;
    if (result === "exceeds") seen.refusals++;
  }

  /** The busiest first. */
  of(quota: Quota): readonly TopKey[] {
    return this.#quotas.get(quota)?.list() ?? [];
  }
}

interface Entry extends TopKey {
  mode: TopKey["mode"];
  counter: Counter;
  key: readonly string[];
  hits: number;
  refusals: number;
  sinceMs: number;
  seenMs: number;
  /** Requests, older ones for less; of one that took another's place, at most. */
  weight: number;
}

/** A bounded list of one quota's keys. One that is new takes the place of the least busy and its weight. */
class Busiest {
  readonly #entries = new Map<string, Entry>();
  #halvedAtMs: number;

  constructor(atMs: number) {
    this.#halvedAtMs = atMs;
  }

  seen(claim: Claim, atMs: number): Entry {
    if (atMs - this.#halvedAtMs >= HALF_LIFE_MS) this.#halve(atMs);
    const { counter } = claim;
    const entry = this.#entries.get(counter.key) ?? this.#begin(claim, atMs);
    entry.counter = counter;
    entry.seenMs = atMs;
    entry.weight++;
    return entry;
  }

  list(): readonly Entry[] {
    return [...this.#entries.values()].sort((one, other) => other.weight - one.weight);
  }

  #begin({ mode, counter, key }: Claim, atMs: number): Entry {
    const least = this.#entries.size < MAX_KEYS ? undefined : this.#least();
    if (least !== undefined) this.#entries.delete(least.counter.key);
    const weight = least?.weight ?? 0;
    const entry: Entry = {
      ...{ mode, counter, weight, hits: 0, refusals: 0, sinceMs: atMs, seenMs: atMs },
      key: key.map(ownCopy),
    };
    this.#entries.set(counter.key, entry);
    return entry;
  }

  #least(): Entry | undefined {
    let least: Entry | undefined;
    for (const entry of this.#entries.values())
      if (least === undefined || entry.weight < least.weight) least = entry;
    return least;
  }

  #halve(atMs: number): void {
    const times = Math.floor((atMs - this.#halvedAtMs) / HALF_LIFE_MS);
    this.#halvedAtMs += times * HALF_LIFE_MS;
    for (const entry of this.#entries.values()) entry.weight /= 2 ** times;
  }
}

/** A part of a request's text would keep all of it. */
const ownCopy = (text: string): string => Buffer.from(text.slice(0, MAX_PART_LENGTH)).toString();
