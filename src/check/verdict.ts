/** The combined outcome of one check, before it is written for Envoy. */
export type Verdict = Allowed | Denied | Failed;

/** Which policy and rule decided. `weir/…` rules are weir's own; of a policy is only `weir/budget`. */
export interface Decider {
  readonly policy: string;
  readonly rule: string;
}

export type HeaderValue = readonly [name: string, value: string];

export interface Allowed {
  readonly kind: "allow";
  /** The first of `grants`. */
  readonly by: Decider;
  /** What every policy that grants has granted by. */
  readonly grants: readonly Decider[];
  readonly requestSet: readonly HeaderValue[];
  /** Lower-case names; never one that is set. */
  readonly requestRemove: readonly string[];
  readonly responseSet: readonly HeaderValue[];
}

export interface Denied {
  readonly kind: "deny";
  readonly by: Decider;
  readonly status: number;
  readonly body: string;
  readonly contentType: string;
  readonly headers: readonly HeaderValue[];
}

/** A back-end of ours failed after the request itself was found good: Envoy's failure mode decides. */
export interface Failed {
  readonly kind: "error";
  readonly by: Decider;
}
