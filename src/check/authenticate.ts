import { withoutClient } from "../identity/presented.ts";
import type { Finding, Presented } from "../identity/verifier.ts";
import type { Evidence } from "../policy/evidence.ts";
import type { Identity } from "../policy/identity.ts";
import type { Policy } from "../policy/snapshot.ts";
import { within } from "../std/within.ts";
import { identityDenial } from "./denial.ts";
import type { Candidate } from "./governing.ts";
import type { Question } from "./question.ts";
import type { Denied } from "./verdict.ts";

/** What was found of the credentials that a request presents. */
export interface Authentication {
  /** By identity, as far as they were looked at; those that Envoy has proved are not among them. */
  readonly findings: ReadonlyMap<Identity, Finding>;
  /** Undefined where everything is known already. */
  readonly pending: Promise<void> | undefined;
  /** What is known of who asks. */
  readonly evidence: Evidence;
  /** Looks at others, too, which are read in shadow only. */
  also(identities: Iterable<Identity>): Promise<void> | undefined;
}

/** How long an identity is waited for that only telemetry reads: to verify a token takes less, and nobody waits for keys. */
const TELEMETRY_PATIENCE_MS = 10;

const NOT_IN_TIME: Finding = { kind: "unavailable", reason: "the keys did not come in time" };

/** Looks at the credentials of all identities that enforced expressions of the policies read, each once. */
export function authenticate(
  question: Question,
  evidence: Evidence,
  candidates: readonly Candidate[],
): Authentication {
  const authenticating = new Authenticating(question, evidence);
  const identities = candidates.flatMap(({ policy }) =>
    policy.mode === "enforce" && policy.identities.size > 0 ? [...policy.identities.values()] : [],
  );
  const enforced =
    identities.length === 0 ? undefined : authenticating.look(identities, question.attributes.presented);
  const isReported = question.snapshot.reporting !== undefined;
  const reported = isReported ? authenticating.report(candidates, identities) : undefined;
  authenticating.pending =
    enforced === undefined || reported === undefined
      ? (enforced ?? reported)
      : Promise.all([enforced, reported]).then(() => undefined);
  return authenticating;
}

class Authenticating implements Authentication {
  readonly findings = new Map<Identity, Finding>();
  pending: Promise<void> | undefined;
  readonly evidence: Evidence;
  readonly #question: Question;

  constructor(question: Question, evidence: Evidence) {
    this.#question = question;
    this.evidence = evidence;
  }

  also(identities: Iterable<Identity>): Promise<void> | undefined {
    // What is bad in shadow only would slow what is enforced.
    return this.look(identities, withoutClient(this.#question.attributes.presented));
  }

  /**
   * Looks at the credentials of identities that only telemetry reads, whose policies are among the candidates. What is bad there
   * refuses nobody and slows nobody, and what is not known at once, or nearly so, stays UNKNOWN.
   */
  report(candidates: readonly Candidate[], enforced: readonly Identity[]): Promise<void> | undefined {
    const others = candidates.flatMap(({ policy }) => [...(policy.telemetry?.identities.values() ?? [])]);
    const lenient = new Set(others.filter(isPresented)).difference(new Set(enforced));
    if (lenient.size === 0) return undefined;
    return this.look(lenient, withoutClient(this.#question.attributes.presented), TELEMETRY_PATIENCE_MS);
  }

  /** `patienceMs` is of what may stay UNKNOWN; without it everything is found out, as far as there is time. */
  look(identities: Iterable<Identity>, presented: Presented, patienceMs?: number): Promise<void> | undefined {
    const waiting: Promise<void>[] = [];
    for (const identity of new Set(identities)) {
      const pending = this.#find(identity, presented, patienceMs);
      if (pending !== undefined) waiting.push(pending);
    }
    return waiting.length === 0 ? undefined : Promise.all(waiting).then(() => undefined);
  }

  #find(identity: Identity, presented: Presented, patienceMs: number | undefined): Promise<void> | undefined {
    const { backends, nowMs, askUntilMs, given } = this.#question;
    if (given !== undefined || !isPresented(identity) || this.findings.has(identity)) return undefined;
    const note = (finding: Finding): void => {
      if (patienceMs === undefined || finding.kind !== "unavailable") this.#note(identity, finding);
    };
    const found = backends.find(identity, presented, nowMs);
    if (!(found instanceof Promise)) {
      note(found);
      return undefined;
    }
    const ms = Math.min(askUntilMs - nowMs, patienceMs ?? Infinity);
    return within(found, ms, NOT_IN_TIME).then(note);
  }

  #note(identity: Identity, finding: Finding): void {
    this.findings.set(identity, finding);
    const value = finding.kind === "holds" ? identity.valueOf(finding.claims) : undefined;
    this.evidence.note(identity, value);
  }
}

/** Whether a credential in the request proves it, rather than Envoy or a handler. */
const isPresented = ({ proof: { kind } }: Identity): boolean => kind === "jwt" || kind === "apiKey";

/** The refusal of a credential that a policy reads and that is presented and not good. */
export function identityRefusal(policy: Policy, { findings }: Authentication): Denied | undefined {
  if (findings.size === 0) return undefined;
  for (const [name, identity] of policy.identities) {
    const finding = findings.get(identity);
    if (finding === undefined || finding.kind === "holds" || finding.kind === "absent") continue;
    const isIgnored = identity.invalid === "ignore" && (finding.kind === "bad" || finding.kind === "flooded");
    if (!isIgnored) return identityDenial(policy, name, finding.kind);
  }
  return undefined;
}
