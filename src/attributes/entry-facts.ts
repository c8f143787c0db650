import type { CheckFacts } from "./facts.ts";

/**
 * What one access-log entry says, before any of it is read. Getters decode when they are read, since most rules read little.
 * `source` and `destination` are the two ends of the connection to Envoy, `request` is undefined of TCP entries; what no entry
 * has (a body, context extensions) is as in a check that lacks it.
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
  /** Undefined where it is not known: no host was chosen, or the Envoy does not say. */
  readonly address: (of: AddressOf) => AddressFacts | undefined;
  /** Undefined where there is neither TLS nor what was sniffed of it. */
  readonly tls: () => TlsFacts | undefined;
  /** The one URI in the certificate of an end of the connection to Envoy: its caller's, or its own. Empty where there is none, or several. */
  readonly principal: (of: "source" | "destination") => string;
  /** Wire bytes between the caller and Envoy. */
  readonly downstreamBytes: WireBytes;
  readonly upstreamBytes: WireBytes;
  /** Of TCP entries, what the connection carried since it was opened. */
  readonly connectionBytes: WireBytes;
  /** One header by its lower-case name, where the logger sends it, without decoding the others. */
  readonly requestHeader: (name: string) => string | undefined;
  readonly responseHeader: (name: string) => string | undefined;
  readonly responseTrailer: (name: string) => string | undefined;
  readonly customTag: (name: string) => string | undefined;
  readonly responseHeaders: () => Map<string, string>;
  readonly responseTrailers: () => Map<string, string>;
  readonly customTags: () => Map<string, string>;
  /** By name, Maps all the way down; what is of no type that weir reads is left out. */
  readonly filterState: () => Map<string, unknown>;
  /**
   * One object of the filter state as it came, in binary text, for who remembers what it made of the same bytes before; undefined where
   * there is none, and of entries that did not come as `als`. `stateOf` of src/report/filter-state.ts reads it.
   */
  readonly rawFilterState: (name: string) => string | undefined;
  /** `envoy.filters.http.ext_authz` → `weir` of the dynamic metadata: what the check left for its entry. */
  readonly decision: () => DecisionFacts | undefined;
  /** What few rules read. */
  readonly details: () => EntryDetails;
}

export type TimingStep =
  | "last_rx_byte"
  | "first_upstream_tx_byte"
  | "last_upstream_tx_byte"
  | "first_upstream_rx_byte"
  | "last_upstream_rx_byte"
  | "first_downstream_tx_byte"
  | "last_downstream_tx_byte";

/** The fields of AccessLogCommon without `_address`. `downstream_remote` is the caller by forwarded headers and the PROXY protocol. */
export type AddressOf =
  | "downstream_remote"
  | "downstream_direct_remote"
  | "downstream_local"
  | "upstream_remote"
  | "upstream_local";

export interface AddressFacts {
  /** An IP address; the path of a pipe; the name of an internal listener. */
  readonly address: string;
  /** Undefined of what has none. */
  readonly port: number | undefined;
}

export interface WireBytes {
  readonly sent: number;
  readonly received: number;
}

/** The caller's TLS. Texts are empty where Envoy does not say. */
export interface TlsFacts {
  /** `TLSv1.3`. */
  readonly version: string;
  /** The number of the cipher suite. */
  readonly cipherSuite: number | undefined;
  readonly serverName: string;
  readonly sessionId: string;
  readonly ja3: string;
  readonly local: CertificateFacts;
  readonly peer: CertificateFacts;
}

export interface CertificateFacts {
  /** Subject Alternative Names that are URIs, in order. */
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
  readonly subject: string;
  readonly issuer: string;
}

/** Texts are empty, numbers 0, where Envoy does not say. Sizes are in bytes. */
export interface EntryDetails {
  readonly sampleRate: number;
  readonly upstreamTransportFailureReason: string;
  readonly downstreamTransportFailureReason: string;
  readonly connectionTerminationDetails: string;
  readonly upstreamRequestAttemptCount: number;
  readonly requestPort: number | undefined;
  readonly userAgent: string;
  readonly referer: string;
  readonly forwardedFor: string;
  readonly originalPath: string;
  readonly requestHeadersBytes: number;
  readonly requestBodyBytes: number;
  readonly responseHeadersBytes: number;
  readonly responseBodyBytes: number;
  /** Header bytes on the wire. */
  readonly downstreamHeaderBytes: WireBytes;
  readonly upstreamHeaderBytes: WireBytes;
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

/** An origin of which nothing is known. */
export const NO_ORIGIN: OriginFacts = {
  via: "als",
  logName: "",
  nodeId: "",
  nodeCluster: "",
  nodeMetadata: new Map(),
};

const NO_BYTES: WireBytes = { sent: 0, received: 0 };

export const NO_DETAILS: EntryDetails = {
  sampleRate: 0,
  upstreamTransportFailureReason: "",
  downstreamTransportFailureReason: "",
  connectionTerminationDetails: "",
  upstreamRequestAttemptCount: 0,
  requestPort: undefined,
  userAgent: "",
  referer: "",
  forwardedFor: "",
  originalPath: "",
  requestHeadersBytes: 0,
  requestBodyBytes: 0,
  responseHeadersBytes: 0,
  responseBodyBytes: 0,
  downstreamHeaderBytes: NO_BYTES,
  upstreamHeaderBytes: NO_BYTES,
};

const NO_PEER = { address: "", port: undefined, principal: "", certificate: "" };

/** An entry that says nothing, for edges that know little to begin with. */
export const NO_ENTRY: EntryFacts = {
  kind: "tcp",
  origin: NO_ORIGIN,
  request: undefined,
  source: NO_PEER,
  destination: NO_PEER,
  serverName: "",
  proxy: { principal: undefined, listenerRole: undefined },
  contextExtensions: () => new Map(),
  metadata: () => new Map(),
  accessLogType: 0,
  isIntermediate: false,
  streamId: "",
  durationMs: undefined,
  startedAtMs: undefined,
  timing: () => undefined,
  responseCode: undefined,
  responseFlags: [],
  responseCodeDetails: "",
  upstreamCluster: "",
  routeName: "",
  address: () => undefined,
  tls: () => undefined,
  principal: () => "",
  downstreamBytes: NO_BYTES,
  upstreamBytes: NO_BYTES,
  connectionBytes: NO_BYTES,
  requestHeader: () => undefined,
  responseHeader: () => undefined,
  responseTrailer: () => undefined,
  customTag: () => undefined,
  responseHeaders: () => new Map(),
  responseTrailers: () => new Map(),
  customTags: () => new Map(),
  filterState: () => new Map(),
  rawFilterState: () => undefined,
  decision: () => undefined,
  details: () => NO_DETAILS,
};
