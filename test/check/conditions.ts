import assert from "node:assert/strict";
import type { CheckFacts } from "../../src/attributes/facts.ts";
import { ValueFault } from "../../src/std/fault.ts";
import { type Asked, type File, inShort, snapshotOf, verdictOn } from "./fixture.ts";

/** Conditions, by what they come to on the request below. */
export const YES = 'request.method == "GET"';
export const NO = 'request.method == "POST"';
export const MISSING = 'request.headers["x-absent"] == ""';
/** Without Envoy's `encode_raw_headers`. */
export const JOINED = "size(request.headers_all) > 0";
/** 200 times 200 steps. */
export const ENDLESS = "request.path_segments.all(a, request.path_segments.all(b, a == b || true))";
export const OURS = '"x" in metadata';

const asked: Asked = { path: `/${"a/".repeat(200)}` };

/** The stand-in for a back-end of ours that fails. */
export const failing: CheckFacts["metadata"] = () => {
  throw new ValueFault("ours");
};

/** What is decided about a request, in one line. */
export const outcome = (files: readonly File[], request: Asked = asked): string =>
  inShort(verdictOn(snapshotOf(...files), request, failing));

/** A rule whose id is that of its kind: `denys`, `requires`, `allows`. */
export const rule = (kind: "deny" | "require" | "allow", condition: string, more: object = {}): object => ({
  id: `${kind}s`,
  [kind]: condition,
  ...more,
});

/** A policy for everything, unless `more` says otherwise. */
export const policy = (name: string, rules: readonly object[], more: object = {}): File => ({
  policy: name,
  match: "everything",
  ...(rules.length === 0 ? {} : { rules }),
  ...more,
});

/** A policy, the last by name, that grants. */
export const granting = policy("z", [rule("allow", YES)]);
export const ungovernedAllowed: File = { ungoverned: "allow" };

/** One test a row: a sentence of the policy language, files, and what is decided. */
export type Row = readonly [sentence: string, files: readonly File[], outcome: string];

export function table(rows: readonly Row[]): void {
  for (const [sentence, files, expected] of rows) {
    it(`${sentence}: ${expected}`, () => assert.equal(outcome(files), expected));
  }
}
