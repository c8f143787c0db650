import type { Unit } from "../policy/domain-file-limit.ts";

/** What a rate-limit request asks. */
export interface Asked {
  readonly domain: string;
  readonly descriptors: readonly AskedDescriptor[];
  /** As the request says it; 0: it does not. */
  readonly hitsAddend: number;
}

/** One thing to count. */
export interface AskedDescriptor {
  readonly entries: readonly Entry[];
  /** How many hits; 0 only looks. */
  readonly hits: number;
  readonly direction: "charge" | "refund";
  /** The addend of the descriptor itself, where it has one. */
  readonly ownHits: number | undefined;
  /** A limit that the proxy brings along, in place of the domain's. */
  readonly limit: AskedLimit | undefined;
}

export interface Entry {
  readonly key: string;
  readonly value: string;
}

export interface AskedLimit {
  readonly requestsPerUnit: number;
  readonly unit: Unit;
  readonly multiplier: number;
}
