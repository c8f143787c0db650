import type { Compiler } from "./expressions.ts";
import type { Refreshed, RefreshOptions } from "./refreshed.ts";
import type { Remembered, RememberedOptions } from "./remembered.ts";
import type { Spool, SpoolOptions } from "./spool.ts";

/** What the host lends to adapters, and to the identities that fetch keys. Adapters need nothing else of weir. */
export interface Host {
  readonly log: HostLog;
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
  /** One outbound GET, POST or PUT within the bounds of weir.yaml's `outbound`. */
  readonly fetch: Fetch;
  /** Reads a file of bounded size, or rejects with a sentence that says why it cannot. */
  readonly readFile: (path: string, maxBytes: number) => Promise<Buffer>;
  /**
   * Puts a file in its place whole, readable by this user alone, and makes its folder: who reads it meanwhile finds the old one. Rejects
   * with a sentence that says why it cannot.
   */
  readonly writeFile: (path: string, content: string | Buffer) => Promise<void>;
  /** The present value of a secret field; re-read when it changes. Rejects with a sentence, never with the value. */
  readonly secret: (source: SecretSource) => Promise<string>;
  /** Opens what lines are appended to, which the handler closes. Rejects with a sentence that says why it cannot be opened. */
  readonly openLines: (to: LineDestination) => Promise<LineTarget>;
  /** Compiles what is CEL in the configuration; `declare` has found that nothing is wrong with it. */
  readonly compiler: Compiler;
  /**
   * Remembers what a back-end answers, and spares it questions. Opens nothing; the handler closes it. `previous` is that of the handler before,
   * where its keys mean the same and are answered the same: what it knows is known, unless it is to be used for another time.
   */
  readonly remember: <Value>(options: RememberedOptions, previous?: Remembered<Value>) => Remembered<Value>;
  /** Opens a queue on disk, which the handler closes. Rejects with a sentence where the folder cannot be used. */
  readonly openSpool: (options: SpoolOptions) => Promise<Spool>;
  /** Metrics of weir itself that the handler counts in, `weir_<adapter>_<name>` with a label `handler`. */
  readonly metrics: HostMetrics;
  /** Runs a task again and again, `everyMs` after the last run ended, until the stop is called. */
  readonly repeat: (everyMs: number, task: () => Promise<void>) => Stop;
  /** Keeps what is loaded from elsewhere current. Does nothing before it is started; the handler closes it. */
  readonly refresh: (options: RefreshOptions) => Refreshed;
}

export type Stop = () => void;

export interface MetricDescription {
  /** The part behind `weir_<adapter>_`; the unit comes last, and of counters `total`. */
  readonly name: string;
  readonly help: string;
  /** Beside `handler`. Their values come from a bounded set. */
  readonly labels?: readonly string[];
}

export interface HostMetrics {
  readonly counter: (
    description: MetricDescription,
  ) => (by: number, ...labelValues: readonly string[]) => void;
  /** `read` is asked at every scrape, until the handler is closed. */
  readonly gauge: (description: Omit<MetricDescription, "labels">, read: () => number) => void;
}

/** Structured lines of weir's own log. Values never hold secrets. */
export interface HostLog {
  readonly info: (fields: Readonly<Record<string, unknown>>, message: string) => void;
  readonly warn: (fields: Readonly<Record<string, unknown>>, message: string) => void;
}

/** Where lines go: the standard output of this process, or a file that is rotated. */
export type LineDestination = { readonly kind: "stdout" } | ({ readonly kind: "file" } & RotatedFile);

/** A file that is rotated. */
export interface RotatedFile {
  readonly path: string;
  /** The file is put aside before it would become larger: as `path.1`, which becomes `path.2`, and so on. */
  readonly maxBytes: number;
  /** How many are kept beside the one that is written. */
  readonly keep: number;
  /** The file is put aside when its first line is older. Absent: never for its age. */
  readonly maxAgeMs?: number;
  /** What was put aside is removed when its last line is older. Absent: never for its age. */
  readonly keepMs?: number;
}

/** Where lines end up. `append` rejects where they could not be written; the next call may go well again. */
export interface LineTarget {
  append(lines: Buffer): Promise<void>;
  /** Safe twice. */
  close(): Promise<void>;
}

/** A secret field of weir.yaml: never the secret itself. */
export type SecretSource = { readonly file: string } | { readonly env: string };

export interface FetchRequest {
  readonly url: string;
  readonly method?: "GET" | "POST" | "PUT";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** A longer answer is an error. */
  readonly maxBytes: number;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface FetchAnswer {
  readonly status: number;
  /** By lower-case name; repeated ones joined with a comma. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/**
 * Rejects with an error whose message says what failed (refused address, DNS, TLS, time, size), without credentials or query.
 * Redirects are not followed: they are answers like others.
 */
export type Fetch = (request: FetchRequest) => Promise<FetchAnswer>;
