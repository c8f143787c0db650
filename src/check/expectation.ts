import type { Verifier } from "../identity/verifier.ts";
import { offlineLimits } from "../limits/assumed.ts";
import type { Identity } from "../policy/identity.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import { answerFor } from "../policy/stubs-file.ts";
import { subjectOf, type Expectation, type TestsFile } from "../policy/tests-file.ts";
import type { CheckFacts } from "../attributes/facts.ts";
import { carriedOf, type Carried } from "./carried.ts";
import type { StructValue } from "../std/struct.ts";
import { decide } from "./decide.ts";
import { countsRefusal, refusedClaims } from "./quotas.ts";
import { describedQuestion } from "./described.ts";
import { encodeMetadata } from "./response.ts";
import type { Decider, HeaderValue, Verdict } from "./verdict.ts";

/** What became of one expectation. */
export interface Outcome {
  readonly expectation: Expectation;
  readonly verdict: Verdict;
  /** What differs from what was expected, a sentence each; empty: it is met. */
  readonly differences: readonly string[];
  /** The request as it was read, and what the answer leaves for its access log, encoded: what telemetry is tried with. */
  readonly facts: CheckFacts;
  readonly metadata: Buffer;
}

/** What expectations are tried with. */
export interface Trial {
  readonly snapshot: Snapshot;
  readonly file: TestsFile;
  /** Verifies raw credentials with the keys of the configuration; keys behind a URL are never fetched. */
  readonly verifiers: ReadonlyMap<Identity, Verifier>;
  readonly nowMs: number;
}

/**
 * One expectation of a file of tests through the server's own code: the described request is encoded as
 * Envoy would, decoded, and decided about, as often as it says; quotas count from nothing. Identities that the test gives replace what it would prove, and what it says
 * of handlers replaces their answers.
 */
export async function tryExpectation(trial: Trial, expectation: Expectation): Promise<Outcome> {
  const { snapshot, file } = trial;
  const principal = file.principals.get(expectation.as);
  const described = file.requests.get(expectation.request);
  if (principal === undefined || described === undefined)
    throw new Error("the file of tests was not checked");
  const nowMs = file.nowMs ?? trial.nowMs;
  const limits = offlineLimits(nowMs);
  const ask = async (): Promise<Answered> => {
    const question = describedQuestion({
      snapshot,
      principal,
      request: described,
      nowMs,
      limits,
      verifiers: trial.verifiers,
      stubOf: (handler) =>
        answerFor(expectation.backends.get(handler) ?? file.backends.get(handler), expectation.as),
      unsaid: (handler) => `the test does not say what ${handler} answers ${expectation.as}`,
    });
    const decision = await decide(question);
    if (countsRefusal(decision)) limits.count(refusedClaims(decision, question));
    const carried = carriedOf(decision, question);
    return { verdict: decision.verdict, facts: question.attributes.facts, carried };
  };
  for (let earlier = 1; earlier < expectation.times; earlier++) await ask();
  const { verdict, facts, carried } = await ask();
  return {
    expectation,
    verdict,
    facts,
    metadata: encodeMetadata(verdict, { decisionId: DECISION_ID, dialect: "http", carried }),
    differences: [
      ...differences(file.tests, expectation, verdict),
      ...carryDifferences(expectation, carried?.values.get(file.tests)),
    ],
  };
}

interface Answered extends Pick<Outcome, "verdict" | "facts"> {
  readonly carried: Carried | undefined;
}

/** The same in every test, so that nothing in it is drawn by lot. */
const DECISION_ID = "d_test";

function carryDifferences(
  { carries }: Expectation,
  own: ReadonlyMap<string, StructValue> = new Map(),
): readonly string[] {
  const found = Array.from(own, ([name, value]): HeaderValue => [name, printed(value)]);
  return missing("carried value", carries, found);
}

/** Texts as they are, all else as JSON. */
const printed = (value: StructValue): string =>
  typeof value === "string"
    ? value
    : JSON.stringify(value, (_key, inner: unknown) =>
        inner instanceof Map ? (Object.fromEntries(inner) as unknown) : inner,
      );

function differences(policy: string, expectation: Expectation, verdict: Verdict): readonly string[] {
  const { kind, rule } = expectation.verdict;
  const wanted = nameOf(subjectOf(policy, rule));
  // Weir's own rules are named alone, though `weir/budget` says whose expression it was.
  const isWanted = (by: Decider): boolean => wanted === (rule.startsWith("weir/") ? by.rule : nameOf(by));
  const isDecided = verdict.kind === kind && decidersOf(verdict).some(isWanted);
  if (!isDecided) return [`expected ${kind} by ${wanted}, got ${verdict.kind} by ${nameOf(verdict.by)}`];
  return [
    ...statusDifference(expectation, verdict),
    ...headerDifferences(expectation, verdict),
    ...missing("query parameter", expectation.query, verdict.kind === "allow" ? verdict.querySet : []),
    ...missing("metadata field", expectation.metadata, verdict.kind === "error" ? [] : verdict.metadata),
  ];
}

const decidersOf = (verdict: Verdict): readonly Decider[] =>
  verdict.kind === "allow" ? verdict.grants : [verdict.by];

/** `orders/owner`, or weir's own `weir/ungoverned`. */
export const nameOf = ({ policy, rule }: Decider): string => (policy === "" ? rule : `${policy}/${rule}`);

function statusDifference({ status, body }: Expectation, verdict: Verdict): readonly string[] {
  const found = verdict.kind === "deny" ? verdict : { status: undefined, body: undefined };
  const isStatus = status === undefined || status === found.status;
  const isBody = body === undefined || body.trimEnd() === found.body?.trimEnd();
  return [
    ...(isStatus ? [] : [`expected status ${status}, got ${found.status ?? "none"}`]),
    ...(isBody ? [] : [`expected body ${JSON.stringify(body)}, got ${JSON.stringify(found.body ?? "none")}`]),
  ];
}

function headerDifferences({ sets, removes, response }: Expectation, verdict: Verdict): readonly string[] {
  const isAllowed = verdict.kind === "allow";
  const removed = isAllowed ? verdict.requestRemove : [];
  const answered = isAllowed
    ? [...verdict.responseSet, ...verdict.responseAppend]
    : verdict.kind === "deny"
      ? verdict.headers
      : [];
  return [
    ...missing("request header", sets, isAllowed ? verdict.requestSet : []),
    ...missing("response header", response, answered),
    ...removes
      .filter((name) => !removed.includes(name.toLowerCase()))
      .map((name) => `expected the request header ${name} to be removed, it is not`),
  ];
}

function missing(
  what: string,
  wanted: ReadonlyMap<string, string>,
  found: readonly HeaderValue[],
): readonly string[] {
  const values = new Map(found);
  return Array.from(wanted).flatMap(([name, value]) => {
    const actual = values.get(name) ?? values.get(name.toLowerCase());
    return actual === value ? [] : [`expected the ${what} ${name}: ${value}, got ${actual ?? "none"}`];
  });
}
