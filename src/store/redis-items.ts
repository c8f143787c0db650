import type { Charge, Count, Counter, Settled, Settlement, State, Take, Taken } from "./counter.ts";

/** What the items of one call have in common, each part named by its place there, from 1 on. redis-script.lua.ts says the forms. */
export class Call {
  /** Of all items, in their order. */
  readonly keys: string[] = [];
  readonly #start: string;
  /** JSON. */
  readonly #shapes: string[] = [];
  /** JSON. */
  readonly #forms: string[] = [];
  /** By how they are written. */
  readonly #placesOfShapes = new Map<string, number>();
  /** By the list itself: counters of one limit have the same, and comparing that is cheaper. */
  readonly #knownShapes = new Map<Counter["windows"], KnownShape>();
  readonly #placesOfForms = new Map<number, number>();

  /** `prefix`: what the names of all keys begin with, `<prefix>:`; undefined: nothing. */
  constructor(prefix: string | undefined) {
    this.#start = prefix === undefined ? "" : `${prefix}:`;
  }

  addKey(key: string): void {
    this.keys.push(this.#start + key);
  }

  ofShape({ algorithm, windows }: Counter): number {
    const known = this.#knownShapes.get(windows);
    if (known?.algorithm === algorithm) return known.place;
    const shape = shapeOf(algorithm, windows);
    const place = this.#placesOfShapes.get(shape) ?? this.#shapes.push(shape);
    this.#placesOfShapes.set(shape, place);
    this.#knownShapes.set(windows, { algorithm, place });
    return place;
  }

  ofForm(charge: Charge): number {
    const { kind, counter, hits } = charge;
    const shape = this.ofShape(counter);
    if (charge.kind === "take" && charge.hold !== undefined) {
      const { id, withinMs, ifLost } = charge.hold;
      const hold = `[${JSON.stringify(id)},${withinMs},${IF_LOST[ifLost]}]`;
      return this.#forms.push(`[0,${hits},${shape},${hold}]`);
    }
    // One number of all three: hits are below 2^32.
    const name = (hits * MAX_SHAPES + shape) * 4 + KINDS[kind];
    const known = this.#placesOfForms.get(name);
    if (known !== undefined) return known;
    const place = this.#forms.push(`[${KINDS[kind]},${hits},${shape},0]`);
    this.#placesOfForms.set(name, place);
    return place;
  }

  /** What the script is given besides the keys, with its items. JSON. */
  content(items: readonly string[]): string {
    return `[[${this.#shapes.join(",")}],[${this.#forms.join(",")}],[${items.join(",")}]]`;
  }
}

/** What the script is asked, and how its answer is read. */
export interface Item<A> {
  /** JSON. Text, and no values that become text: it is written for every request. */
  readonly write: (call: Call) => string;
  readonly read: (reply: Reply) => A;
}

/** The numbers that the script has answered, read from first to last. */
export class Reply {
  /** The store's clock; epoch milliseconds. */
  readonly nowMs: number;
  readonly #bytes: DataView;
  #next = 8;

  constructor({ buffer, byteOffset, byteLength }: Uint8Array) {
    this.#bytes = new DataView(buffer, byteOffset, byteLength);
    this.nowMs = this.#bytes.getFloat64(0, true);
  }

  /** @throws RangeError where there is none left: the script has answered something else. */
  next(): number {
    const number = this.#bytes.getFloat64(this.#next, true);
    this.#next += 8;
    return number;
  }
}

const ALGORITHMS = { fixed: 0, sliding: 1, bucket: 2 } as const;
const KINDS = { take: 0, look: 1, count: 2, refund: 3 } as const;
const IF_LOST = { keep: 0, release: 1 } as const;

interface KnownShape extends Pick<Counter, "algorithm"> {
  readonly place: number;
}

/** More than charges of one call can have. */
const MAX_SHAPES = 2 ** 17;

function shapeOf(algorithm: Counter["algorithm"], windows: Counter["windows"]): string {
  let shape = `[${ALGORITHMS[algorithm]}`;
  for (const { limit, length, burst } of windows) {
    const written = typeof length === "number" ? length : JSON.stringify(length);
    shape += `,${limit},${written},${burst}`;
  }
  return `${shape}]`;
}

export const takeItem = ({ mode, charges }: Take): Item<Taken> => ({
  write(call) {
    let item = mode === "all" ? "[1" : "[0";
    for (const charge of charges) {
      call.addKey(charge.counter.key);
      item += `,${call.ofForm(charge)}`;
    }
    return `${item}]`;
  },
  read(reply) {
    const code = reply.next();
    if (code === 2) return { kind: "failed", reason: "skew" };
    const counts = charges.map(({ counter }) => readCount(counter, reply));
    return { kind: "counted", nowMs: reply.nowMs, verdict: code === 1 ? "fits" : "exceeds", counts };
  },
});

function readCount({ windows }: Counter, reply: Reply): Count {
  const fits = reply.next() === 1;
  return { fits, states: windows.map((): State => [reply.next(), reply.next(), reply.next()]) };
}

export const settleItem = ({ counter, hold, reserved, startsAt, hits }: Settlement): Item<Settled> => ({
  write(call) {
    call.addKey(counter.key);
    const member = `${hold.id}:${reserved}:${IF_LOST[hold.ifLost]}:${startsAt.join(",")}`;
    return JSON.stringify([2, call.ofShape(counter), member, hits - reserved, startsAt]);
  },
  read: (reply) => ({ kind: reply.next() === 1 ? "settled" : "gone" }),
});

/** Answers whether there was anything. */
export const resetItem = (key: string): Item<boolean> => ({
  write(call) {
    call.addKey(key);
    return "[3]";
  },
  read: (reply) => reply.next() === 1,
});
