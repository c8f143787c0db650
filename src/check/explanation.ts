import type { Verifier } from "../identity/verifier.ts";
import { readAsked, type Asked } from "../policy/asked-file.ts";
import type { Diagnostic } from "../policy/diagnostic.ts";
import type { Identity } from "../policy/identity.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import { answerFor } from "../policy/stubs-file.ts";
import type { Live } from "../runtime/live.ts";
import { decide, type Decision } from "./decide.ts";
import { describedQuestion } from "./described.ts";
import { nameOf } from "./expectation.ts";
import { explain, type ExplainedPolicy } from "./explain.ts";
import type { Verdict } from "./verdict.ts";

/** What a verdict is, without the values of headers: they may be secret. */
export interface Summary {
  readonly kind: Verdict["kind"];
  /** `policy/rule` of each that decided. */
  readonly by: readonly string[];
  readonly status: number | undefined;
  /** Names of request headers. */
  readonly sets: readonly string[];
  readonly removes: readonly string[];
}

/** Why a request got its verdict. */
export interface Explanation {
  readonly verdict: Summary;
  readonly policies: readonly ExplainedPolicy[];
}

/** What a running weir answers to who describes a request. */
export type LiveExplanation =
  | { readonly kind: "explained"; readonly explanation: Explanation & { readonly revision: string } }
  | { readonly kind: "refused"; readonly findings: readonly Diagnostic[] }
  | { readonly kind: "not ready" };

/** What decides about a request that somebody describes. */
export interface Explainer {
  readonly snapshot: Snapshot;
  /** Verifies raw credentials. */
  readonly verifiers: ReadonlyMap<Identity, Verifier>;
  /** The clock, in epoch milliseconds, where the request does not say what it is. */
  readonly nowMs: number;
  /** How long keys are waited for. */
  readonly patienceMs: number;
  /** What stands for a value of a person's that a credential has proved. */
  readonly proved: (printed: string) => string;
}

/**
 * Decides about a described request, and says what every policy, rule and part of an expression came to. No handler is asked:
 * what they answer is said beside the request. Nothing is counted and nothing kept.
 */
export async function explainAsked(
  { request, principal, backends, nowMs }: Asked,
  { snapshot, verifiers, patienceMs, proved, ...explainer }: Explainer,
): Promise<Explanation> {
  const question = describedQuestion({
    snapshot,
    principal,
    request,
    nowMs: nowMs ?? explainer.nowMs,
    patienceMs,
    verifiers,
    stubOf: (handler) => answerFor(backends.get(handler), ""),
    unsaid: (handler) => `nothing says what ${handler} answers`,
  });
  const decision = await decide(question);
  const personal = isProved(decision) ? proved : (printed: string) => printed;
  return {
    verdict: summaryOf(decision.verdict),
    policies: explain({ question, decision, personal }),
  };
}

/**
 * Reads a described request and decides about it with what is live: its policies, and its verifiers for raw credentials. Live
 * requests notice nothing of it, but that a token which was found good here need not be verified again.
 */
export async function explainLive(
  text: Uint8Array,
  { live, nowMs, proved }: Pick<Explainer, "nowMs" | "proved"> & { readonly live: Live | undefined },
): Promise<LiveExplanation> {
  if (live === undefined) return { kind: "not ready" };
  const asked = readAsked("the request", text);
  if (!("request" in asked)) return { kind: "refused", findings: asked };
  const { snapshot, verifiers } = live;
  const patienceMs = snapshot.settings.checkTimeoutMs;
  const explanation = await explainAsked(asked, { snapshot, verifiers, nowMs, patienceMs, proved });
  return { kind: "explained", explanation: { revision: snapshot.revision, ...explanation } };
}

/**
 * Whether a token or a key has said who asks. Where none has, everything of a person's stands in the description itself, and
 * who wrote that knows it.
 */
const isProved = ({ authentication }: Decision): boolean =>
  Array.from(authentication?.findings.values() ?? []).some(({ kind }) => kind === "holds");

/** A verdict without the values of headers. */
export function summaryOf(verdict: Verdict): Summary {
  const isAllow = verdict.kind === "allow";
  return {
    kind: verdict.kind,
    by: (isAllow ? verdict.grants : [verdict.by]).map(nameOf),
    status: verdict.kind === "deny" ? verdict.status : undefined,
    sets: isAllow ? verdict.requestSet.map(([name]) => name) : [],
    removes: isAllow ? verdict.requestRemove : [],
  };
}
