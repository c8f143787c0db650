import { Unknown, UNKNOWN } from "../cel/expression.ts";
import type { NamedText } from "../policy/effects.ts";
import { isPrintable } from "../std/printable.ts";
import type { HeaderValue } from "./verdict.ts";

/** A header's value, or UNKNOWN for one that no header can carry. */
export function headerText(value: string | Unknown): string | Unknown {
  return value instanceof Unknown || isPrintable(value) ? value : UNKNOWN.request;
}

/** The texts that have a value; of a refusal, the others are left out. */
export const rendered = (texts: readonly NamedText[], context: object): readonly HeaderValue[] =>
  texts.flatMap(({ name, value }): readonly HeaderValue[] => {
    const text = headerText(value.render(context));
    return text instanceof Unknown ? [] : [[name, text]];
  });
