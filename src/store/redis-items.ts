import type { Charge, Count, Counter, Settled, Settlement, State, Take, Taken } from "./counter.ts";

/** A value that goes to the script as JSON. */
export type Json = number | string | readonly Json[];

/** What the script is asked, and how its answer is read. redis-script.lua.ts says the forms. */
export interface Item<A> {
  /** `keyOf` names a key by its place among those of the call. */
  readonly write: (keyOf: (key: string) => number) => Json;
  readonly read: (reply: Reply) => A;
}

/** The numbers that the script has answered, read from first to last. */
export class Reply {
  /** The store's clock; epoch milliseconds. */
  readonly nowMs: number;
  readonly #numbers: readonly number[];
  #next = 1;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
    this.nowMs = numbers[0] ?? NaN;
  }

  /** @throws Error where there is none left: the script has answered something else. */
  next(): number {
    const number = this.#numbers[this.#next++];
    if (typeof number !== "number") throw new Error("the store's answer is too short");
    return number;
  }
}

const ALGORITHMS = { fixed: 0, sliding: 1, bucket: 2 } as const;
const KINDS = { take: 0, look: 1, count: 2, refund: 3 } as const;
const IF_LOST = { keep: 0, release: 1 } as const;

const windowsOf = ({ windows }: Counter): readonly Json[] =>
  windows.flatMap(({ limit, length, burst }) => [limit, length, burst]);

export const takeItem = ({ mode, charges }: Take): Item<Taken> => ({
  write: (keyOf) => [
    mode === "all" ? 1 : 0,
    ...charges.map((charge) => writeCharge(charge, keyOf(charge.counter.key))),
  ],
  read(reply) {
    const code = reply.next();
    if (code === 2) return { kind: "failed", reason: "skew" };
    const counts = charges.map(({ counter }) => readCount(counter, reply));
    return { kind: "counted", nowMs: reply.nowMs, verdict: code === 1 ? "fits" : "exceeds", counts };
  },
});

function writeCharge(charge: Charge, key: number): Json {
  const { kind, counter, hits } = charge;
  const hold = charge.kind === "take" ? charge.hold : undefined;
  const held = hold === undefined ? 0 : [hold.id, hold.withinMs, IF_LOST[hold.ifLost]];
  return [key, KINDS[kind], hits, ALGORITHMS[counter.algorithm], held, ...windowsOf(counter)];
}

function readCount({ windows }: Counter, reply: Reply): Count {
  const fits = reply.next() === 1;
  return { fits, states: windows.map((): State => [reply.next(), reply.next(), reply.next()]) };
}

export const settleItem = ({ counter, hold, reserved, startsAt, hits }: Settlement): Item<Settled> => ({
  write: (keyOf) => [
    2,
    keyOf(counter.key),
    ALGORITHMS[counter.algorithm],
    `${hold.id}:${reserved}:${IF_LOST[hold.ifLost]}:${startsAt.join(",")}`,
    hits - reserved,
    startsAt,
    ...windowsOf(counter),
  ],
  read: (reply) => ({ kind: reply.next() === 1 ? "settled" : "gone" }),
});

/** Answers whether there was anything. */
export const resetItem = (key: string): Item<boolean> => ({
  write: (keyOf) => [3, keyOf(key)],
  read: (reply) => reply.next() === 1,
});
