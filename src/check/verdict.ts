import type { Quota } from "../policy/quota.ts";
import type { Fault } from "../std/fault.ts";

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
  /** Headers with their whole value: what is appended is joined with what the request had. */
  readonly requestSet: readonly HeaderValue[];
  /** Lower-case names; never one that is set. */
  readonly requestRemove: readonly string[];
  /** Names and values as they are meant, not yet escaped. */
  readonly querySet: readonly HeaderValue[];
  /** Names as queries write them; never the one of what is set. */
  readonly queryRemove: readonly string[];
  readonly responseSet: readonly HeaderValue[];
  readonly responseAppend: readonly HeaderValue[];
  /** Fields of the answer's dynamic metadata. */
  readonly metadata: readonly HeaderValue[];
  /** What settles costs that were reserved, one a quota; whoever sees the end of the request hands it back. */
  readonly settle?: readonly string[];
}

export interface Denied {
  readonly kind: "deny";
  readonly by: Decider;
  /** Of a request that lacked what a policy reads. */
  readonly fault?: Fault;
  readonly status: number;
  readonly body: string;
  readonly contentType: string;
  readonly headers: readonly HeaderValue[];
  readonly metadata: readonly HeaderValue[];
  /** Of a quota that is exhausted, or cannot be asked. */
  readonly quota?: Quota;
}

/** A back-end of ours failed after the request itself was found good: Envoy's failure mode decides. */
export interface Failed {
  readonly kind: "error";
  readonly by: Decider;
}
