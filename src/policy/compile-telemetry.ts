import type { ReportInputs } from "../adapter/report.ts";
import type { Expression, Read } from "../cel/expression.ts";
import type { Template } from "./answers-file.ts";
import { Carries } from "./carries.ts";
import { refuseSecrets } from "./compile-asks.ts";
import type { WrittenHandlers } from "./compile-handlers.ts";
import { condition } from "./compile-rules.ts";
import { compileParts, textOf } from "./compile-text.ts";
import { didYouMean, problem } from "./diagnostic.ts";
import { entryDisclosureOf, takesPersons } from "./disclosure.ts";
import { entryContextMaker } from "./entry-context.ts";
import { entryNames, isCarried, type CheckNames, type EntryNames, type EntryWorld } from "./entry-names.ts";
import type { ConfiguredHandler } from "./handlers.ts";
import type { Identity } from "./identity.ts";
import type { Match } from "./match.ts";
import type { PolicyFile } from "./policy-file.ts";
import type { Scope } from "./scope.ts";
import type { Path } from "./source.ts";
import type { WrittenTelemetry } from "./telemetry-file.ts";
import type { PolicyTelemetry, TelemetryField, TelemetryRule } from "./telemetry.ts";

/** What the telemetry of one policy is compiled with. */
export interface PolicyTelemetryWorld extends EntryWorld {
  readonly check: CheckNames;
  readonly match: Match;
  readonly handlers: WrittenHandlers;
  readonly identities: ReadonlyMap<string, Identity>;
}

/** The telemetry of one policy; undefined where it has none. What is wrong with it is reported. */
export function compilePolicyTelemetry(
  file: PolicyFile,
  world: PolicyTelemetryWorld,
): PolicyTelemetry | undefined {
  if (file.telemetry.length === 0) return undefined;
  const { check, match, handlers, identities } = world;
  const names = entryNames(check, world);
  const carries = new Carries(check.scope, names.types);
  const ruleWorld = { policy: file.policy, rules: file.rules, names, carries, handlers, identities };
  const rules = file.telemetry.flatMap((written) => compileTelemetry(written, ruleWorld) ?? []);
  const isAlone = isOfTelemetryAlone(file);
  const [when, except] = [file.match === "everything" ? undefined : file.match.when, file.except].map(
    (source) => (source === undefined ? undefined : overEntry(source, isAlone, ruleWorld)),
  );
  const { identities: read } = check.scope.mentions(...carries.all.map(({ expression }) => expression));
  return {
    rules,
    carries: carries.all,
    identities: new Map(
      [...identities].filter(([name, { proof }]) => read.has(name) && proof.kind !== "verify"),
    ),
    isAlone,
    isEverything: file.match === "everything",
    when,
    except,
    lets: new Map([...names.lets, ...sharedLets(names)]),
    context: entryContextMaker({
      carries,
      match,
      letNames: check.lets.keys(),
      lets: names.lets,
      answers: names.types.answers.keys(),
      shared: names.shared,
      data: check.data,
    }),
  };
}

const sharedLets = ({ shared }: EntryNames): readonly (readonly [string, Expression])[] =>
  Array.from(shared, ([file, { lets }]) =>
    Array.from(lets, ([name, expression]) => [`${file}.${name}`, expression] as const),
  ).flat();

/** Whether a policy has telemetry and nothing that decides. */
export const isOfTelemetryAlone = ({ rules, quotas, telemetry, default: fallback }: PolicyFile): boolean =>
  telemetry.length > 0 && rules.length + quotas.length === 0 && fallback === undefined;

/** What decides whether a policy matches, over an entry: rules of checks say it, and have told what is wrong with it. */
function overEntry(source: string, isAlone: boolean, world: TelemetryWorld): Expression | "unknowable" {
  const found = world.names.scope.compiler(source);
  if (!("evaluate" in found)) return "unknowable";
  // Of policies with a part in the check, the check says whether they match, where there was one.
  if (isAlone) carry(["match"], found.reads, world);
  return found;
}

/** What one telemetry rule is compiled with. */
interface TelemetryWorld {
  readonly policy: string;
  readonly rules: PolicyFile["rules"];
  readonly names: EntryNames;
  /** What is read of checks is added to it. */
  readonly carries: Carries;
  readonly handlers: WrittenHandlers;
  readonly identities: ReadonlyMap<string, Identity>;
}

/** Undefined where the rule cannot be carried out. */
function compileTelemetry(written: WrittenTelemetry, world: TelemetryWorld): TelemetryRule | undefined {
  const { scope } = world.names;
  const path: Path = ["telemetry", written.index];
  const handler = reportingHandler(written, path, world);
  const when = condition(scope, [...path, "when"], written.when);
  carry([...path, "when"], when?.reads ?? [], world);
  const inner = scope.proving(when);
  const fields = Array.from(written.with, ([name, template]) =>
    compileField({ scope: inner, path: [...path, "with", name], name, template }, handler, world),
  );
  if (handler === undefined || (written.when !== undefined && when === undefined)) return undefined;
  const { id, preset, share } = written;
  return {
    id,
    name: `${world.policy}/${id}`,
    policy: world.policy,
    handler: handler.name,
    preset,
    persons: takesPersons(handler) ? "shown" : "hidden",
    when,
    share,
    fields,
    constant: constantFields(fields),
  };
}

/** The handler that a rule names, where it takes what the rule sends. */
function reportingHandler(
  written: WrittenTelemetry,
  path: Path,
  { handlers, names: { scope } }: TelemetryWorld,
): ConfiguredHandler | undefined {
  const handler = handlers.get(written.to);
  if (handler === undefined) {
    if (handlers.has(written.to)) return undefined;
    const message = `weir.yaml has no handler "${written.to}"`;
    const place = scope.document.at([...path, "to"]);
    scope.report(problem(place, "unknown-name", message, didYouMean(written.to, handlers.keys())));
    return undefined;
  }
  const refusal = refusalBy(handler, written);
  if (refusal === undefined) return handler;
  const place = scope.document.at([...path, refusal.key]);
  scope.report(problem(place, "wrong-value", refusal.message, refusal.hint));
  return undefined;
}

interface Refusal {
  readonly key: "to" | "preset" | "id";
  readonly message: string;
  readonly hint?: string;
}

/** Why a handler does not take what a rule sends. */
function refusalBy({ adapter, config }: ConfiguredHandler, written: WrittenTelemetry): Refusal | undefined {
  const { report } = adapter.inputs;
  if (report === undefined)
    return { key: "to", message: `the adapter ${adapter.id} takes no reports`, hint: "name another handler" };
  const { preset } = written;
  if (preset !== undefined && !report.presets.includes(preset)) {
    const message = `the adapter ${adapter.id} does not take the preset ${preset}`;
    return { key: "preset", message, hint: takenBy(report) };
  }
  if (preset === undefined && report.plain === "refused")
    return {
      key: "id",
      message: `the adapter ${adapter.id} takes nothing but presets`,
      hint: takenBy(report),
    };
  const fields = new Map(Array.from(written.with, ([name, text]) => [name, literalOf(text)]));
  const message = report.complaint?.(config, { preset, fields });
  return message === undefined ? undefined : { key: "to", message };
}

function takenBy({ presets, plain }: ReportInputs): string {
  const taken = presets.map((preset) => `preset: ${preset}`);
  return `it takes ${[...taken, ...(plain === "taken" ? ["`with` alone"] : [])].join(", ")}`;
}

/** The text, where no expression is in it. */
function literalOf(template: Template): string | undefined {
  const texts = template.flatMap((part) => (part.kind === "text" ? [part.value] : []));
  return texts.length === template.length ? texts.join("") : undefined;
}

interface FieldPlace {
  readonly scope: Scope;
  readonly path: Path;
  readonly name: string;
  readonly template: Template;
}

function compileField(
  { scope, path, name, template }: FieldPlace,
  handler: ConfiguredHandler | undefined,
  world: TelemetryWorld,
): TelemetryField {
  const parts = compileParts(scope, path, template);
  const value = textOf(parts);
  refuseSecrets(scope, path, scope.mentions(value), "what telemetry sends is written down");
  carry(path, value.reads, world);
  const expressions = parts.filter((part) => typeof part === "object");
  const isPersonal = expressions.some((one) => isOfPersons(one, handler, world));
  if (!isPersonal || (handler !== undefined && takesPersons(handler))) return { name, value, shown: "open" };
  const [only] = expressions;
  const isText = parts.length > 1 || /^(?:string|dyn)$/.test(only?.type ?? "");
  return { name, value, shown: isText ? "digest quoted" : "digest" };
}

/** What a condition comes to says little of anybody, and what a handler has answered is no news to it. */
function isOfPersons(
  expression: Expression,
  handler: ConfiguredHandler | undefined,
  { rules, names: { scope }, identities }: TelemetryWorld,
): boolean {
  if (expression.type === "bool") return false;
  const mentions = scope.mentions(expression);
  const isNews = (answer: string): boolean =>
    rules.every((rule) => rule.kind !== "ask" || rule.as !== answer) ||
    rules.some((rule) => rule.kind === "ask" && rule.as === answer && rule.handler !== handler?.name);
  const answers = new Set([...mentions.answers].filter(isNews));
  return entryDisclosureOf({ ...mentions, answers }, identities) !== "open";
}

/** Adds what expressions at `path` read of checks to what those carry; what cannot be carried is reported. */
function carry(path: Path, reads: readonly Read[], { names, carries }: TelemetryWorld): void {
  const { scope } = names;
  for (const read of reads) {
    if (!isCarried(read, names)) continue;
    const { root, steps } = read;
    const isName = scope.names.lets.has(root);
    const found = isName
      ? carries.addName(root)
      : names.shared.has(root)
        ? carries.addName(`${root}.${steps[0]?.name ?? ""}`)
        : carries.addRead(read);
    if (found !== undefined)
      scope.report(problem(scope.document.at(path), found.code, found.message, found.hint));
  }
}

function constantFields(fields: readonly TelemetryField[]): ReadonlyMap<string, string> | undefined {
  if (!fields.every(({ value }) => value.isLiteral)) return undefined;
  return new Map(
    fields.flatMap(({ name, value }): [string, string][] => {
      const text = value.render({});
      return typeof text === "string" ? [[name, text]] : [];
    }),
  );
}
