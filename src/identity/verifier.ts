/** Proves who asks: one verifier an identity of a policy or shared file. */
export interface Verifier {
  /**
   * What a request proves. An answer that is at hand (nothing presented, a remembered token, a known key) is returned
   * without a promise. Never throws or rejects.
   */
  find(presented: Presented, nowMs: number): Finding | Promise<Finding>;
  /** For /status. */
  status(): VerifierStatus;
  /** Begins what needs time (fetching keys); never rejects. Safe twice. */
  start(): void;
  /** Ends timers and fetches. Safe twice. */
  close(): void;
}

/** What credentials are taken from. Names of headers are lower case. */
export interface Presented {
  /** Repeated headers joined with commas. */
  readonly headers: ReadonlyMap<string, string>;
  /** Undefined where Envoy joined them already. */
  readonly headersAll: ReadonlyMap<string, readonly string[]> | undefined;
  /** Undefined where the query cannot be read. */
  readonly query: ReadonlyMap<string, readonly string[]> | undefined;
  /** Who asks, for slowing floods: an address, or empty where it is not known. */
  readonly client: string;
}

export type Finding =
  /** Nothing presented, or a credential meant for another identity. */
  | { readonly kind: "absent" }
  /** `claims` are the verified facts: a token's payload, a key's entry. Numbers of JSON are numbers, objects are Maps. */
  | { readonly kind: "holds"; readonly claims: ReadonlyMap<string, unknown> }
  /** Presented and not good: 401. `reason` is for logs and holds no credential. */
  | { readonly kind: "bad"; readonly reason: string }
  /** Presented twice, so that two readers may see two: 400. */
  | { readonly kind: "ambiguous"; readonly reason: string }
  /** The keys were never loaded, or are too old: 503. */
  | { readonly kind: "unavailable"; readonly reason: string }
  /** Too many bad ones from this client: 429. */
  | { readonly kind: "flooded" };

export interface VerifierStatus {
  readonly state: "ready" | "stale" | "failing" | "starting";
  readonly detail: string;
}

/** Where a credential is presented. */
export type CredentialPlace =
  /** `scheme` is compared without case (RFC 9110 section 11.1); without one the whole value is the credential. */
  | { readonly header: string; readonly scheme?: string }
  | { readonly cookie: string }
  | { readonly query: string };
