/** What the entries of a ring are looked for by. */
export interface RingKeys {
  /** Epoch milliseconds. */
  readonly atMs: number;
  readonly policy: string;
  readonly rule: string;
  /** What else tells them apart: a verdict, a kind. */
  readonly kind: string;
}

/** Which of them are wanted. */
export interface RingQuery {
  readonly policy?: string | undefined;
  readonly rule?: string | undefined;
  readonly kind?: string | undefined;
  /** Epoch milliseconds: later ones only. */
  readonly sinceMs?: number | undefined;
  readonly limit: number;
}

interface Kept extends RingKeys {
  /** JSON: apart from the message that it is of, and as large as it says. */
  readonly text: Buffer;
}

/** What a map's entry takes beside the text, about. */
const OVERHEAD_BYTES = 200;

/** The last of many things, by id: the oldest go when there are more than `maxBytes`. */
export class Ring<T extends object> {
  readonly #maxBytes: number;
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** How much is kept, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  add(id: string, keys: RingKeys, value: T): void {
    const text = Buffer.from(JSON.stringify(value));
    this.#kept.set(id, { ...keys, text });
    this.#bytes += text.length + OVERHEAD_BYTES;
    for (const [oldest, { text: gone }] of this.#kept) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#kept.delete(oldest);
      this.#bytes -= gone.length + OVERHEAD_BYTES;
    }
  }

  find(id: string): T | undefined {
    const kept = this.#kept.get(id);
    return kept && (read(kept) as T);
  }

  /** The newest first. */
  list({ policy, rule, kind, sinceMs = -Infinity, limit }: RingQuery): readonly T[] {
    const isWanted = (one: Kept): boolean =>
      one.atMs > sinceMs &&
      (policy === undefined || one.policy === policy) &&
      (rule === undefined || one.rule === rule) &&
      (kind === undefined || one.kind === kind);
    const found: T[] = [];
    for (const kept of [...this.#kept.values()].reverse()) {
      if (found.length >= limit) break;
      if (isWanted(kept)) found.push(read(kept) as T);
    }
    return found;
  }
}

const read = ({ text }: Kept): unknown => JSON.parse(text.toString());
