import type { Charge, Count, Counter, Settled, Settlement, State, Take, Taken } from "./counter.ts";

/** What the items of one call name, each by its place there, from 1 on. */
export class Places {
  readonly #keys = new Map<string, number>();
  /** By their JSON. */
  readonly #shapes = new Map<string, number>();

  ofKey(key: string): number {
    return placeIn(this.#keys, key);
  }

  ofShape(counter: Counter): number {
    return placeIn(this.#shapes, shapeOf(counter));
  }

  get keys(): readonly string[] {
    return [...this.#keys.keys()];
  }

  /** JSON. */
  get shapes(): string {
    return `[${[...this.#shapes.keys()].join(",")}]`;
  }
}

function placeIn(places: Map<string, number>, name: string): number {
  const known = places.get(name);
  if (known !== undefined) return known;
  places.set(name, places.size + 1);
  return places.size;
}

/** What the script is asked, and how its answer is read. redis-script.lua.ts says the forms. */
export interface Item<A> {
  /** JSON. Text, and no values that become text: it is written for every request. */
  readonly write: (places: Places) => string;
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

function shapeOf({ algorithm, windows }: Counter): string {
  let shape = `[${ALGORITHMS[algorithm]}`;
  for (const { limit, length, burst } of windows) {
    const written = typeof length === "number" ? length : JSON.stringify(length);
    shape += `,${limit},${written},${burst}`;
  }
  return `${shape}]`;
}

export const takeItem = ({ mode, charges }: Take): Item<Taken> => ({
  write(places) {
    let item = mode === "all" ? "[1" : "[0";
    for (const charge of charges) item += writeCharge(charge, places);
    return `${item}]`;
  },
  read(reply) {
    const code = reply.next();
    if (code === 2) return { kind: "failed", reason: "skew" };
    const counts = charges.map(({ counter }) => readCount(counter, reply));
    return { kind: "counted", nowMs: reply.nowMs, verdict: code === 1 ? "fits" : "exceeds", counts };
  },
});

function writeCharge(charge: Charge, places: Places): string {
  const { kind, counter, hits } = charge;
  const hold = charge.kind === "take" ? charge.hold : undefined;
  const held =
    hold === undefined ? "0" : `[${JSON.stringify(hold.id)},${hold.withinMs},${IF_LOST[hold.ifLost]}]`;
  return `,${places.ofKey(counter.key)},${KINDS[kind]},${hits},${places.ofShape(counter)},${held}`;
}

function readCount({ windows }: Counter, reply: Reply): Count {
  const fits = reply.next() === 1;
  return { fits, states: windows.map((): State => [reply.next(), reply.next(), reply.next()]) };
}

export const settleItem = ({ counter, hold, reserved, startsAt, hits }: Settlement): Item<Settled> => ({
  write: (places) =>
    JSON.stringify([
      2,
      places.ofKey(counter.key),
      places.ofShape(counter),
      `${hold.id}:${reserved}:${IF_LOST[hold.ifLost]}:${startsAt.join(",")}`,
      hits - reserved,
      startsAt,
    ]),
  read: (reply) => ({ kind: reply.next() === 1 ? "settled" : "gone" }),
});

/** Answers whether there was anything. */
export const resetItem = (key: string): Item<boolean> => ({
  write: (places) => `[3,${places.ofKey(key)}]`,
  read: (reply) => reply.next() === 1,
});
