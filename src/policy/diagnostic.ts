import { suggest } from "../std/suggest.ts";
import type { Code } from "./codes.ts";

/** Where in a file something stands. Lines and columns count from 1, columns in UTF-16 code units. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** How much to underline, at least 1, never past the end of the line. */
  readonly length: number;
  /** The whole source line, for the caret below it. */
  readonly source: string;
}

/** One finding in a file: place, code, message, hint. */
export interface Diagnostic extends Place {
  readonly severity: "error" | "warning";
  readonly code: Code;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** An error at a place. The hint says what to do. */
export function problem(place: Place, code: Code, message: string, hint?: string): Diagnostic {
  return { ...place, severity: "error", code, message, hint };
}

/** Something that `validate` points out, and that `--strict` will refuse. */
export function warning(place: Place, code: Code, message: string, hint?: string): Diagnostic {
  return { ...place, severity: "warning", code, message, hint };
}

/** `did you mean "x"?`, or the list of what there is when nothing is near. */
export function didYouMean(wanted: string, known: Iterable<string>): string {
  const names = [...known];
  const near = suggest(wanted, names);
  if (near !== undefined) return `did you mean "${near}"?`;
  return names.length === 0 ? "there are none" : `known: ${names.sort().join(", ")}`;
}

/** A finding with a code of any kind: of weir's files, or of an Envoy's. */
export type Finding = Omit<Diagnostic, "code"> & { readonly code: string };

/** By file, line and column, errors before warnings at one place. */
export function inOrder<T extends Finding>(diagnostics: readonly T[]): readonly T[] {
  return diagnostics.toSorted(
    (left, right) =>
      compare(left.file, right.file) ||
      left.line - right.line ||
      left.column - right.column ||
      compare(left.severity, right.severity) ||
      compare(left.code, right.code),
  );
}

const compare = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);

/**
 * As people read it:
 * ```
 * policies/orders.yaml:7:11  unknown-attribute  request.header is not an attribute of a check
 *     7 |     allow: request.header == "x"
 *       |                    ^^^^^^
 *       = did you mean "headers"?
 * ```
 */
export function printDiagnostic(one: Finding): string {
  const number = String(one.line).padStart(5);
  const gutter = " ".repeat(number.length);
  const { source, column, length } = shortened(one);
  const indent = source.slice(0, column - 1).replace(/[^\t]/g, " ");
  const severity = one.severity === "warning" ? "warning: " : "";
  const lines = [`${one.file}:${one.line}:${one.column}  ${one.code}  ${severity}${one.message}`];
  if (source !== "")
    lines.push(`${number} | ${source}`, `${gutter} | ${indent}${"^".repeat(Math.max(1, length))}`);
  if (one.hint !== undefined) lines.push(`${gutter} = ${one.hint}`);
  return lines.join("\n");
}

/** The errors among them, each with an empty line behind it. */
export const printErrors = (diagnostics: readonly Diagnostic[]): string =>
  diagnostics
    .filter(({ severity }) => severity === "error")
    .map((one) => `${printDiagnostic(one)}\n\n`)
    .join("");

/** The most of a line that is shown: a longer one would bury the others. */
const MAX_SHOWN = 160;
const BEFORE = 40;

/** The line around what is underlined. */
function shortened({ source, column, length }: Place): Pick<Place, "source" | "column" | "length"> {
  if (source.length <= MAX_SHOWN) return { source, column, length };
  const start = Math.max(0, Math.min(column - 1 - BEFORE, source.length - MAX_SHOWN));
  const end = start + MAX_SHOWN;
  const [head, tail] = [start > 0 ? "…" : "", end < source.length ? "…" : ""];
  return {
    source: `${head}${source.slice(start, end)}${tail}`,
    column: column - start + head.length,
    length: Math.min(length, end - (column - 1)),
  };
}

/** Whether nothing among them forbids going live. */
export const isClean = (diagnostics: readonly Diagnostic[]): boolean =>
  diagnostics.every((one) => one.severity !== "error");
