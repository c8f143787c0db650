import { isDeepStrictEqual } from "node:util";
import type { CheckAnswer, CheckInput } from "../adapter/adapter.ts";
import { Attributes } from "../attributes/attributes.ts";
import { withoutClient } from "../identity/presented.ts";
import type { Finding, Presented } from "../identity/verifier.ts";
import { assumedLimits } from "../limits/assumed.ts";
import type { Identity } from "../policy/identity.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import type { Backends } from "../runtime/backends.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { decide, type Decision } from "./decide.ts";
import { inAWord, type Differences } from "./differences.ts";
import type { Question } from "./question.ts";
import type { Made } from "./recent.ts";
import { isSampled } from "./sample.ts";
import type { Verdict } from "./verdict.ts";
import { verdictDifferences } from "./verdict-difference.ts";

/** A configuration that is tried on what the live one has decided. */
export interface Candidate {
  readonly snapshot: Snapshot;
  /** Verifies credentials that the live configuration has not looked at. */
  readonly find: Backends["find"];
}

export interface CandidateOptions {
  /** Undefined where there is none, or none that is good. */
  readonly candidate: () => Candidate | undefined;
  /** Of all checks, from 0 to 1. */
  readonly share: number;
  readonly metrics: Pick<Metrics, "countCandidateCheck" | "countCandidateDifference">;
  readonly differences: Differences;
}

/** Checks whose candidate verdict waits for keys that are being fetched. */
const MAX_WAITING = 100;
const PATIENCE_MS = 1_000;

/** Decides by the candidate what was decided and answered already, and tells of the differences. */
export class CandidateTrial {
  readonly #options: CandidateOptions;
  #same: SameIdentities | undefined;
  #waiting = 0;

  constructor(options: CandidateOptions) {
    this.#options = options;
  }

  /** It costs next to nothing where there is no candidate. */
  wants({ decisionId, question }: Made): boolean {
    const { candidate, share } = this.#options;
    return candidate() !== undefined && question !== undefined && isSampled(decisionId, share);
  }

  /** There is a promise only where keys are waited for. */
  try(made: Made): Promise<void> | undefined {
    const { question } = made;
    const candidate = this.#options.candidate();
    if (candidate === undefined || question === undefined) return undefined;
    if (this.#waiting >= MAX_WAITING) {
      this.#options.metrics.countCandidateCheck("dropped");
      return undefined;
    }
    const asked = this.#questionOf(made.decision, question, candidate);
    const decision = decide(asked);
    if (!(decision instanceof Promise)) {
      this.#compare(made, asked, decision);
      return undefined;
    }
    this.#waiting++;
    return decision
      .then((known) => this.#compare(made, asked, known))
      .finally(() => {
        this.#waiting--;
      });
  }

  /**
   * The request as the candidate reads it, with the live decision's findings, answers and counts in place of everybody who could
   * be asked. A quota that is new has room.
   */
  #questionOf(
    { authentication, answers, takes }: Decision,
    question: Question,
    { snapshot, find }: Candidate,
  ): Question {
    if (this.#same?.live !== question.snapshot || this.#same.candidate !== snapshot)
      this.#same = new SameIdentities(question.snapshot, snapshot);
    const same = this.#same;
    const backends: Backends = {
      find(identity: Identity, presented: Presented, nowMs: number): Finding | Promise<Finding> {
        const live = same.of(identity);
        const known = live && authentication?.findings.get(live);
        // What is bad for a candidate only would slow what is live.
        return known ?? find(identity, withoutClient(presented), nowMs);
      },
      ask: (handler: string, input: CheckInput): CheckAnswer =>
        answers?.known(handler, input) ?? { verdict: "error", reason: "a candidate asks nobody" },
    };
    return {
      snapshot,
      attributes: new Attributes(question.attributes.facts, snapshot.settings),
      backends,
      limits: assumedLimits(({ policy, id }) =>
        takes?.outcomes.find(({ claim: { quota } }) => quota.policy === policy && quota.id === id),
      ),
      nowMs: question.nowMs,
      askUntilMs: question.nowMs + PATIENCE_MS,
    };
  }

  #compare(made: Made, question: Question, decision: Decision): void {
    const { metrics, differences } = this.#options;
    const { verdict } = decision;
    const isUnknown = isUndecided(decision) && made.decision.verdict.kind !== "error";
    if (!isUnknown && isSame(made.decision.verdict, verdict)) {
      metrics.countCandidateCheck("same");
      return;
    }
    metrics.countCandidateCheck(isUnknown ? "unknown" : "different");
    const to = isUnknown ? "unknown" : inAWord(verdict);
    metrics.countCandidateDifference(
      verdict.by,
      made.decision.verdict.kind,
      isUnknown ? "unknown" : verdict.kind,
    );
    differences.add(made, { kind: "candidate", by: verdict.by, to, question, decision });
  }
}

/** Whether a caller and a service would have seen no difference. */
const isSame = (before: Verdict, after: Verdict): boolean =>
  verdictDifferences(before, after).every(({ part }) => part === "rule");

/** Whether somebody would have had to be asked, or keys were not at hand. */
function isUndecided({ verdict, authentication }: Decision): boolean {
  if (verdict.kind === "error") return true;
  const isOfIdentity = verdict.by.rule.startsWith("identity/");
  return (
    isOfIdentity && [...(authentication?.findings.values() ?? [])].some(({ kind }) => kind === "unavailable")
  );
}

/** Which identities of a candidate are proved as live ones are. */
class SameIdentities {
  readonly live: Snapshot;
  readonly candidate: Snapshot;
  readonly #byCandidate: ReadonlyMap<Identity, Identity>;

  constructor(live: Snapshot, candidate: Snapshot) {
    this.live = live;
    this.candidate = candidate;
    this.#byCandidate = new Map(
      candidate.identities.flatMap((identity): [Identity, Identity][] => {
        const same = live.identities.find(({ proof }) => isDeepStrictEqual(proof, identity.proof));
        return same === undefined ? [] : [[identity, same]];
      }),
    );
  }

  of(identity: Identity): Identity | undefined {
    return this.#byCandidate.get(identity);
  }
}
