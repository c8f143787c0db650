/**
 * What an edge (gRPC, HTTP, a test) knows about one request or connection, before any of it is read by an
 * expression. Functions and getters decode only when something reads what they stand for.
 */
export interface CheckFacts {
  /** Undefined where a TCP connection asks: of it Envoy tells the peers, TLS and metadata alone. */
  readonly request: RequestFacts | undefined;
  readonly source: PeerFacts;
  readonly destination: PeerFacts;
  /** The TLS server name (SNI) as the peer wrote it; empty without one, and where Envoy does not send it. */
  readonly serverName: string;
  /** The Envoy that asks. */
  readonly proxy: ProxyFacts;
  /** Envoy's `context_extensions` of the route or filter. */
  readonly contextExtensions: () => Map<string, string>;
  /** Dynamic metadata by namespace, Maps all the way down. */
  readonly metadata: () => Map<string, unknown>;
}

export interface RequestFacts {
  readonly id: string;
  readonly method: string;
  /** With the query, as it came. */
  readonly path: string;
  /** With port, as it came. */
  readonly host: string;
  readonly scheme: string;
  readonly protocol: string;
  /** Of the whole body in bytes, whether it was sent or not; undefined where Envoy does not know. */
  readonly sizeBytes: bigint | undefined;
  /** Epoch milliseconds. */
  readonly timeMs: number | undefined;
  readonly headers: () => HeaderFacts;
  readonly body: () => BodyFacts;
}

export interface HeaderFacts {
  /** By lower-case name, repeated ones joined with a comma, bytes that are not UTF-8 replaced by `!`. */
  readonly joined: Map<string, string>;
  /** By lower-case name; undefined where the edge joined them already. */
  readonly all: Map<string, string[]> | undefined;
}

/** `cut`: only the first bytes came. `unseen`: Envoy sent no body, though there may be one. */
export type BodyFacts =
  | { readonly kind: "whole"; readonly bytes: Uint8Array }
  | { readonly kind: "cut" }
  | { readonly kind: "unseen" };

export interface PeerFacts {
  readonly address: string;
  readonly port: number | undefined;
  /** As the certificate names it: a SPIFFE id, a DNS name, a subject, or empty. */
  readonly principal: string;
  /** The certificate as URL-encoded PEM; empty where Envoy does not send it. */
  readonly certificate: string;
}

export interface ProxyFacts {
  /** The SPIFFE id of its certificate, where the listener asks for one. */
  readonly principal: string | undefined;
  /** What the listener that it asks is said to be for; undefined where nothing is said. */
  readonly listenerRole: "gateway" | "sidecar" | undefined;
}
