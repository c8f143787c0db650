import type { Code } from "./codes.ts";
import type { Range } from "./source.ts";
import { isList, Literal, type Plain } from "./tree.ts";

/** The sorts of values that a file has. */
export type Sort = "text" | "number" | "boolean" | "list" | "mapping";

/** Why a value is not what its key takes. `path` begins at that value. */
export type Reason =
  /** Of another sort, or outside what is taken: the words for both come from what was found. */
  | {
      readonly kind: "expected";
      readonly what: string;
      readonly sort: Sort;
      readonly hint?: string | undefined;
    }
  | {
      readonly kind: "refused";
      readonly code: Code;
      readonly message: string;
      readonly hint?: string | undefined;
      readonly at: "key" | "value";
      /** A part of the text. */
      readonly span?: Range;
    };

/** A reason on its way through the schema library, which carries it and never puts it into words of its own. */
export class Refusal {
  readonly reason: Reason;
  constructor(reason: Reason) {
    this.reason = reason;
  }
}

/** What sort of value was found; undefined where there is none that could be named. */
export function sortOf(value: Plain): Sort | undefined {
  if (typeof value === "string") return "text";
  if (value instanceof Literal) return typeof value.value === "number" ? "number" : "boolean";
  if (value instanceof Map) return "mapping";
  return isList(value) ? "list" : undefined;
}

/** `a list`, `the number 5`, `the text "abc"`. */
export function describe(value: Plain): string {
  if (typeof value === "string") return `the text ${JSON.stringify(shorten(value))}`;
  if (value instanceof Literal) {
    return typeof value.value === "number" ? `the number ${shorten(value.text)}` : value.text;
  }
  if (value instanceof Map) return "a mapping";
  return isList(value) && value.length === 0 ? "an empty list" : "a list";
}

const shorten = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text);
