import { Unknown, UNKNOWN } from "../cel/expression.ts";
import type { NamedText } from "../policy/effects.ts";
import type { HeaderValue } from "./verdict.ts";

// RFC 9110 section 5.5 allows a tab and no other control character.
const UNPRINTABLE = /[\u0000-\u0008\u000a-\u001f\u007f]/;

/** A header's value, or UNKNOWN for one that no header can carry: CR, LF, NUL and their like never reach one. */
export function headerText(value: string | Unknown): string | Unknown {
  if (value instanceof Unknown) return value;
  return UNPRINTABLE.test(value) ? UNKNOWN.request : value;
}

/** The texts that have a value; of a refusal, the others are left out. */
export const rendered = (texts: readonly NamedText[], context: object): readonly HeaderValue[] =>
  texts.flatMap(({ name, value }): readonly HeaderValue[] => {
    const text = headerText(value.render(context));
    return text instanceof Unknown ? [] : [[name, text]];
  });
