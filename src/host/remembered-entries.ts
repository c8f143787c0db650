/** What is remembered of one question. Times count from `askedAtMs`, of any clock. */
export interface Entry<Value> {
  readonly kind: "allowed" | "denied";
  readonly value: Value;
  readonly askedAtMs: number;
  /** It is used until then, is asked anew while it is used until then, and is nothing afterwards. */
  readonly freshMs: number;
  readonly staleMs: number;
  readonly mostMs: number;
}

interface Kept<Value> {
  readonly entry: Entry<Value>;
  /** Since it was last looked at whether it might go. */
  use: "used" | "unused";
}

/** Entries by digest. When there is no room, the oldest goes that nobody used since it was last its turn. */
export class Entries<Value> {
  readonly #most: number;
  readonly #kept = new Map<string, Kept<Value>>();

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** The entry, unless it is too old for anything. */
  find(id: string, nowMs: number): Entry<Value> | undefined {
    const kept = this.#kept.get(id);
    if (kept === undefined) return undefined;
    if (nowMs - kept.entry.askedAtMs >= kept.entry.mostMs) {
      this.#kept.delete(id);
      return undefined;
    }
    kept.use = "used";
    return kept.entry;
  }

  put(id: string, entry: Entry<Value>): void {
    this.#kept.delete(id);
    if (this.#kept.size >= this.#most) this.#makeRoom();
    this.#kept.set(id, { entry, use: "unused" });
  }

  delete(id: string): void {
    this.#kept.delete(id);
  }

  clear(): void {
    this.#kept.clear();
  }

  /** Each is passed over once at most, so that this takes one look an entry in the long run. */
  #makeRoom(): void {
    for (const [id, kept] of this.#kept) {
      this.#kept.delete(id);
      if (kept.use === "unused") return;
      kept.use = "unused";
      this.#kept.set(id, kept);
    }
  }
}
