import { explainer, type Explainer, type KeptLimits } from "./explainer.ts";
import type { ExplainedPolicy } from "./explain.ts";
import type { Decision } from "./decide.ts";
import type { Question } from "./question.ts";
import { Ring, type RingQuery } from "./ring.ts";

/** A decision that was made, with what it was about. */
export interface Made {
  readonly decisionId: string;
  /** Epoch milliseconds. */
  readonly atMs: number;
  readonly durationMs: number;
  readonly decision: Decision;
  /** Undefined where nothing could be made of the request. */
  readonly question: Question | undefined;
}

/** What is kept of a refusal or a fault. Nothing in it is secret, and what is of persons stands as a digest. */
export interface RecentDecision {
  readonly decision: string;
  readonly time: string;
  readonly revision: string | undefined;
  readonly verdict: "allow" | "deny" | "error";
  readonly status: number | undefined;
  readonly policy: string;
  readonly rule: string;
  readonly durationMs: number;
  readonly request: { readonly method: string; readonly host: string; readonly path: string } | undefined;
  /** The policies that applied; undefined where too many decisions came at a time to explain them all. */
  readonly policies: readonly ExplainedPolicy[] | undefined;
}

/** Which of them are wanted. */
export interface Wanted extends Omit<RingQuery, "kind"> {
  readonly verdict?: string | undefined;
}

/** The last refusals and faults: the oldest go when there are more than the bounds allow. */
export class RecentDecisions {
  readonly #ring: Ring<RecentDecision>;
  readonly #explain: Explainer;

  /** `digest` stands for values of persons. */
  constructor(limits: KeptLimits, digest: (printed: string) => string) {
    this.#ring = new Ring(limits.maxBytes);
    this.#explain = explainer(limits, digest);
  }

  /** How much is kept, in bytes. */
  get bytes(): number {
    return this.#ring.bytes;
  }

  add(made: Made): void {
    const { kind, by } = made.decision.verdict;
    this.#ring.add(made.decisionId, { atMs: made.atMs, ...by, kind }, this.#described(made));
  }

  find(decisionId: string): RecentDecision | undefined {
    return this.#ring.find(decisionId);
  }

  /** The newest first, without their explanations. */
  list({ verdict, ...wanted }: Wanted): readonly RecentDecision[] {
    return this.#ring.list({ ...wanted, kind: verdict }).map((one) => ({ ...one, policies: undefined }));
  }

  #described({ decisionId, atMs, durationMs, decision, question }: Made): RecentDecision {
    const { verdict } = decision;
    return {
      decision: decisionId,
      time: new Date(atMs).toISOString(),
      revision: question?.snapshot.revision,
      verdict: verdict.kind,
      status: verdict.kind === "deny" ? verdict.status : undefined,
      policy: verdict.by.policy,
      rule: verdict.by.rule,
      durationMs: Math.round(durationMs * 1_000) / 1_000,
      request: question && requestOf(question),
      policies: question && this.#explain(question, decision, atMs),
    };
  }
}

const MAX_PATH_LENGTH = 256;

/** What a request was for, without its query. */
export function requestOf({ attributes }: Question): RecentDecision["request"] {
  if (attributes.kind !== "http") return undefined;
  const { method, host = "", url_path: path = "" } = attributes.request;
  return { method: method.slice(0, 32), host, path: path.slice(0, MAX_PATH_LENGTH) };
}
