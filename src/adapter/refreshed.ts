/** What is loaded from elsewhere again and again, such as a list or the services of a back-end. */
export interface RefreshOptions {
  /** What it is, as a line of the log names it: `list`, `services of 3scale`. */
  readonly what: string;
  /** So long after a load the next one comes, a tenth more or less, so that the replicas of a weir do not ask at one moment. */
  readonly everyMs: number;
  /** So soon after a load that failed, doubling up to `everyMs`. */
  readonly retryMs: number;
  /** Loads it once. Rejects with a sentence where it cannot, or when nobody waits any more. */
  readonly load: (signal: AbortSignal) => Promise<void>;
}

/** Keeps what is loaded current. Nothing happens before `start` or `load`. */
export interface Refreshed {
  /** Why the last load failed; undefined where it did not, or none has ended yet. */
  readonly failure: string | undefined;
  /** Loads it now and then again and again; what fails is logged, once as long as the reason is the same. Safe twice. */
  start(): void;
  /** The same, where the first load has to succeed: waits for it, and rejects as it does, with nothing left running. */
  startLoaded(): Promise<void>;
  /** Ends it, a load that is under way included. Safe twice. */
  close(): Promise<void>;
}
