import { nameOf } from "./expectation.ts";
import type { Allowed, Denied, HeaderValue, Verdict } from "./verdict.ts";

/** One thing in which two verdicts on the same request differ. */
export interface VerdictDifference {
  readonly part: "verdict" | "rule" | "status" | "effect";
  /** What it is of, in words: `verdict`, `rule`, `status`, `request header x-user`, `body`. */
  readonly of: string;
  /** An effect's values stand in quotes: they may be those of persons. Undefined: there was none. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/**
 * How two verdicts on the same request differ: whether it passes, who decided, with which status, and what is done to
 * request and response. Empty: a caller and a service see no difference. Effects are compared where both allow or both deny,
 * because those of an answer and those of a refusal have nothing in common.
 */
export function verdictDifferences(before: Verdict, after: Verdict): readonly VerdictDifference[] {
  return [
    ...ifOther("verdict", "verdict", before.kind, after.kind),
    ...ifOther("rule", "rule", decidersOf(before), decidersOf(after)),
    ...ifOther("status", "status", statusOf(before), statusOf(after)),
    ...effectDifferences(before, after),
  ];
}

/** What a verdict is on one line, without its effects: `deny orders/mfa 403`. */
export function verdictLine(verdict: Verdict): string {
  const status = statusOf(verdict);
  return `${verdict.kind} ${decidersOf(verdict)}${status === undefined ? "" : ` ${status}`}`;
}

/** Of an allow every policy that grants, which may be several. */
const decidersOf = (verdict: Verdict): string =>
  (verdict.kind === "allow" ? verdict.grants : [verdict.by]).map(nameOf).join(", ");

const statusOf = (verdict: Verdict): string | undefined =>
  verdict.kind === "deny" ? String(verdict.status) : undefined;

function ifOther(
  part: VerdictDifference["part"],
  of: string,
  before: string | undefined,
  after: string | undefined,
): readonly VerdictDifference[] {
  return before === after ? [] : [{ part, of, before, after }];
}

/** What is done, by what it is done to. */
type Doings = ReadonlyMap<string, string>;

function effectDifferences(before: Verdict, after: Verdict): readonly VerdictDifference[] {
  if (before.kind === "allow" && after.kind === "allow")
    return otherDoings(doingsOfGrant(before), doingsOfGrant(after));
  if (before.kind === "deny" && after.kind === "deny")
    return otherDoings(doingsOfRefusal(before), doingsOfRefusal(after));
  return [];
}

const otherDoings = (before: Doings, after: Doings): readonly VerdictDifference[] =>
  [...new Set([...before.keys(), ...after.keys()])].flatMap((of) =>
    ifOther("effect", of, before.get(of), after.get(of)),
  );

const doingsOfGrant = (verdict: Allowed): Doings =>
  new Map([
    ...valuesOf("request header", verdict.requestSet),
    ...removalsOf("request header", verdict.requestRemove),
    ...valuesOf("query parameter", verdict.querySet),
    ...removalsOf("query parameter", verdict.queryRemove),
    ...valuesOf("response header", verdict.responseSet),
    ...valuesOf("added response header", verdict.responseAppend),
    ...valuesOf("metadata field", verdict.metadata),
  ]);

const doingsOfRefusal = ({ body, contentType, headers, metadata }: Denied): Doings =>
  new Map([
    ["body", JSON.stringify(body)],
    ["content type", JSON.stringify(contentType)],
    ...valuesOf("response header", headers),
    ...valuesOf("metadata field", metadata),
  ]);

/** A name may come several times: its values are then compared together, in their order. */
function valuesOf(what: string, named: readonly HeaderValue[]): Doings {
  const values = new Map<string, string>();
  for (const [name, value] of named) {
    const of = `${what} ${name}`;
    const earlier = values.get(of);
    values.set(of, `${earlier === undefined ? "" : `${earlier}, `}${JSON.stringify(value)}`);
  }
  return values;
}

const removalsOf = (what: string, names: readonly string[]): Doings =>
  new Map(names.map((name) => [`${what} ${name}`, "removed"]));
