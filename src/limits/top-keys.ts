import type { LimitGroup } from "../policy/domain.ts";
import type { Quota } from "../policy/quota.ts";
import type { Counter } from "../store/counter.ts";
import type { Claim } from "./claim.ts";
import type { StoreLimitsOptions } from "./limits.ts";

/** What this process has seen of one counter of a limit. */
export interface TopKey {
  readonly mode: Claim["mode"];
  /** As the last request that was counted there found it, with its limits. */
  readonly counter: Counter;
  /** What is counted, part by part as text, each cut at `MAX_PART_LENGTH`. */
  readonly key: readonly string[];
  /** Hits that were charged by this process since `sinceMs`. */
  readonly hits: number;
  /** Requests that this counter has refused since then. */
  readonly refusals: number;
  /** When it was noticed, and when it was seen last; epoch milliseconds. */
  readonly sinceMs: number;
  readonly seenMs: number;
}

/** One request that a counter had. */
export interface Noted extends Pick<TopKey, "mode" | "counter" | "key"> {
  /** Hits: none where it was refused. */
  readonly charged: number;
  readonly result: "passed" | "refused";
  /** Epoch milliseconds. */
  readonly atMs: number;
}

/** Whose keys are told together: a quota of a policy, or what one descriptor of a domain counts in one way. */
type Owner = Quota | LimitGroup;

/** More of a value is not kept, and never shown. */
const MAX_PART_LENGTH = 256;
/** Keys that are kept of one owner. */
export const MAX_KEYS = 50;
/** After so long an earlier request counts half as much as one that comes now. */
const HALF_LIFE_MS = 300_000;

/**
 * The busiest keys of each quota and limit in this process, by how many requests they had of late. A key that is new takes the place of the
 * least busy one by chance, the more rarely the busier that is (RAP: Ben Basat, Einziger, Friedman, Kassner, 2017), so that a flood
 * of keys costs next to nothing. What is known of an owner goes with its configuration, so that no value is shown by other rules than
 * it was read by.
 */
export class TopKeys {
  readonly #owners = new WeakMap<Owner, Busiest>();
  readonly #chance: () => number;

  /** `chance` is at least 0 and below 1, as `Math.random` is. */
  constructor(chance: () => number = Math.random) {
    this.#chance = chance;
  }

  note(owner: Owner, noted: Noted): void {
    let busiest = this.#owners.get(owner);
    if (busiest === undefined) this.#owners.set(owner, (busiest = new Busiest(noted.atMs, this.#chance)));
    busiest.note(noted);
  }

  /** Notes what became of one claim, as `StoreLimits` tells it. */
  noteClaim(
    { quota, mode, counter, key }: Claim,
    result: Parameters<StoreLimitsOptions["observe"]["onTake"]>[1],
    more: Pick<Noted, "charged" | "atMs">,
  ): void {
    if (result === "warned") return;
    this.note(quota, { mode, counter, key, result: result === "exceeds" ? "refused" : "passed", ...more });
  }

  /** The busiest first. */
  of(owner: Owner): readonly TopKey[] {
    return this.#owners.get(owner)?.list() ?? [];
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

/** A bounded list of one owner's keys. */
class Busiest {
  readonly #entries = new Map<string, Entry>();
  readonly #chance: () => number;
  #halvedAtMs: number;
  /** No weight is below it. */
  #floor = 0;

  constructor(atMs: number, chance: () => number) {
    this.#halvedAtMs = atMs;
    this.#chance = chance;
  }

  note(noted: Noted): void {
    const { counter, atMs } = noted;
    if (atMs - this.#halvedAtMs >= HALF_LIFE_MS) this.#halve(atMs);
    const entry = this.#entries.get(counter.key) ?? this.#begin(noted);
    if (entry === undefined) return;
    entry.counter = counter;
    entry.seenMs = atMs;
    entry.weight++;
    entry.hits += noted.charged;
    if (noted.result === "refused") entry.refusals++;
  }

  list(): readonly Entry[] {
    return [...this.#entries.values()].sort((one, other) => other.weight - one.weight);
  }

  /** Undefined: it is not kept. */
  #begin({ mode, counter, key, atMs }: Noted): Entry | undefined {
    let weight = 0;
    if (this.#entries.size >= MAX_KEYS) {
      const drawn = this.#chance();
      if (drawn * (this.#floor + 1) >= 1) return undefined;
      const least = this.#least();
      ({ weight } = least);
      this.#floor = weight;
      if (drawn * (weight + 1) >= 1) return undefined;
      this.#entries.delete(least.counter.key);
    }
    const entry: Entry = {
      ...{ mode, counter, weight, hits: 0, refusals: 0, sinceMs: atMs, seenMs: atMs },
      key: key.map(ownCopy),
    };
    this.#entries.set(counter.key, entry);
    return entry;
  }

  #least(): Entry {
    return this.#entries.values().reduce((least, one) => (one.weight < least.weight ? one : least));
  }

  #halve(atMs: number): void {
    const times = Math.floor((atMs - this.#halvedAtMs) / HALF_LIFE_MS);
    this.#halvedAtMs += times * HALF_LIFE_MS;
    this.#floor /= 2 ** times;
    for (const entry of this.#entries.values()) entry.weight /= 2 ** times;
  }
}

/** A part of a request's text would keep all of it. */
const ownCopy = (text: string): string => Buffer.from(text.slice(0, MAX_PART_LENGTH)).toString();
