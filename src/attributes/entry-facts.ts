import type { CheckFacts } from "./facts.ts";

/**
 * What one access-log entry says, before any of it is read. Getters decode when they are read, since most rules read little.
 * Source: envoy.data.accesslog.v3, whose fields docs/attributes.md lists.
 */
export interface EntryFacts extends CheckFacts {
  readonly kind: "http" | "tcp";
  /** Where it came from, the same object for all entries of a stream until the Envoy says otherwise. */
  readonly origin: OriginFacts;
  /** The number of envoy.data.accesslog.v3.AccessLogType; 0 where the Envoy is too old to tell. */
  readonly accessLogType: number;
  /** Of Envoys too old for `accessLogType`: the request or connection goes on. */
  readonly isIntermediate: boolean;
  /** Of the request or connection, the same in all entries about it; may be empty. */
  readonly streamId: string;
  /** From the first byte of the caller, in milliseconds; undefined until the request is complete. */
  readonly durationMs: number | undefined;
  /** Epoch milliseconds by Envoy's clock, with fractions; undefined where it is absent. */
  readonly startedAtMs: number | undefined;
  /** Milliseconds since the first byte of the caller, by the names of the fields without `time_to_`; undefined where it never happened. */
  readonly timing: (step: TimingStep) => number | undefined;
  /** Undefined where no response began, and of TCP. */
  readonly responseCode: number | undefined;
  /** The number of each flag's field in ResponseFlags, ascending. */
  readonly responseFlags: readonly number[];
  readonly responseCodeDetails: string;
  readonly upstreamCluster: string;
  readonly routeName: string;
  /** Wire bytes between the caller and Envoy. */
  readonly downstreamBytes: WireBytes;
  readonly upstreamBytes: WireBytes;
  /** Of TCP entries, what the connection carried since it was opened. */
  readonly connectionBytes: WireBytes;
  readonly responseHeaders: () => Map<string, string>;
  readonly responseTrailers: () => Map<string, string>;
  readonly customTags: () => Map<string, string>;
  /** By name, Maps all the way down; what is of no type that weir reads is left out. */
  readonly filterState: () => Map<string, unknown>;
  /** `envoy.filters.http.ext_authz` → `weir` of the dynamic metadata: what the check left for its entry. */
  readonly decision: () => DecisionFacts | undefined;
}

export type TimingStep =
  | "last_rx_byte"
  | "first_upstream_tx_byte"
  | "last_upstream_tx_byte"
  | "first_upstream_rx_byte"
  | "last_upstream_rx_byte"
  | "first_downstream_tx_byte"
  | "last_downstream_tx_byte";

export interface WireBytes {
  readonly sent: number;
  readonly received: number;
}

/** The Envoy that logs, and the logger; read once a stream. */
export interface OriginFacts {
  readonly via: "als" | "otlp";
  readonly logName: string;
  readonly nodeId: string;
  readonly nodeCluster: string;
  /** The node's metadata, Maps all the way down. */
  readonly nodeMetadata: ReadonlyMap<string, unknown>;
}

/** What weir's own answer to the check said, read back. */
export interface DecisionFacts {
  readonly id: string;
  readonly verdict: string;
  readonly policy: string;
  readonly rule: string;
  /** Names of all policies that matched; undefined where the answer was too long to carry them. */
  readonly policies: readonly string[] | undefined;
  /** What telemetry rules need of the check, by policy and then by name: Maps all the way down. */
  readonly carried: ReadonlyMap<string, unknown>;
  /** What settles costs that were reserved. */
  readonly settleTokens: readonly string[];
}
