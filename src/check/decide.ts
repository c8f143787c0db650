import { Unknown } from "../cel/expression.ts";
import type { Takes } from "../limits/limits.ts";
import type { AskRule, RefusalRule, Snapshot } from "../policy/snapshot.ts";
import { Evidence } from "../policy/evidence.ts";
import { Answers } from "./ask.ts";
import { authenticate, identityRefusal, type Authentication } from "./authenticate.ts";
import { defaultDenial, ownDenial, ruleDenial } from "./denial.ts";
import { allow, type Grant } from "./effects.ts";
import { Faults } from "./faults.ts";
import { candidatesFor, governingOf, type Candidate, type Governing } from "./governing.ts";
import { Once, telling } from "./once.ts";
import type { Question } from "./question.ts";
import { chargeQuotas, type Charged } from "./quotas.ts";
import { firstAllow, NO_TEXTS, refusalOutcome } from "./rules.ts";
import { refuseUnreadable } from "./unreadable.ts";
import type { Decider, Verdict } from "./verdict.ts";

/** A verdict, and the policies that were asked for it. */
export interface Decision {
  readonly verdict: Verdict;
  /** Everything that applied, policies in shadow too, for what is evaluated after the answer. */
  readonly governing: readonly Governing[];
  /** Undefined, with `answers`, where no policy was asked. */
  readonly authentication: Authentication | undefined;
  readonly answers: Answers | undefined;
  /** What the quotas came to; undefined where none was asked. */
  readonly takes?: Takes | undefined;
  /** While weir only observes: the refusal that it would have given itself. */
  readonly observed?: Decider;
}

/**
 * Attributes to verdict: the one way to a decision, for gRPC, HTTP and `weir test` alike. There is a promise only
 * where somebody is waited for. A definite refusal beats a fault of the request, which beats a fault of ours, which
 * beats a grant; so the verdict does not depend on the order of policies and rules, and no caller can choose an error.
 */
export function decide(question: Question): Decision | Promise<Decision> {
  const unreadable = refuseUnreadable(question);
  if (unreadable !== undefined) return withoutPolicies(question, unreadable);

  const evidence = new Evidence(question.attributes, question.given);
  const candidates = candidatesFor(question, evidence);
  const authentication = authenticate(question, evidence, candidates);
  return whenReady(authentication.pending, () => {
    const once = Once.of(question);
    const answers = new Answers(question, evidence, once);
    const course = new Course({ question, authentication, answers, once }, candidates);
    const refused = refuseLocally(course);
    if (refused !== undefined) return course.decided(refused);
    if (!course.enforced.some(({ policy }) => policy.asks.length > 0))
      return charged(course, conclude(course));
    const hopeless = course.answers.refuseUnasked(course.enforced) ?? refuseHopeless(course);
    if (hopeless !== undefined) return course.decided(hopeless);
    const pending = course.answers.ask(course.enforced, course.faults);
    return whenReady(pending, () => charged(course, conclude(course)));
  });
}

/** What would pass is charged to the quotas, which have the last word. */
function charged(course: Course, verdict: Verdict): Decision | Promise<Decision> {
  if (verdict.kind !== "allow") return course.decided(verdict);
  const { question, once, enforced } = course;
  const taken = chargeQuotas(verdict, enforced, question, once);
  const told = (known: Charged): Decision =>
    course.decided(telling(known.verdict, question, once), known.takes);
  return taken instanceof Promise ? taken.then(told) : told(taken);
}

/** Goes on at once where nothing is waited for. */
const whenReady = <T>(pending: Promise<void> | undefined, next: () => T | Promise<T>): T | Promise<T> =>
  pending === undefined ? next() : pending.then(next);

function withoutPolicies({ snapshot }: Question, refusal: Verdict): Decision {
  const none = { governing: [], authentication: undefined, answers: undefined };
  if (snapshot.stance === "enforce") return { ...none, verdict: refusal };
  return { ...none, verdict: allow({ grants: [OBSERVED], enforced: [] }), observed: refusal.by };
}

/** One decision on its way. */
class Course {
  readonly question: Question;
  readonly authentication: Authentication;
  readonly answers: Answers;
  readonly once: Once | undefined;
  readonly faults = new Faults();
  /** The enforced policies that apply, by name. */
  readonly enforced: readonly Governing[];
  readonly #governing: readonly Governing[];

  constructor(
    {
      question,
      authentication,
      answers,
      once,
    }: Pick<Course, "question" | "authentication" | "answers" | "once">,
    candidates: readonly Candidate[],
  ) {
    this.question = question;
    this.authentication = authentication;
    this.answers = answers;
    this.once = once;
    this.#governing = governingOf(candidates, this.faults);
    this.enforced = this.#governing.filter(({ mode }) => mode === "enforce");
  }

  decided(verdict: Verdict, takes?: Takes): Decision {
    const { authentication, answers } = this;
    const decision = { verdict, governing: this.#governing, authentication, answers, takes };
    return isOnlyObserved(this.question.snapshot, this.#governing)
      ? { ...decision, observed: UNGOVERNED.by }
      : decision;
  }
}

/** Whether a request passes only because weir observes: no policy could grant it. */
const isOnlyObserved = ({ stance, settings }: Snapshot, governing: readonly Governing[]): boolean =>
  stance === "observe" &&
  settings.ungoverned === "deny" &&
  !governing.some(({ policy }) => policy.kind === "grants");

/** What refuses without asking anybody: bad credentials, denies and requires, and that nothing can grant. */
function refuseLocally(course: Course): Verdict | undefined {
  const { enforced, authentication, question } = course;
  for (const governing of enforced) {
    const refused =
      identityRefusal(governing.policy, authentication) ??
      refuseByRules(governing, governing.policy.refusals, course);
    if (refused !== undefined) return refused;
  }
  return refuseUngranted(question.snapshot, enforced);
}

/** The first deny that is true or require that is false. What is UNKNOWN is noted and prevents a grant. */
function refuseByRules(
  { policy, context }: Governing,
  rules: readonly (RefusalRule | AskRule)[],
  { faults, answers }: Course,
): Verdict | undefined {
  for (const rule of rules) {
    if (rule.kind === "ask") {
      const refused = answers.refusal(policy, rule, { context, faults });
      if (refused !== undefined) return refused;
    } else {
      const outcome = refusalOutcome(rule, context);
      if (outcome === "refuses") return ruleDenial(policy, rule, context);
      if (outcome !== "passes") faults.note(outcome.fault, { policy: policy.id, rule: rule.id });
    }
  }
  return undefined;
}

/** Where nothing that can grant matches, the refusal is definite: it beats the faults of guards. */
function refuseUngranted(
  { settings, stance }: Snapshot,
  enforced: readonly Governing[],
): Verdict | undefined {
  const isGoverned = enforced.some(({ policy }) => policy.kind === "grants");
  const mayPass = isGoverned || settings.ungoverned === "allow" || stance === "observe";
  return mayPass ? undefined : ownDenial("weir/ungoverned");
}

/** What refuses whatever handlers would answer, and what a fault has made hopeless: then nobody is asked. */
function refuseHopeless({ enforced, faults }: Course): Verdict | undefined {
  const isFaulty = faults.verdict() !== undefined;
  for (const { policy, context } of enforced) {
    // What is UNKNOWN here may only be so until there are answers, also on which side of its share a rule has the request.
    const rule = policy.answered.find(
      (one): one is RefusalRule =>
        one.kind !== "ask" && isShareKnown(one, context) && refusalOutcome(one, context) === "refuses",
    );
    if (rule !== undefined) return ruleDenial(policy, rule, context);
    const found = firstAllow(policy, context);
    if (found.kind === "refuses") return defaultDenial(policy, context);
    if (isFaulty && found.kind === "unknown" && found.fault !== "ours")
      faults.note(found.fault, { policy: policy.id, rule: found.rule });
  }
  return faults.verdict();
}

const isShareKnown = ({ share }: RefusalRule, context: object): boolean =>
  !(share?.by.evaluate(context) instanceof Unknown);

/** What handlers have answered, and the rules that read it; then the allows. */
function conclude(course: Course): Verdict {
  for (const governing of course.enforced) {
    const refused = refuseByRules(governing, governing.policy.answered, course);
    if (refused !== undefined) return refused;
  }
  return grant(course);
}

/** One grant of each policy that can grant, or the refusal of the first that definitely does not. */
function grant({ enforced, faults, question, answers }: Course): Verdict {
  const grants: Grant[] = [];
  for (const { policy, context } of enforced) {
    const found = firstAllow(policy, context);
    switch (found.kind) {
      case "refuses":
        return defaultDenial(policy, context);
      case "unknown":
        faults.note(found.fault, { policy: policy.id, rule: found.rule });
        break;
      case "grants": {
        const by = { policy: policy.id, rule: found.rule?.id ?? "default" };
        const own = found.rule === undefined ? [] : [found.rule.effects];
        const effects = policy.asks.length === 0 ? own : [...own, ...answers.effects(policy)];
        grants.push({ by, effects, context, texts: found.texts });
        break;
      }
      case "nothing":
        break;
    }
  }
  return faults.verdict() ?? granted(question, enforced, grants);
}

function granted(
  { snapshot, attributes }: Question,
  enforced: readonly Governing[],
  [first, ...others]: readonly Grant[],
): Verdict {
  const { stance, settings } = snapshot;
  const bare = stance === "observe" ? OBSERVED : settings.ungoverned === "allow" ? UNGOVERNED : undefined;
  const reason = first ?? bare;
  if (reason === undefined) return ownDenial("weir/ungoverned");
  return allow({ grants: [reason, ...others], enforced, attributes });
}

/** weir.yaml's `ungoverned: allow` is a grant like any other. */
const UNGOVERNED: Grant = {
  by: { policy: "", rule: "weir/ungoverned" },
  effects: [],
  context: {},
  texts: NO_TEXTS,
};

/** And so is `serve --observe`. */
const OBSERVED: Grant = {
  by: { policy: "", rule: "weir/observe" },
  effects: [],
  context: {},
  texts: NO_TEXTS,
};
