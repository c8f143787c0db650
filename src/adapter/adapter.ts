import type { z } from "zod";
import type { Compiler, Declared } from "./expressions.ts";
import type { Host } from "./host.ts";
import type { Delivery, Exposition, ReportInputs, ReportRecord, ScrapeRequest } from "./report.ts";

/** A CEL type as documents write it: `string`, `int`, `bool`, `ip`, `list(string)`, `map(string, dyn)`. */
export type TypeName = string;

/** One value that a handler is asked with. */
export interface Input {
  /**
   * What is other than `string` is written as CEL in a rule's `with`; a string is text with `${CEL}` in it. `json` is any value, handed on as
   * a text of JSON.
   */
  readonly type: TypeName;
  readonly presence: "required" | "optional";
  /** `secret`: may be given attributes of class secret, and is never logged. */
  readonly class: "open" | "secret";
  readonly meaning: string;
}

/** One value of a handler's answer, under the name that a rule gives with `as`. */
export interface Output {
  readonly type: TypeName;
  readonly meaning: string;
}

/** What an adapter can be asked. The keys that are there are its capabilities. */
export interface Inputs {
  readonly check?: Readonly<Record<string, Input>>;
  readonly report?: ReportInputs;
}

/** A kind of back-end. `create` is pure: it opens nothing and asks nobody. */
export interface Adapter<Config = unknown> {
  /** What weir.yaml calls it: `adapter: list`. */
  readonly id: string;
  /** One line for the documentation. */
  readonly summary: string;
  /** The schema of `config`; values are plain: texts, numbers, booleans, lists and objects. */
  readonly config: z.ZodType<Config>;
  readonly inputs: Inputs;
  readonly outputs: Readonly<Record<string, Output>>;
  /** What a handler of one configuration is asked with and answers beside those, where that differs. Asks nobody. */
  declare?(config: Config, compiler: Compiler): Declared;
  /** The input that takes a presented credential, where `verify:` of an identity may name a handler of this kind. */
  readonly credentialInput?: string;
  /**
   * `own`: its handlers spare a failing back-end themselves, as `host.remember` does, so that what they know is answered while it is away.
   * Absent: one that fails again and again is not asked for a moment.
   */
  readonly breaker?: "own";
  /** `previous` is the handler of the same name that is live now, whose state may be taken over. */
  create(config: Config, host: Host, previous?: Handler): Handler;
}

/** One configured, running adapter. */
export interface Handler {
  /** Where it is not as its adapter says: `lent`: while it fails again and again it is not asked for a moment. */
  readonly breaker?: "own" | "lent";
  /** Rejects for local faults only (a file that is not there): a remote that is away must not stop a reload. */
  start(): Promise<void>;
  /**
   * Answers one check; there only where the adapter has `inputs.check`. Saying no is a value; throwing or rejecting means
   * "could not decide". The host ends the wait when the signal says so, whatever the handler does.
   */
  check?(input: CheckInput, call: Call): CheckAnswer | Promise<CheckAnswer>;
  /**
   * Takes one batch of records; there only where the adapter has `inputs.report`. Batches come one after the other, out of a bounded
   * queue that the host keeps; the records are the handler's to keep, and never to change.
   */
  report?(batch: readonly ReportRecord[], call: Call): Delivery | Promise<Delivery>;
  /** What `/metrics/<handler>` shows, where the handler keeps metrics of its own. */
  expose?(request: ScrapeRequest): Exposition;
  /** For /status: whether the handler can do its work now, and since when its state is what it is. */
  status(): HandlerStatus;
  /** Ends what it began. Safe twice, and without a start. */
  close(): Promise<void>;
}

/** Values by the adapter's input names, of the CEL types that it declared; optional ones may be missing. */
export type CheckInput = ReadonlyMap<string, unknown>;

/** One question's bounds. */
export interface Call {
  /** Epoch milliseconds. */
  readonly deadlineAtMs: number;
  /** Aborts when the time is up. */
  readonly signal: AbortSignal;
  /** `before`: an earlier hop has asked the same of this request, and was charged; what the answer costs is not counted again. Absent: `now`. */
  readonly charge?: "now" | "before";
}

export type CheckAnswer =
  | {
      readonly verdict: "allow";
      /** By the adapter's output names, of the CEL types that it declared. */
      readonly outputs?: ReadonlyMap<string, unknown>;
    }
  | {
      readonly verdict: "deny";
      /** 400 to 599; absent: 403. */
      readonly status?: number;
      /** Plain text for the caller; absent: the status's reason phrase. */
      readonly message?: string;
      /** Instead of `message`: exactly this. */
      readonly body?: { readonly text: string; readonly contentType: string };
      /** Of the denial, by lower-case name: `retry-after`. What the rule itself sets stands above them. */
      readonly headers?: ReadonlyMap<string, string>;
      /** Who was refused, for telemetry rules alone: nothing in the check reads it. */
      readonly outputs?: ReadonlyMap<string, unknown>;
    }
  /** Could not decide; the rule's `onError` says what then. `reason` is for the log and never holds a secret. */
  | { readonly verdict: "error"; readonly reason: string };

export interface HandlerStatus {
  readonly state: "ready" | "stale" | "failing" | "starting";
  /** One line for people. */
  readonly detail: string;
}

/** Declares an adapter with the type of its configuration; the inventory holds adapters of all types. */
export const defineAdapter = <Config>(adapter: Adapter<Config>): Adapter => ({
  ...adapter,
  create: (config, host, previous) => adapter.create(adapter.config.parse(config), host, previous),
  ...(adapter.declare === undefined
    ? {}
    : { declare: (config, compiler) => adapter.declare?.(adapter.config.parse(config), compiler) ?? {} }),
});
