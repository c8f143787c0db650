import { Unknown, UNKNOWN, type Expression } from "../cel/expression.ts";
import { printScalar } from "../cel/format.ts";
import type { Template } from "./answers-file.ts";
import type { NamedText, Text } from "./effects.ts";
import type { Scope } from "./scope.ts";
import type { Path } from "./source.ts";

/** A text whose expressions are replaced; UNKNOWN when one of them is. */
export const compileText = (scope: Scope, path: Path, template: Template): Text =>
  textOf(compileParts(scope, path, template));

/** A text's literal parts and its expressions; undefined where something is wrong with one. */
export const compileParts = (scope: Scope, path: Path, template: Template): TextParts =>
  template.map((part) =>
    part.kind === "text" ? part.value : scope.textExpression(path, part.source, part.start),
  );

export type TextParts = readonly (string | Expression | undefined)[];

/** The parts as one text. */
export function textOf(parts: TextParts): Text {
  const [only] = parts;
  if (parts.length === 1 && typeof only === "string")
    return { render: () => only, reads: [], isLiteral: true };
  return {
    isLiteral: false,
    reads: parts.flatMap((part) => (typeof part === "object" ? part.reads : [])),
    render(context) {
      let text = "";
      for (const part of parts) {
        const value = typeof part === "string" ? part : part?.evaluate(context);
        if (value instanceof Unknown) return value;
        const printed = printScalar(value);
        if (printed === undefined) return UNKNOWN.request;
        text += printed;
      }
      return text;
    },
  };
}

/** The same for texts by name, which stand below `path` under their names. */
export const compileTexts = (
  scope: Scope,
  path: Path,
  templates: ReadonlyMap<string, Template>,
): readonly NamedText[] =>
  Array.from(templates, ([name, template]) => ({
    name,
    value: compileText(scope, [...path, name], template),
  }));

/** What of a text is the same for all requests. */
export const constantPart = (template: Template): string =>
  template.map((part) => (part.kind === "text" ? part.value : "")).join("");
