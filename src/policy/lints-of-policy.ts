import type { Draft, ReadPolicy } from "./compile-policy.ts";
import { warning } from "./diagnostic.ts";
import { allOf } from "./mentions.ts";
import type { PolicyFile } from "./policy-file.ts";
import type { Rule as WrittenRule } from "./rule.ts";
import type { Scope } from "./scope.ts";

/** What of a whole policy is allowed and probably not meant. `known` are the identities with which nothing is wrong. */
export function lintPolicy(
  { file, isWhole }: ReadPolicy,
  draft: Draft,
  scope: Scope,
  known: ReadonlyMap<string, unknown>,
): void {
  // What an expression with a fault would have read is not known.
  if (!isWhole || scope.hasErrors) return;
  lintIdentities(
    [...file.identities.keys()].filter((name) => known.has(name)),
    draft,
    scope,
  );
  lintUnreached(file.rules, scope);
  lintAsks(file.rules, draft, scope);
  lintQuotas(file, draft, scope);
}

/** An identity that no rule reads proves nothing. */
function lintIdentities(names: readonly string[], draft: Draft, scope: Scope): void {
  const { refusals, answered, asks, allows, shadows } = draft;
  const { quotas, shadowQuotas } = draft;
  const rules = [...refusals, ...answered, ...asks, ...allows, ...shadows, ...quotas, ...shadowQuotas];
  const { identities } = allOf([
    ...rules.map(({ mentions }) => mentions),
    scope.mentions(draft.when, draft.except, draft.share?.by),
  ]);
  for (const name of names) {
    if (identities.has(name) || draft.telemetry?.identities.has(name) === true) continue;
    const place = scope.document.keyAt(["identities", name]);
    const hint = `write a rule that asks for it, such as require: has(auth.${name}), or remove it`;
    scope.report(warning(place, "unused-identity", `no rule of this policy reads auth.${name}`, hint));
  }
}

/** Behind an allow that always holds, no other allow is looked at; behind a deny that does, nothing is. */
function lintUnreached(rules: readonly WrittenRule[], scope: Scope): void {
  const isConstant = (rule: WrittenRule, kind: WrittenRule["kind"], value: string): boolean =>
    rule.kind === kind &&
    rule.kind !== "ask" &&
    rule.when === undefined &&
    (rule.mode === undefined || rule.mode.kind === "enforce") &&
    rule.condition.trim() === value;
  const stop = rules.find((rule) => isConstant(rule, "deny", "true") || isConstant(rule, "require", "false"));
  const open = rules.find((rule) => isConstant(rule, "allow", "true"));
  for (const rule of rules) {
    const before =
      stop !== undefined && rule !== stop && (rule.kind === "allow" || rule.index > stop.index)
        ? stop
        : open !== undefined && rule.kind === "allow" && rule.index > open.index
          ? open
          : undefined;
    if (before === undefined) continue;
    const place = scope.document.at(["rules", rule.index, "id"]);
    const message = `${rule.id} is never reached: ${before.id} decides for every request`;
    scope.report(
      warning(place, "unreached-rule", message, `remove one of the two, or give ${before.id} a condition`),
    );
  }
}

/** A question that is asked for requests alone that are refused anyway. */
function lintAsks(rules: readonly WrittenRule[], draft: Draft, scope: Scope): void {
  const isHopeless = refusesAll(rules, draft);
  for (const rule of rules) {
    if (rule.kind !== "ask" || !(isHopeless || rule.when?.trim() === "false")) continue;
    const place = scope.document.at(["rules", rule.index, "id"]);
    const message = `${rule.id} is never asked: no request reaches it that could still be granted`;
    scope.report(warning(place, "unreached-rule", message, "remove it, or write an allow that can hold"));
  }
}

/** A quota that limits nobody: what would reach it is refused anyway. */
function lintQuotas({ rules, quotas }: PolicyFile, draft: Draft, scope: Scope): void {
  const isHopeless = refusesAll(rules, draft);
  for (const { index, id, when, count } of quotas) {
    if (!(isHopeless && count === "granted") && when?.trim() !== "false") continue;
    const place = scope.document.at(["quotas", index, "id"]);
    const message = `${id} is never asked: no request reaches it that could still be granted`;
    scope.report(warning(place, "unreached-rule", message, "remove it, or write an allow that can hold"));
  }
}

/** Whether no request can be granted, because no allow ever holds. */
const refusesAll = (rules: readonly WrittenRule[], { kind, fallback }: Draft): boolean =>
  kind === "grants" && fallback === "refuse" && rules.every(isHopelessAllow);

const isHopelessAllow = (rule: WrittenRule): boolean =>
  rule.kind !== "allow" || rule.condition.trim() === "false" || rule.when?.trim() === "false";
