import type { Call, CheckAnswer, CheckInput } from "../adapter/adapter.ts";
import type { Finding, Presented } from "../identity/verifier.ts";
import type { Identity } from "../policy/identity.ts";

/** Whom a decision may ask. An answer that is at hand comes without a promise; none is ever rejected. */
export interface Backends {
  /** What a request proves of an identity with a credential. */
  find(identity: Identity, presented: Presented, nowMs: number): Finding | Promise<Finding>;
  /** A handler's answer, or `error` when it has none by the deadline (epoch milliseconds). */
  ask(
    handler: string,
    input: CheckInput,
    deadlineAtMs: number,
    charge?: Call["charge"],
  ): CheckAnswer | Promise<CheckAnswer>;
}
