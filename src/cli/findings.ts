import { printDiagnostic, type Diagnostic } from "../policy/diagnostic.ts";
import { counted } from "../std/counted.ts";

/** Every finding, each with an empty line behind it. */
export const printFindings = (diagnostics: readonly Diagnostic[]): string =>
  diagnostics.map((one) => `${printDiagnostic(one)}\n\n`).join("");

/** What is said below the findings of files that are refused. */
export const printRefusal = (diagnostics: readonly Diagnostic[]): string =>
  `${countOf(diagnostics, "error")}, ${countOf(diagnostics, "warning")}: this would not go live\n`;

/** `2 errors`. */
export const countOf = (diagnostics: readonly Diagnostic[], severity: Diagnostic["severity"]): string =>
  counted(diagnostics.filter((one) => one.severity === severity).length, severity);
