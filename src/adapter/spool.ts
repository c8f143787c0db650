import type { Call } from "./adapter.ts";

/** What became of a batch of records. What is thrown is `unknown`: it may have arrived. */
export type SpoolDelivery =
  | { readonly kind: "delivered" }
  /** The other end will never take `dropped` of them; the rest has arrived. */
  | { readonly kind: "refused"; readonly dropped: number; readonly reason: string }
  /** Certainly none has arrived, so that they are sent again; `afterMs` is what the other end asks to be waited. */
  | { readonly kind: "retry"; readonly reason: string; readonly afterMs?: number }
  /** They were sent, and it is not known whether they arrived: they are never sent again, and put aside. */
  | { readonly kind: "unknown"; readonly reason: string }
  /** One of these for some, each record in one list at most; `dropped` were refused, and the rest has arrived. */
  | {
      readonly kind: "partly";
      readonly retry: readonly Buffer[];
      readonly unknown: readonly Buffer[];
      readonly dropped: number;
      readonly reason: string;
      readonly afterMs?: number;
    };

export interface SpoolOptions {
  /** Its own alone; made where it is not there, and relative to that of weir.yaml. */
  readonly folder: string;
  /** What may wait on disk. */
  readonly maxBytes: number;
  /**
   * What becomes of a record for which there is no room: it is not taken (`refuse`, also where this is absent), or the oldest batches that are
   * not under way are dropped for it (`drop oldest`), which is counted.
   */
  readonly whenFull?: "refuse" | "drop oldest";
  /** A batch is delivered when it has so many bytes, or its first record is so old. */
  readonly segmentBytes: number;
  readonly sealAfterMs: number;
  /** So long a delivery may take; then it is `unknown`. */
  readonly deliverTimeoutMs: number;
  /** Brings one batch to the other end; never called while another call is under way. */
  readonly deliver: (batch: readonly Buffer[], call: Call) => Promise<SpoolDelivery>;
}

/** Records that wait on disk until they are delivered, each at most once. */
export interface Spool {
  /**
   * Takes a record, or says `false` where there is no room, which is counted. It is on disk a tenth of a second later: what a killed process
   * loses is what came in since. Never throws.
   */
  append(record: Buffer): boolean;
  /** Delivers what it can until `deadlineAtMs`, epoch milliseconds; what is left stays on disk. Safe twice. */
  close(deadlineAtMs: number): Promise<void>;
}
