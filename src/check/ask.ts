import type { CheckAnswer } from "../adapter/adapter.ts";
import { Unknown, UNKNOWN } from "../cel/expression.ts";
import { printScalar } from "../cel/format.ts";
import { findCredentials } from "../identity/presented.ts";
import type { Effects } from "../policy/effects.ts";
import type { Evidence } from "../policy/evidence.ts";
import type { Identity, VerifyProof } from "../policy/identity.ts";
import type { AskRule, Policy } from "../policy/snapshot.ts";
import { askDenial, identityDenial, unansweredDenial } from "./denial.ts";
import type { Faults } from "./faults.ts";
import type { Governing } from "./governing.ts";
import type { Once, OnceItem } from "./once.ts";
import type { Question } from "./question.ts";
import type { Verdict } from "./verdict.ts";

/** What became of one ask: an answer, or why nobody was asked. */
export type AskOutcome =
  CheckAnswer | { readonly verdict: "skipped" } | { readonly verdict: "ambiguous" | "bad" };

const SKIPPED: AskOutcome = { verdict: "skipped" };
const OUT_OF_TIME: CheckAnswer = { verdict: "error", reason: "the time was up before it was asked" };

/** The answers of handlers for one request. */
export class Answers {
  readonly #question: Question;
  readonly #evidence: Evidence;
  readonly #once: Once | undefined;
  readonly #outcomes = new Map<AskRule, AskOutcome>();
  /** Answers by question; undefined where nobody was asked, as for most requests. */
  #known: Map<string, CheckAnswer> | undefined;

  constructor(question: Question, evidence: Evidence, once: Once | undefined) {
    this.#question = question;
    this.#once = once;
    this.#evidence = evidence;
  }

  /**
   * Of the credentials that would be asked about, the first that is refused as it stands. Where none is presented, its
   * identity is known without asking anybody.
   */
  refuseUnasked(enforced: readonly Governing[]): Verdict | undefined {
    let refused: Verdict | undefined;
    for (const { policy } of enforced) {
      for (const rule of policy.asks) {
        const { identity } = rule;
        if (identity?.proof.kind !== "verify") continue;
        this.#credential(rule, identity, identity.proof);
        const verdict = this.#outcomes.get(rule)?.verdict;
        if (verdict === "ambiguous" || verdict === "bad") refused ??= identityOutcome(policy, rule, verdict);
      }
    }
    return refused;
  }

  /**
   * Asks all handlers of all policies at once, each distinct question once. Nobody is asked when an input cannot be had:
   * that is a fault, and a faulty request asks no one. Undefined where no answer is waited for.
   */
  ask(enforced: readonly Governing[], faults: Faults): Promise<void> | undefined {
    const calls = enforced.flatMap((one) =>
      one.policy.asks.flatMap((rule) => this.#callOf(one, rule, faults)),
    );
    if (faults.verdict() !== undefined) return undefined;
    const made = new Map<string, CheckAnswer | Promise<CheckAnswer>>();
    const answered = (this.#known = new Map<string, CheckAnswer>());
    const waiting: Promise<void>[] = [];
    for (const { rule, governing, input } of calls) {
      const key = keyOf(rule.handler, input);
      const item = onceItem(governing, rule, key);
      const charge = item !== undefined && this.#once?.wasCharged(item) === true ? "before" : "now";
      const call = `${charge} ${key}`;
      const answer = made.get(call) ?? this.#call(rule.handler, input, charge);
      made.set(call, answer);
      const note = (known: CheckAnswer): void => {
        answered.set(key, known);
        if (item !== undefined && known.verdict === "allow") this.#once?.note(item);
        this.#note(governing, rule, known);
      };
      if (answer instanceof Promise) waiting.push(answer.then(note));
      else note(answer);
    }
    for (const { context } of enforced) context.forgetDerived();
    if (waiting.length === 0) return undefined;
    return Promise.all(waiting).then(() => {
      for (const { context } of enforced) context.forgetDerived();
    });
  }

  /** What an ask's answer refuses, or notes as a fault. */
  refusal(
    policy: Policy,
    rule: AskRule,
    { context, faults }: { readonly context: object; readonly faults: Faults },
  ): Verdict | undefined {
    const outcome = this.outcomeOf(rule);
    const by = { policy: policy.id, rule: rule.id };
    switch (outcome.verdict) {
      case "allow":
      case "skipped":
        return undefined;
      case "ambiguous":
      case "bad":
        // It was refused before anybody was asked, unless it counts as none.
        return undefined;
      case "deny":
        if (rule.identity !== undefined) return identityOutcome(policy, rule, "bad");
        return askDenial(policy, rule, outcome, context);
      case "error":
        if (rule.onError === "deny") return unansweredDenial(policy, rule);
        if (rule.onError === "error") faults.note("ours", by);
        return undefined;
    }
  }

  /** What became of one ask, for telling why. */
  outcomeOf(rule: AskRule): AskOutcome {
    return this.#outcomes.get(rule) ?? SKIPPED;
  }

  /** What a handler has answered to a question; undefined where it was not asked. */
  known(handler: string, input: ReadonlyMap<string, unknown>): CheckAnswer | undefined {
    return this.#known?.get(keyOf(handler, input));
  }

  /** What the answered asks of a policy do to a request that passes. */
  effects({ asks }: Policy): readonly Effects[] {
    return asks.flatMap((rule) => (this.#outcomes.get(rule)?.verdict === "allow" ? [rule.effects] : []));
  }

  /** The question of one rule, with its inputs; none where `when` is false, or nothing is presented. */
  #callOf(governing: Governing, rule: AskRule, faults: Faults): readonly AskCall[] {
    const { policy, context } = governing;
    if (rule.when?.evaluate(context) === false) {
      // What was not asked has no values, and has() says so.
      if (rule.as !== undefined) context.takeAnswer(rule.as, rule.outputs(NO_OUTPUTS));
      return [];
    }
    const input = new Map<string, unknown>();
    if (rule.identity?.proof.kind === "verify") {
      const credential = this.#credential(rule, rule.identity, rule.identity.proof);
      if (credential === undefined) return [];
      input.set(rule.identity.proof.credentialInput, credential);
    }
    for (const { name, value: source } of rule.inputs) {
      const value = "render" in source ? source.render(context) : source.evaluate(context);
      if (value instanceof Unknown) faults.note(value.fault, { policy: policy.id, rule: rule.id });
      else input.set(name, value);
    }
    return [{ rule, governing, input }];
  }

  /** The credential that an identity is asked with; undefined where nothing is asked. */
  #credential(rule: AskRule, identity: Identity, { place }: VerifyProof): string | undefined {
    // What a test gives stands for what the handler would say.
    if (this.#question.given !== undefined) return undefined;
    const found = findCredentials(this.#question.attributes.presented, [place]);
    const credential = found.kind === "found" ? found.credentials[0] : undefined;
    if (found.kind !== "found") this.#outcomes.set(rule, { verdict: found.kind });
    if (credential === undefined) this.#evidence.note(identity, undefined);
    return credential;
  }

  #call(
    handler: string,
    input: ReadonlyMap<string, unknown>,
    charge: "now" | "before",
  ): CheckAnswer | Promise<CheckAnswer> {
    const { backends, askUntilMs, nowMs } = this.#question;
    return nowMs >= askUntilMs ? OUT_OF_TIME : backends.ask(handler, input, askUntilMs, charge);
  }

  #note({ context }: Governing, rule: AskRule, answer: CheckAnswer): void {
    this.#outcomes.set(rule, answer);
    const value = answer.verdict === "allow" ? rule.outputs(answer.outputs ?? NO_OUTPUTS) : undefined;
    // An answer that did not come stays UNKNOWN; a refusal is the answer that there is no such identity.
    if (rule.identity !== undefined && answer.verdict !== "error") this.#evidence.note(rule.identity, value);
    if (rule.as === undefined) return;
    // Nothing of a refused request is decided by it any more: telemetry rules read who was refused.
    const refused =
      answer.verdict === "deny" && answer.outputs !== undefined ? rule.outputs(answer.outputs) : undefined;
    context.takeAnswer(rule.as, value ?? refused ?? UNKNOWN.ours);
  }
}

/** What is charged once of an ask; undefined where each hop is charged. */
const onceItem = ({ policy }: Governing, { id, once }: AskRule, detail: string): OnceItem | undefined =>
  once === undefined ? undefined : { kind: "ask", policy: policy.id, id, detail };

const NO_OUTPUTS: ReadonlyMap<string, unknown> = new Map();

interface AskCall {
  readonly rule: AskRule;
  readonly governing: Governing;
  readonly input: ReadonlyMap<string, unknown>;
}

function identityOutcome(
  policy: Policy,
  { identity }: AskRule,
  kind: "ambiguous" | "bad",
): Verdict | undefined {
  if (identity === undefined || (identity.invalid === "ignore" && kind === "bad")) return undefined;
  return identityDenial(policy, identity.name, kind);
}

/** Equal for equal questions: lengths keep values apart. */
function keyOf(handler: string, input: ReadonlyMap<string, unknown>): string {
  const parts = Array.from(input, ([name, value]) => [
    name,
    typeof value,
    printScalar(value) ?? printed(value),
  ]);
  return JSON.stringify([handler, ...parts.sort(([left = ""], [right = ""]) => (left < right ? -1 : 1))]);
}

const printed = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) => {
    if (part instanceof Map) return [...part];
    if (typeof part === "bigint") return `${part}n`;
    // JSON knows nothing of what stands inside a duration.
    const scalar = typeof part === "object" ? printScalar(part) : undefined;
    return scalar === undefined ? part : { scalar };
  });
