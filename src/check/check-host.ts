import type { Signer } from "../host/signer.ts";
import type { Limits } from "../limits/limits.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import type { Backends } from "../runtime/backends.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { CandidateTrial } from "./candidate.ts";
import type { Differences } from "./differences.ts";
import type { Made } from "./recent.ts";
import type { Records } from "./records.ts";

/** What the check path needs of the rest of weir. */
export interface CheckHost {
  /** The live configuration and whom its policies may ask; undefined before there is one. */
  readonly live: () => { readonly snapshot: Snapshot; readonly backends: Backends } | undefined;
  /** Whom quotas ask. */
  readonly limits: Limits;
  /** Signs what one hop tells the next; undefined: nothing is told. */
  readonly signer?: Signer;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Epoch milliseconds, with fractions. */
  readonly nowMs: () => number;
  /** Runs a task after the answer; says false when too many are waiting. */
  readonly later: (task: () => void) => boolean;
  /** Told after the answer of what was not allowed. */
  readonly onRefusal?: (made: Made) => void;
  /** Undefined: there is no candidate. */
  readonly candidate?: CandidateTrial | undefined;
  /** Undefined: what shadow rules would have turned is counted only. */
  readonly differences?: Differences;
  /** Undefined: nothing is written. */
  readonly records?: Records;
}
