/**
 * What handlers are given of access-log entries. A telemetry rule with a preset yields that preset's kind of record; one without
 * yields the fields of its `with`.
 */
export type ReportRecord = Measurement | Exchange | FieldRecord;

/** What the host can make of an entry: `istio` a measurement, `access-log` fields, `trace` an exchange. */
export type Preset = "istio" | "access-log" | "trace";

interface CommonRecord {
  /** When the entry came in by the clock of this process, in epoch milliseconds. */
  readonly observedAtMs: number;
  /** What the rule's `with` adds, by name; what had no value is left out. */
  readonly added: ReadonlyMap<string, FieldValue>;
  /** The trace that the request is part of, where its headers say so. */
  readonly trace: TraceIds | undefined;
}

/** A value without types of CEL's; whole numbers beyond 2^53 are texts of digits. */
export type FieldValue = string | number | boolean | null | readonly FieldValue[] | FieldObject;

export interface FieldObject {
  readonly [name: string]: FieldValue;
}

export interface TraceIds {
  /** 32 or 16 lower-case hex digits, as it came. */
  readonly traceId: string;
  /** 16 lower-case hex digits. */
  readonly spanId: string;
  /** Whether the trace is kept; absent where the headers leave that to others. */
  readonly sampled?: boolean;
}

/** One label set, and what one entry adds to the metrics of its family. */
export interface Measurement extends CommonRecord {
  readonly kind: "measurement";
  readonly family: MetricFamily;
  /** In the order of the family's labels. One label set is mostly one array, so that it can be found by identity first. */
  readonly labels: readonly string[];
  /** In the order of the family's metrics: what a counter grows by, what a histogram observes; undefined: nothing. */
  readonly values: readonly (number | undefined)[];
}

/** Metrics that have the same labels and are observed, kept and forgotten together. */
export interface MetricFamily {
  readonly id: string;
  readonly labels: readonly string[];
  readonly metrics: readonly MetricShape[];
}

export interface MetricShape {
  /** Without the prefix that the handler gives it: `requests_total`, `request_duration_milliseconds`. */
  readonly name: string;
  readonly help: string;
  readonly kind: "counter" | "histogram";
  /** Upper bounds of a histogram, ascending, without infinity; empty of a counter. */
  readonly bounds: readonly number[];
}

/** One request or connection between two ends, as one proxy saw it whole: what spans are made of. */
export interface Exchange extends CommonRecord, Interval {
  readonly kind: "exchange";
  /** Whose proxy tells: `client` of the caller, `server` of the called, `gateway` one between two that have none. */
  readonly side: "client" | "server" | "gateway";
  /** The headers that carry a trace's context, by lower-case name, as the proxy logged them; where they are repeated, joined with commas. */
  readonly context: ReadonlyMap<string, string>;
  /** What tells this exchange from every other, the same on every replica and when it is told again. */
  readonly id: string;
  /** `GET /orders` without a query, or the gRPC method; of a connection, the service. */
  readonly name: string;
  /** When the called end was first written to and last heard of; undefined where nobody was called, as of what the proxy refused itself. */
  readonly called: Interval | undefined;
  /** The end whose proxy tells, and the other one; a gateway's is itself, with the called one as the other. */
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Why it failed: a status of 500 and above, a gRPC status that is an error, response flags; undefined where it did not. */
  readonly failure: string | undefined;
  /** Facts by the names of OpenTelemetry's HTTP conventions, where they have one: `http.request.method`. */
  readonly attributes: ReadonlyMap<string, FieldValue>;
}

/** Epoch microseconds by the proxy's clock; the duration is undefined where the proxy did not say when it ended. */
export interface Interval {
  readonly startedAtUs: number;
  readonly durationUs: number | undefined;
}

export interface Endpoint {
  /** Empty where it is not known. */
  readonly service: string;
  readonly ip: string | undefined;
  readonly port: number | undefined;
}

/** Named values: a line of a log, or what a rule's `with` says. */
export interface FieldRecord extends CommonRecord {
  readonly kind: "fields";
  /** `policy/id` of the telemetry rule. */
  readonly rule: string;
  /** When the request began by the proxy's clock, in epoch milliseconds; undefined where it does not say. */
  readonly timeMs: number | undefined;
  readonly severity: "info" | "warning" | "error";
  /** Of the preset, in the order in which they are written; empty without one. */
  readonly fields: ReadonlyMap<string, FieldValue>;
}

/** What became of a batch. Throwing or rejecting is `retry`. */
export type Delivery =
  | { readonly kind: "delivered" }
  /** The other end will never take `dropped` of them; the rest has arrived. */
  | { readonly kind: "refused"; readonly dropped: number; readonly reason: string }
  /** Nothing has arrived; `afterMs` is what the other end asks to be waited. */
  | { readonly kind: "retry"; readonly reason: string; readonly afterMs?: number };

/** What an adapter takes of entries. */
export interface ReportInputs {
  readonly presets: readonly Preset[];
  /** Whether a rule may have no preset, so that its `with` is all there is. */
  readonly plain: "taken" | "refused";
  /**
   * Why a handler of this configuration, which is as written and which the schema has taken, cannot take what a rule sends it: a
   * sentence with what to do; undefined where it can.
   */
  readonly complaint?: (config: unknown, use: ReportUse) => string | undefined;
}

/** What a rule sends. */
export interface ReportUse {
  readonly preset: Preset | undefined;
  /** The names in its `with`, with the text of those that are constant. */
  readonly fields: ReadonlyMap<string, string | undefined>;
}

/** What a scraper asks for, by its request's headers. */
export interface ScrapeRequest {
  readonly accept: string;
  readonly acceptEncoding: string;
}

/** A page of metrics, written in slices so that nobody waits for all of it. */
export interface Exposition {
  readonly contentType: string;
  /** Empty: as it is. */
  readonly contentEncoding: "gzip" | "";
  /** Each is its reader's until the next one is asked for. */
  readonly slices: AsyncIterable<Uint8Array>;
}
