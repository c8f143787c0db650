import type { Input } from "../adapter/adapter.ts";
import { Unknown, UNKNOWN, type Expression } from "../cel/expression.ts";
import { printJson } from "../cel/json.ts";
import { VOCABULARY } from "../attributes/vocabulary.ts";
import { compileText } from "./compile-text.ts";
import { didYouMean, problem } from "./diagnostic.ts";
import type { ConfiguredHandler } from "./handlers.ts";
import type { AskInput } from "./identity.ts";
import type { Mentions } from "./mentions.ts";
import type { Scope } from "./scope.ts";
import type { Path } from "./source.ts";
import { splitText } from "./text.ts";

/** What a rule or an identity asks a handler with. `path` is that of the `with`. */
export interface WrittenQuestion {
  readonly path: Path;
  readonly with: ReadonlyMap<string, string>;
  /** The input that is given otherwise. */
  readonly given?: string | undefined;
}

/** The inputs of one question; what does not fit what the adapter declares is reported. */
export function compileInputs(
  scope: Scope,
  { path, with: written, given }: WrittenQuestion,
  { name, adapter, declared: { inputs } }: ConfiguredHandler,
): readonly AskInput[] {
  const declared = new Map(Object.entries(inputs));
  for (const [input, { presence, meaning }] of declared) {
    if (presence === "optional" || input === given || written.has(input)) continue;
    const message = `the handler ${name} needs the input ${input}`;
    scope.report(problem(scope.document.keyAt(path), "missing-key", message, `${input}: ${meaning}`));
  }
  return Array.from(written).flatMap(([input, text]) => {
    const place = [...path, input];
    const one = declared.get(input);
    if (one === undefined || input === given) {
      const message =
        one === undefined
          ? `the adapter ${adapter.id} has no input "${input}"`
          : `${input} is the credential that the caller presents`;
      const others = Array.from(declared.keys()).filter((known) => known !== given);
      const hint = input === given ? "remove it" : didYouMean(input, others);
      scope.report(problem(scope.document.keyAt(place), "unknown-key", message, hint));
      return [];
    }
    const value = compileInput(scope, place, text, one);
    return value === undefined ? [] : [{ name: input, value }];
  });
}

function compileInput(scope: Scope, path: Path, text: string, input: Input): AskInput["value"] | undefined {
  const value = valueOf(scope, path, text, input.type);
  if (value === undefined) return undefined;
  const mentions = scope.mentions(value);
  refuseAnswers(scope, path, mentions);
  if (input.class === "open")
    refuseSecrets(scope, path, mentions, "this input is not secret: it may be logged");
  return value;
}

function valueOf(scope: Scope, path: Path, text: string, type: Input["type"]): AskInput["value"] | undefined {
  if (type === "string") return textInput(scope, path, text);
  const expression = scope.expression(path, text, type === "json" ? "any" : type)?.expression;
  return type === "json" ? expression && jsonOf(expression) : expression;
}

/** Any value as a text of JSON. */
const jsonOf = (expression: Expression): AskInput["value"] => ({
  reads: expression.reads,
  isLiteral: false,
  render(context) {
    const value = expression.evaluate(context);
    return value instanceof Unknown ? value : (printJson(value) ?? UNKNOWN.request);
  },
});

function textInput(scope: Scope, path: Path, text: string): AskInput["value"] | undefined {
  const parts = splitText(text);
  if (!("message" in parts)) return compileText(scope, path, parts);
  const { start, end, message, hint } = parts;
  scope.report(problem(scope.document.at(path, { start, end }), "cel-syntax", message, hint));
  return undefined;
}

/** All questions are asked at once, so none reads what another answers. */
export function refuseAnswers(scope: Scope, path: Path, { answers }: Mentions): void {
  const [answer] = answers;
  if (answer === undefined) return;
  const message = `a question cannot read ${answer}: all handlers are asked at once`;
  const hint = "read attributes and identities, or let one handler answer both";
  scope.report(problem(scope.document.at(path), "reads-answer", message, hint));
}

/** A secret is compared, or handed to what takes secrets; it never goes where it may be written down. */
export function refuseSecrets(scope: Scope, path: Path, mentions: Mentions, why: string): void {
  const secret = secretIn(mentions);
  if (secret === undefined) return;
  const hint = "compare it in a rule, or read what an identity makes of it";
  scope.report(problem(scope.document.at(path), "secret-value", `${secret} is secret, and ${why}`, hint));
}

/** The first of them that is secret. */
export const secretIn = ({ attributes }: Mentions): string | undefined =>
  [...attributes].find((name) => SECRETS.has(name));

const SECRETS: ReadonlySet<string> = new Set(
  VOCABULARY.filter((one) => one.class === "secret").map(({ name }) => name),
);
