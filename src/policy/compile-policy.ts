import type { Expression } from "../cel/expression.ts";
import { compileEffects, compileHeaders, compileText } from "./compile-effects.ts";
import { boundNames, compileMatch } from "./compile-match.ts";
import { contextMaker } from "./context.ts";
import { ROOTS, type Environments } from "./declarations.ts";
import { problem, type Diagnostic } from "./diagnostic.ts";
import type { Document } from "./document.ts";
import { lintCondition } from "./lints.ts";
import type { PolicyFile } from "./policy-file.ts";
import type { Names } from "./reads.ts";
import type { Rule as WrittenRule } from "./rule.ts";
import { Scope } from "./scope.ts";
import type { Answer, Mode, Policy, Rule } from "./snapshot.ts";
import type { Path } from "./source.ts";

/** A policy before it has its place among the others. */
export type Draft = Omit<Policy, "order">;

/** A policy file, as far as it could be read. */
export interface ReadPolicy {
  readonly file: PolicyFile;
  readonly document: Document;
  readonly isWhole: boolean;
}

/**
 * One policy file as the check path uses it. What is wrong is added to `diagnostics`; the policy is then
 * not to be used.
 */
export function compilePolicy(
  { file, document, isWhole }: ReadPolicy,
  environments: Environments,
  diagnostics: Diagnostic[],
): Draft {
  const paths = new Scope(document, NO_NAMES, environments.of(NO_SHAPE), diagnostics);
  const match = compileMatch(file.match, paths);
  const names: Names = {
    phase: "check",
    identities: new Set(file.identities.keys()),
    lets: new Set(),
    unreadableLets: new Map(),
    paths: boundNames(match.paths),
  };
  const { scope, lets } = compileLets(file, document, { names, environments, diagnostics });
  const rules = file.rules.flatMap((written) => {
    const rule = compileRule(written, scope);
    return rule === undefined ? [] : [{ rule, mode: written.mode ?? "enforce" }];
  });
  if (isWhole) refuseToothless(file, scope);
  const inMode = (wanted: Mode): readonly Rule[] =>
    rules.flatMap(({ rule, mode }) => (mode === wanted ? [rule] : []));
  const enforced = inMode("enforce");
  const allows = enforced.filter((rule) => rule.kind === "allow");
  const kind = allows.length > 0 || file.default === "allow" ? "grants" : "guards";
  const ownedHeaders = new Set(allows.flatMap(({ effects }) => effects.requestSet.map(({ name }) => name)));
  const identities = new Map(
    Array.from(file.identities, ([name, { mtls }]) => [name, { trustDomains: new Set(mtls.trustDomains) }]),
  );
  return {
    id: file.policy,
    mode: file.mode,
    match,
    when: file.match === "everything" ? undefined : condition(scope, ["match", "when"], file.match.when),
    except: condition(scope, ["except"], file.except),
    refusals: enforced.filter((rule) => rule.kind !== "allow"),
    allows,
    shadows: inMode("shadow"),
    kind,
    fallback: fallbackOf(file, kind),
    ownedHeaders: file.mode === "enforce" ? ownedHeaders : new Set(),
    context: contextMaker({ ownedHeaders, identities, lets }),
  };
}

const NO_NAMES: Names = {
  phase: "check",
  identities: new Set(),
  lets: new Set(),
  unreadableLets: new Map(),
  paths: new Map(),
};
const NO_SHAPE = { phase: "check", identities: [], lets: {} } as const;

function fallbackOf(file: PolicyFile, kind: Policy["kind"]): Policy["fallback"] {
  if (file.default === "allow") return "grant";
  return file.default === "deny" || kind === "grants" ? "refuse" : "nothing";
}

interface Surroundings {
  readonly names: Names;
  readonly environments: Environments;
  readonly diagnostics: Diagnostic[];
}

/** Each `let` may use those before it; the last scope has them all. */
function compileLets(
  file: PolicyFile,
  document: Document,
  { names, environments, diagnostics }: Surroundings,
): { readonly scope: Scope; readonly lets: ReadonlyMap<string, Expression> } {
  const lets = new Map<string, Expression>();
  const unreadableLets = new Map<string, "later" | "faulty">();
  for (const name of file.let.keys()) unreadableLets.set(name, "later");
  const scopeNow = (): Scope => {
    const types = Object.fromEntries(Array.from(lets, ([name, { type }]) => [name, type]));
    const shape = { phase: names.phase, identities: [...names.identities].sort(), lets: types };
    const known = { ...names, lets: new Set(lets.keys()), unreadableLets };
    return new Scope(document, known, environments.of(shape), diagnostics);
  };
  for (const [name, source] of file.let) {
    const path = ["let", name];
    if (ROOTS.has(name) || RESERVED.has(name)) {
      const message = `"${name}" is a name of the language`;
      diagnostics.push(problem(document.keyAt(path), "reserved-name", message, "choose another name"));
      continue;
    }
    const compiled = scopeNow().expression(path, source, "any");
    if (compiled === undefined) {
      unreadableLets.set(name, "faulty");
      continue;
    }
    unreadableLets.delete(name);
    lets.set(name, compiled.expression);
  }
  return { scope: scopeNow(), lets };
}

/** CEL's own words and namespaces, which no `let` may hide. */
const RESERVED: ReadonlySet<string> = new Set(
  (
    "as base64 bool break bytes cel const continue double dyn else false for function google if import in int ip let " +
    "list loop map math namespace null null_type optional package prototype return string strings true type uint var " +
    "void while"
  ).split(" "),
);

/** Undefined where the file has none, or where something is wrong with it. */
const condition = (scope: Scope, path: Path, source: string | undefined): Expression | undefined =>
  source === undefined ? undefined : scope.expression(path, source, "bool")?.expression;

function compileRule(written: WrittenRule, scope: Scope): Rule | undefined {
  const path: Path = ["rules", written.index];
  if (written.id === "match") {
    const place = scope.document.at([...path, "id"]);
    const message = "`match` is the name of what decides when `match.when` has no value";
    scope.report(problem(place, "reserved-name", message, "choose another id"));
  }
  const when = condition(scope, [...path, "when"], written.when);
  const scopeOfCondition = scope.proving(when);
  const compiled = scopeOfCondition.expression([...path, written.kind], written.condition, "bool");
  const inner = scopeOfCondition.proving(compiled?.expression);
  if (compiled !== undefined) lintCondition(scope, path, written, compiled.parsed);
  const responseSet = compileHeaders(
    inner,
    [...path, "response", "set"],
    written.responseHeaders,
    "response",
  );
  if (written.kind === "allow") {
    const effects = compileEffects(inner, path, written, responseSet);
    return compiled && { id: written.id, kind: "allow", when, condition: compiled.expression, effects };
  }
  const answer: Answer = {
    status: written.status,
    body: written.denial && compileText(inner, [...path, written.denial.key], written.denial.content),
    contentType: written.denial?.type && compileText(inner, [...path, "type"], written.denial.type),
    headers: responseSet,
  };
  return compiled && { id: written.id, kind: written.kind, when, condition: compiled.expression, answer };
}

/** A policy that would allow everything, or that does nothing at all. */
function refuseToothless(file: PolicyFile, scope: Scope): void {
  const { document } = scope;
  if (file.default === "allow" && file.match === "everything") {
    const message = "`default: allow` with `match: everything` would allow every request";
    const hint = "match the hosts or paths that are open, or say `ungoverned: allow` in weir.yaml";
    scope.report(problem(document.at(["default"]), "grants-everything", message, hint));
  }
  if (file.rules.length === 0 && file.default === undefined) {
    const message = "the policy has neither rules nor a default, so it does nothing";
    scope.report(
      problem(document.keyAt(["policy"]), "no-rules", message, "write `rules:` or `default: deny`"),
    );
  }
}
