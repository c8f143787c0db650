import type { Call, HandlerStatus } from "./adapter.ts";

/** What a back-end has said to one question. */
export type Fetched<Value> =
  | {
      readonly kind: "allowed" | "denied";
      readonly value: Value;
      /** So long it may be used, as the back-end says; it can only shorten what the options say. */
      readonly maxAgeMs?: number;
    }
  /** It could not be asked, or its answer cannot be read. Never remembered. */
  | {
      readonly kind: "failed";
      readonly reason: string;
      /** `safe`: asking once more changes nothing there, not even a count. Absent: it is asked once. */
      readonly retry?: "safe";
    }
  /** It refuses our own credentials or settings, which is no caller's fault. Never remembered; raises an alarm. */
  | { readonly kind: "misconfigured"; readonly reason: string };

/**
 * What a question is answered with while the back-end fails. `closed`: that it failed. `resilient`: its last answer, yes or no, until
 * `maxAgeMs`. `open`: the same, and where it has none, it passes.
 */
export type FailurePolicy = "closed" | "resilient" | "open";

/** How answers are remembered, and how often a back-end is asked. */
export interface RememberedOptions {
  /** With more, those go that were not used for longest. */
  readonly maxEntries: number;
  /** So long a yes, or a no, is used without asking anew; up to a tenth less, so that not all end at one moment. */
  readonly allowedMs: number;
  readonly deniedMs: number;
  /** So long after that a yes is still used at once, while it is asked anew. A no never is. 0: never. */
  readonly staleMs: number;
  /** The end of every answer, for `resilient` and `open`, too. */
  readonly maxAgeMs: number;
  readonly onFailure: FailurePolicy;
  /** Questions to which no answer is known that may reach the back-end in one second. */
  readonly maxAsksPerSecond: number;
  /** The same of one `part`, where `ask` is given one. Absent: no bound of their own. */
  readonly maxAsksPerPartPerSecond?: number;
  /** The back-end's answer is waited for so long, whether those who asked still wait or not. */
  readonly fetchTimeoutMs: number;
}

export type Answered<Value> =
  | {
      readonly kind: "allowed" | "denied";
      readonly value: Value;
      readonly ageMs: number;
      /** `stale`: from memory, although it should have been asked anew. */
      readonly from: "backend" | "memory" | "stale";
    }
  /** Nothing is known, and the failure policy lets it pass. */
  | { readonly kind: "open"; readonly reason: string }
  /** Could not be asked in time, or cannot be read: an `error` of the handler. */
  | { readonly kind: "failed" | "misconfigured"; readonly reason: string }
  /** Too many unknown questions: to be denied, since whoever floods must not be able to choose an error. */
  | { readonly kind: "guarded"; readonly reason: string };

/** Asks a back-end whose answer may be used more than once. */
export type Ask<Value> = (call: Call) => Promise<Fetched<Value>>;

/** Answers of a back-end, each asked for once and used for as long as it may. */
export interface Remembered<Value> {
  /**
   * What `key` is answered with; without a promise where that is known. Never rejects.
   *
   * `key` is everything that the answer depends on: the credential with its secret, service, usage. It is kept as a digest only.
   * `fetch` asks the back-end, for all who ask at the same time; its call ends later than theirs. What it throws is `failed`.
   * `part` is what of the key one who guesses the rest would keep, such as the id of an application.
   */
  ask(
    key: readonly string[],
    fetch: Ask<Value>,
    call: Call,
    part?: string,
  ): Answered<Value> | Promise<Answered<Value>>;
  /** The next who asks is answered by the back-end; an answer that is under way is not remembered. */
  forget(key: readonly string[]): void;
  /** For /status: whether the back-end answers, and how much is known. */
  status(): HandlerStatus;
  /** Ends what is under way; what is asked afterwards is `failed`. Safe twice. */
  close(): Promise<void>;
}
