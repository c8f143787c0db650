import type { Expression } from "../cel/expression.ts";
import type { WrittenAnswer } from "./answers-file.ts";
import { compileInputs, refuseAnswers } from "./compile-asks.ts";
import { compileAnswer, compileEffects, compileRequest } from "./compile-effects.ts";
import type { WrittenHandlers } from "./compile-handlers.ts";
import { compileShare, type Moded } from "./compile-modes.ts";
import type { SharedAnswer, SharedPart } from "./compile-shared.ts";
import { didYouMean, problem } from "./diagnostic.ts";
import { textsOf, type Answer, type Effects } from "./effects.ts";
import { lintCondition } from "./lints.ts";
import { allOf, NO_MENTIONS, type Mentions } from "./mentions.ts";
import type { AskRule as WrittenAsk, Rule as WrittenRule } from "./rule.ts";
import type { Scope } from "./scope.ts";
import type { ActiveOverride, AllowRule, AskRule, Rule } from "./snapshot.ts";
import type { Path } from "./source.ts";

/** What the rules of one policy are compiled with. */
export interface RuleWorld {
  readonly policy: string;
  readonly scope: Scope;
  readonly used: readonly SharedPart[];
  readonly handlers: WrittenHandlers;
  /** Those of this policy, by rule. */
  readonly overrides: ReadonlyMap<string, ActiveOverride>;
}

/** A compiled rule with its mode, as far as nothing is wrong with it. */
export type CompiledRule =
  | { readonly rule: Rule; readonly mode: Moded["mode"] }
  | { readonly rule: AskRule; readonly mode: "enforce" };

export function compileRule(written: WrittenRule, world: RuleWorld): CompiledRule | undefined {
  const { scope } = world;
  const path: Path = ["rules", written.index];
  if (written.id === "match") {
    const place = scope.document.at([...path, "id"]);
    const message = "`match` is the name of what decides when `match.when` has no value";
    scope.report(problem(place, "reserved-name", message, "choose another id"));
  }
  if (written.kind === "ask") return compileAsk(written, path, world);
  const when = condition(scope, [...path, "when"], written.when);
  const scopeOfCondition = scope.proving(when);
  const compiled = scopeOfCondition.expression([...path, written.kind], written.condition, "bool");
  if (compiled !== undefined) lintCondition(scope, path, written, compiled.parsed);
  const inner = scopeOfCondition.proving(compiled?.expression);
  const { mode, share } = compileShare(scope, path, written.mode, {
    salt: `${world.policy}/${written.id}`,
    override: world.overrides.get(written.id),
  });
  const outcome =
    written.kind === "allow"
      ? { kind: written.kind, ...granting(inner, compileEffects(inner, path, written)) }
      : { kind: written.kind, ...answerOf(inner, path, written, world) };
  if (compiled === undefined) return undefined;
  const { mentions, ...rest } = outcome;
  const common = { id: written.id, when, share, condition: compiled.expression };
  const own = scope.mentions(when, compiled.expression, share?.by);
  return { rule: { ...common, ...rest, mentions: allOf([own, mentions]) }, mode };
}

/** Undefined where the file has none, or where something is wrong with it. */
export const condition = (scope: Scope, path: Path, source: string | undefined): Expression | undefined =>
  source === undefined ? undefined : scope.expression(path, source, "bool")?.expression;

/** Effects with what they depend on. */
const withMentions = (scope: Scope, effects: Effects): { effects: Effects; mentions: Mentions } => ({
  effects,
  mentions: scope.mentions(...textsOf(effects)),
});

/** What an allow does, with what of it may have no value for a request. */
const granting = (scope: Scope, effects: Effects): Pick<AllowRule, "effects" | "uncertain" | "mentions"> => ({
  ...withMentions(scope, effects),
  uncertain: textsOf(effects).filter(({ isLiteral }) => !isLiteral),
});

interface WithAnswer {
  readonly answer: WrittenAnswer;
  readonly answerName: string | undefined;
}

/** The answer of a rule that refuses: its own, or that of a shared file. */
function answerOf(
  scope: Scope,
  path: Path,
  { answer: written, answerName }: WithAnswer,
  { used }: RuleWorld,
): { answer: Answer; mentions: Mentions } {
  if (answerName !== undefined) {
    const found = sharedAnswer(scope, [...path, "answer"], answerName, used);
    return {
      answer: found?.answer ?? compileAnswer(scope, path, written),
      mentions: found?.mentions ?? NO_MENTIONS,
    };
  }
  const answer = compileAnswer(scope, path, written);
  return { answer, mentions: scope.mentions(...textsOf(answer)) };
}

/** The shared answer of a name; one that is not there, or that two files have, is reported. */
export function sharedAnswer(
  scope: Scope,
  path: Path,
  name: string,
  used: readonly SharedPart[],
): SharedAnswer | undefined {
  const having = used.filter(({ answers }) => answers.has(name));
  const [first, second] = having;
  if (second !== undefined) {
    const message = `the shared files ${having.map((one) => one.name).join(" and ")} both have an answer ${name}`;
    scope.report(problem(scope.document.at(path), "duplicate-name", message, "rename one of the two"));
  }
  if (first === undefined) {
    const known = used.flatMap(({ answers }) => [...answers.keys()]);
    const hint =
      used.length === 0 ? "use the shared file that has it: use: [platform]" : didYouMean(name, known);
    const message = `no shared file that this policy uses has an answer "${name}"`;
    scope.report(problem(scope.document.at(path), "unknown-name", message, hint));
  }
  return first?.answers.get(name);
}

function compileAsk(written: WrittenAsk, path: Path, world: RuleWorld): CompiledRule | undefined {
  const { scope, handlers, overrides } = world;
  const when = condition(scope, [...path, "when"], written.when);
  const whenMentions = scope.mentions(when);
  refuseAnswers(scope, [...path, "when"], whenMentions);
  const override = overrides.get(written.id);
  if (override?.mode === "shadow") {
    const message = `the override of ${override.policy}/${override.rule} would put an ask into shadow`;
    const hint = "an ask in shadow would call a back-end for nothing; write `onError:` or remove the rule";
    scope.report(problem(scope.document.at([...path, "id"]), "wrong-value", message, hint));
  }
  const answer = answerOf(scope, path, written, world);
  const effects = withMentions(scope, compileRequest(scope, [...path, "request"], written.request));
  const handler = handlers.get(written.handler);
  if (handler === undefined) {
    if (handlers.has(written.handler)) return undefined;
    const place = scope.document.at([...path, "ask"]);
    const message = `weir.yaml has no handler "${written.handler}"`;
    scope.report(problem(place, "unknown-name", message, didYouMean(written.handler, handlers.keys())));
    return undefined;
  }
  if (handler.adapter.inputs.check === undefined) {
    const message = `the adapter ${handler.adapter.id} answers no checks`;
    scope.report(
      problem(scope.document.at([...path, "ask"]), "wrong-value", message, "name another handler"),
    );
    return undefined;
  }
  const inputs = compileInputs(scope, { path: [...path, "with"], with: written.with }, handler);
  const mentions = allOf([
    whenMentions,
    scope.mentions(...inputs.map(({ value }) => value)),
    answer.mentions,
    effects.mentions,
  ]);
  return {
    mode: "enforce",
    rule: {
      kind: "ask",
      id: written.id,
      when,
      mentions,
      handler: handler.name,
      identity: undefined,
      as: written.as,
      outputs: (values) => handler.outputs.construct(values),
      inputs,
      onError: written.onError,
      once: written.once,
      answer: answer.answer,
      effects: effects.effects,
    },
  };
}
