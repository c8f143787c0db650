import type { Decision } from "./decide.ts";
import { explainer, type Explainer, type KeptLimits } from "./explainer.ts";
import type { ExplainedPolicy } from "./explain.ts";
import type { Question } from "./question.ts";
import { requestOf, type Made, type RecentDecision } from "./recent.ts";
import { Ring, type RingQuery } from "./ring.ts";
import type { ShadowOutcome } from "./shadow.ts";
import type { Decider, Verdict } from "./verdict.ts";

/** One request that rules in shadow, or the candidate, would have answered otherwise. Nothing in it is secret. */
export interface Difference {
  readonly decision: string;
  readonly time: string;
  readonly kind: "shadow" | "candidate";
  /** Of what would have decided. */
  readonly policy: string;
  readonly rule: string;
  /** `allow`, `deny 403`, `error`; `unknown` where a handler would have had to be asked, or a value was missing. */
  readonly from: string;
  readonly to: string;
  readonly request: RecentDecision["request"];
  /** Why, by the policies that would have decided; undefined where too many came at a time to explain them all. */
  readonly policies: readonly ExplainedPolicy[] | undefined;
}

/** How often something differed since the start. */
export interface DifferenceCount extends Pick<Difference, "kind" | "policy" | "rule" | "from" | "to"> {
  readonly count: number;
}

/** What would have decided, and to what. */
interface Otherwise {
  readonly kind: Difference["kind"];
  readonly by: Decider;
  readonly to: string;
  readonly question: Question;
  readonly decision: Decision;
}

/** A verdict in a word: `allow`, `deny 403`, `error`. */
export const inAWord = (verdict: Verdict): string =>
  verdict.kind === "deny" ? `deny ${verdict.status}` : verdict.kind;

/** More kinds of differences than this are counted together under empty names: candidates come and go. */
const MAX_COUNTS = 2_000;

/** The last differences, and how many there were. */
export class Differences {
  readonly #ring: Ring<Difference>;
  readonly #explain: Explainer;
  readonly #counts = new Map<string, DifferenceCount>();

  /** `digest` stands for values of persons. */
  constructor(limits: KeptLimits, digest: (printed: string) => string) {
    this.#ring = new Ring(limits.maxBytes);
    this.#explain = explainer(limits, digest);
  }

  get bytes(): number {
    return this.#ring.bytes;
  }

  /** The rules in shadow that would have turned a decision. */
  addShadow(made: Made, outcomes: readonly ShadowOutcome[]): void {
    const { decision, question } = made;
    if (question === undefined) return;
    for (const { policy, rule, verdict } of outcomes) {
      if (verdict === "unknown" || verdict === decision.verdict.kind) continue;
      this.add(made, { kind: "shadow", by: { policy, rule }, to: verdict, question, decision });
    }
  }

  add(made: Made, { kind, by, to, question, decision }: Otherwise): void {
    const { decisionId, atMs } = made;
    const from = inAWord(made.decision.verdict);
    this.#count({ kind, ...by, from, to });
    this.#ring.add(
      `${decisionId} ${kind} ${by.policy}/${by.rule}`,
      { atMs, ...by, kind },
      {
        decision: decisionId,
        time: new Date(atMs).toISOString(),
        kind,
        ...by,
        from,
        to,
        request: requestOf(question),
        policies: this.#explain(question, decision, atMs),
      },
    );
  }

  /** The newest first. */
  list(query: RingQuery): readonly Difference[] {
    return this.#ring.list(query);
  }

  get counts(): readonly DifferenceCount[] {
    return [...this.#counts.values()];
  }

  #count(one: Omit<DifferenceCount, "count">): void {
    const key = JSON.stringify(one);
    const isKnown = this.#counts.has(key) || this.#counts.size < MAX_COUNTS;
    const counted = isKnown ? one : { ...one, policy: "", rule: "" };
    const known = isKnown ? key : JSON.stringify(counted);
    this.#counts.set(known, { ...counted, count: (this.#counts.get(known)?.count ?? 0) + 1 });
  }
}
