import { hash, randomBytes } from "node:crypto";
import { RateLimiterMemory } from "rate-limiter-flexible";

export interface AskGuardOptions {
  readonly maxAsksPerSecond: number;
  readonly maxAsksPerPartPerSecond?: number;
}

/** Spares a back-end floods of questions that nobody has asked before. */
export class AskGuard {
  readonly #all: RateLimiterMemory;
  readonly #parts: RateLimiterMemory | undefined;
  readonly #seed = randomBytes(16).toString("hex");

  constructor({ maxAsksPerSecond, maxAsksPerPartPerSecond }: AskGuardOptions) {
    this.#all = new RateLimiterMemory({ points: maxAsksPerSecond, duration: 1 });
    this.#parts =
      maxAsksPerPartPerSecond === undefined
        ? undefined
        : new RateLimiterMemory({ points: maxAsksPerPartPerSecond, duration: 1 });
  }

  /** Counts one more question; says why it may not be asked, or undefined. One part's flood takes nothing from the others. */
  async refusal(part: string | undefined): Promise<string | undefined> {
    if (this.#parts !== undefined && part !== undefined) {
      if (!(await takes(this.#parts, this.#bucketOf(part))))
        return "too many unknown credentials of one kind";
    }
    return (await takes(this.#all, 0)) ? undefined : "too many unknown credentials";
  }

  /** Parts share this many counters, so that many parts cannot make them grow; nobody can choose with whom. */
  #bucketOf(part: string): number {
    return hash("sha256", this.#seed + part, "buffer").readUInt16BE() % BUCKETS;
  }
}

const BUCKETS = 4_096;

/** The library rejects with what it counted where there was no room, and memory does not fail. */
const takes = (limiter: RateLimiterMemory, key: number): Promise<boolean> =>
  limiter.consume(key).then(
    () => true,
    () => false,
  );
