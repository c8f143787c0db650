import type { Signer } from "../host/signer.ts";
import type { Attributes } from "../attributes/attributes.ts";
import type { GivenIdentities } from "../policy/evidence.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import type { Limits } from "../limits/limits.ts";
import type { Backends } from "../runtime/backends.ts";

/** What is decided about, by which configuration, and whom the decision may ask. */
export interface Question {
  readonly snapshot: Snapshot;
  readonly attributes: Attributes;
  readonly backends: Backends;
  /** Whom quotas ask. */
  readonly limits: Limits;
  /** Signs what one hop tells the next; undefined where nothing is told. */
  readonly signer?: Signer | undefined;
  /** Epoch milliseconds. */
  readonly nowMs: number;
  /** Epoch milliseconds, by which everybody who is asked must have answered. */
  readonly askUntilMs: number;
  /** A test's principals: they stand for what the request would prove. */
  readonly given?: GivenIdentities | undefined;
}
