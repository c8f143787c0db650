import type { YAMLError } from "yaml";
import type { Range } from "./source.ts";

/** What the parser complains of, in words that say what to do. Without a hint, quoting the text is what to do. */
export interface SyntaxFault {
  readonly range: Range;
  /** Whether a value is at fault, or how the lines are indented. */
  readonly of: "value" | "indent";
  readonly message: string;
  readonly hint?: string;
}

/** Puts an error of the `yaml` package (its codes: https://eemeli.org/yaml/#errors) into our words. */
export function explainSyntax(text: string, error: YAMLError): SyntaxFault {
  const range = { start: error.pos[0], end: error.pos[1] };
  switch (error.code) {
    case "BLOCK_IN_FLOW":
    case "BLOCK_AS_IMPLICIT_KEY": {
      const message = "a colon and a space make YAML see a second key on the line";
      return { range: colonAfter(text, range), of: "value", message };
    }
    case "BAD_SCALAR_START": {
      const message = `a text that is not quoted cannot begin with ${text.charAt(range.start)}`;
      return { range, of: "value", message };
    }
    case "TAB_AS_INDENT": {
      const hint = "indent with spaces: YAML takes nothing else";
      return { range, of: "indent", message: "a tab indents this line", hint };
    }
    case "MULTILINE_IMPLICIT_KEY": {
      const hint = "write `key: value`, in the column of the keys beside it";
      return { range, of: "value", message: "this key needs a colon and a space after it", hint };
    }
    case "BAD_DQ_ESCAPE": {
      const hint = "in double quotes a backslash begins an escape: use single quotes or `|`";
      const escape = /^\\.?/.exec(text.slice(range.start, range.start + 2))?.[0] ?? "\\";
      return { range, of: "value", message: `${escape} is not an escape that YAML knows`, hint };
    }
    default:
      return { range: visible(text, range), of: "value", ...wordsFor(error.message) };
  }
}

/** The other messages, by how they begin or end; what is rare keeps the parser's words. */
function wordsFor(message: string): Pick<SyntaxFault, "message" | "hint"> & Partial<Pick<SyntaxFault, "of">> {
  if (message.endsWith("at node end")) {
    return {
      message: "the value ended before this: what begins with a quote or a bracket ends with one, to YAML",
    };
  }
  if (message.includes("block-seq-ind")) return { message: "a list begins on the line of its key" };
  if (message.startsWith("Not a YAML token"))
    return { message: "text is not expected here; after | and > it begins on the next line" };
  if (message.startsWith("Missing closing")) return { message: "the quote before this is never closed" };
  if (message.startsWith("Implicit map keys")) {
    return {
      message: "a key needs a colon and a value after it",
      hint: "add them, or check the indentation",
    };
  }
  if (message.startsWith("All ") || message.startsWith("Sequence item without")) {
    return {
      of: "indent",
      message: "this is not in the column of its neighbours",
      hint: "check the indentation",
    };
  }
  if (message.startsWith("Flow ")) {
    const hint = "close the bracket, and indent its lines deeper than the key";
    return { message: "a bracket before this is not closed", hint };
  }
  return { message: message.charAt(0).toLowerCase() + message.slice(1) };
}

/** Some errors are placed on the indentation; the text behind it is what is wrong. */
function visible(text: string, range: Range): Range {
  const indent = /^ */.exec(text.slice(range.start, range.start + 1000))?.[0].length ?? 0;
  const start = range.start + indent;
  return { start, end: Math.max(range.end, start + 1) };
}

/** The parser points at the beginning of the value; the colon is what is wrong. */
function colonAfter(text: string, range: Range): Range {
  const colon = /:(?=\s|$)/.exec(text.slice(range.start, range.start + 20_000));
  if (colon === null) return range;
  const start = range.start + colon.index;
  return { start, end: start + 1 };
}
