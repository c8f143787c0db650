import type { Range } from "./source.ts";

/** One piece of a text with expressions in it. `start` is the expression's first character in the text. */
export type TextPart =
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "cel"; readonly source: string; readonly start: number };

/** Why a text is none, and where in it. */
export interface TextProblem extends Range {
  readonly message: string;
  readonly hint: string;
}

/**
 * Splits `x-user: ${auth.user.sub}` at its expressions. An expression ends at the brace that closes it:
 * braces, string literals and comments of CEL inside are skipped. `$${` is a literal `${`; any other `$` is itself.
 * Offsets are UTF-16 code units of `text`.
 */
export function splitText(text: string): readonly TextPart[] | TextProblem {
  const parts: TextPart[] = [];
  let literal = "";
  let cursor = 0;
  while (cursor < text.length) {
    if (text.startsWith("$${", cursor)) {
      literal += "${";
      cursor += 3;
    } else if (text.startsWith("${", cursor)) {
      const start = cursor + 2;
      const end = closingBrace(text, start);
      if (end === undefined) return unclosed(text, cursor);
      const source = text.slice(start, end);
      if (source.trim() === "") return empty(cursor, end + 1);
      if (literal !== "") parts.push({ kind: "text", value: literal });
      parts.push({ kind: "cel", source, start });
      literal = "";
      cursor = end + 1;
    } else {
      literal += text.charAt(cursor);
      cursor += 1;
    }
  }
  if (literal !== "") parts.push({ kind: "text", value: literal });
  return parts;
}

const unclosed = (text: string, start: number): TextProblem => ({
  start,
  end: Math.min(start + 2, text.length),
  message: "${ opens an expression that no brace closes",
  hint: "close it with }, or write $${ for the two characters themselves",
});

const empty = (start: number, end: number): TextProblem => ({
  start,
  end,
  message: "there is no expression between the braces",
  hint: "write one, or write $${ for the two characters themselves",
});

/** What may stand in an expression and have braces in it: raw and other string literals, and comments. */
const OPAQUE = [
  /(?<![\w.])(?:[rR][bB]?|[bB][rR])(?:"""[^]*?"""|'''[^]*?'''|"[^"\n]*"|'[^'\n]*')/,
  /"""(?:\\[^]|[^\\])*?"""|'''(?:\\[^]|[^\\])*?'''/,
  /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/,
  /\/\/[^\n]*/,
]
  .map(({ source }) => source)
  .join("|");

/** The offset of the brace that closes the one before `start`. */
function closingBrace(text: string, start: number): number | undefined {
  const opaque = new RegExp(OPAQUE, "y");
  let depth = 0;
  let cursor = start;
  while (cursor < text.length) {
    opaque.lastIndex = cursor;
    if (opaque.test(text)) {
      cursor = opaque.lastIndex;
      continue;
    }
    const character = text.charAt(cursor);
    if (character === "{") depth++;
    if (character === "}" && depth-- === 0) return cursor;
    cursor++;
  }
  return undefined;
}
