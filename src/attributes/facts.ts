/**
 * What an edge (gRPC, HTTP, a test) knows about one request, before any of it is read by an expression.
 * Functions are called at most once, and only when something reads what they decode.
 */
export interface CheckFacts {
  readonly request: RequestFacts;
  readonly source: PeerFacts;
  readonly destination: PeerFacts;
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
  /** Of the body in bytes; undefined where Envoy does not know. */
  readonly sizeBytes: bigint | undefined;
  /** Epoch milliseconds. */
  readonly timeMs: number | undefined;
  readonly headers: () => HeaderFacts;
}

export interface HeaderFacts {
  /** By lower-case name, repeated ones joined with a comma, bytes that are not UTF-8 replaced by `!`. */
  readonly joined: Map<string, string>;
  /** By lower-case name; undefined where the edge joined them already. */
  readonly all: Map<string, string[]> | undefined;
}

export interface PeerFacts {
  readonly address: string;
  readonly port: number | undefined;
  /** As the certificate names it: a SPIFFE id, a DNS name, a subject, or empty. */
  readonly principal: string;
}
