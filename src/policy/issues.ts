import type { z } from "zod";
import { didYouMean, problem, type Diagnostic } from "./diagnostic.ts";
import type { Document } from "./document.ts";
import { describe, Refusal, sortOf, type Reason } from "./refusal.ts";
import type { Path } from "./source.ts";
import { BROKEN, isList, isMapping, type Plain } from "./tree.ts";

/** What a schema complains of. */
export type Issue = z.core.$ZodIssue;

/** A schema's issues as diagnostics, in our words. Of a place where YAML already has one, nothing more is said. */
export function toDiagnostics(document: Document, issues: readonly Issue[]): readonly Diagnostic[] {
  return issues.flatMap((issue) => {
    const path = pathOf(issue);
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => unknownKey(document, [...path, key], issue.message.split(" ")));
    }
    const reason = reasonOf(issue);
    const found = valueAt(document.plain, path);
    if (found === BROKEN) return [];
    if (reason.kind === "refused") return [refused(document, path, reason)];
    return [found === undefined ? missing(document, path, reason) : unexpected(document, path, reason)];
  });
}

export const pathOf = (issue: Issue): Path =>
  issue.path.map((step) => (typeof step === "number" ? step : String(step)));

/** The reason that a field gave. */
export function reasonOf(issue: Issue): Reason {
  const params: Readonly<Record<string, unknown>> | undefined =
    issue.code === "custom" ? issue.params : undefined;
  const refusal = params?.["refusal"];
  return refusal instanceof Refusal
    ? refusal.reason
    : { kind: "expected", what: "another value", sort: "text" };
}

/** The value at `path`, or undefined where there is none. */
export function valueAt(plain: Plain, path: Path): Plain | undefined {
  let value: Plain | undefined = plain;
  for (const step of path) {
    if (value === BROKEN) return BROKEN;
    if (isMapping(value) && typeof step === "string") value = value.get(step);
    else if (isList(value) && typeof step === "number") value = value[step];
    else return undefined;
  }
  return value;
}

function unknownKey(document: Document, path: Path, known: readonly string[]): Diagnostic {
  const key = String(path.at(-1));
  const owner = path.length > 1 ? ` of ${label(path.slice(0, -1))}` : "";
  return problem(
    document.keyAt(path),
    "unknown-key",
    `"${key}" is not a key${owner}`,
    didYouMean(key, known),
  );
}

type Refused = Extract<Reason, { kind: "refused" }>;

function refused(document: Document, path: Path, reason: Refused): Diagnostic {
  if (reason.code === "secret-in-plain-text") return plainSecret(document, path, reason);
  const place = reason.at === "key" ? document.keyAt(path) : document.at(path, reason.span);
  return problem(place, reason.code, reason.message, reason.hint);
}

/** At the key of the secret, and with nothing else of its line: diagnostics are logged. */
function plainSecret(document: Document, path: Path, { code, message, hint }: Refused): Diagnostic {
  const isItem = typeof path.at(-1) === "number";
  const place = document.keyAt(isItem ? path.slice(0, -1) : path);
  const { source, column, length } = place;
  const key = source.slice(column - 1, column - 1 + length);
  return problem({ ...place, source: `${" ".repeat(column - 1)}${key}: ***` }, code, message, hint);
}

type Expected = Extract<Reason, { kind: "expected" }>;

function missing(document: Document, path: Path, reason: Expected): Diagnostic {
  const key = String(path.at(-1));
  const owner = path.length > 1 ? ` in ${label(path.slice(0, -1))}` : "";
  return problem(
    document.keyAt(path.slice(0, -1)),
    "missing-key",
    `${key} is missing${owner}`,
    `it takes ${reason.what}`,
  );
}

function unexpected(document: Document, path: Path, reason: Expected): Diagnostic {
  const found = valueAt(document.plain, path) ?? "";
  const isSort = sortOf(found) === reason.sort;
  const message = `${label(path)} takes ${reason.what}, not ${describe(found)}`;
  return problem(document.at(path), isSort ? "wrong-value" : "wrong-type", message, reason.hint);
}

/** `status`, `an item of hosts`, `rule 3`. */
function label(path: Path): string {
  const last = path.at(-1);
  if (typeof last === "string") return last;
  return path.length === 0 ? "the file" : `an item of ${String(path.at(-2))}`;
}
