import { Attributes } from "../attributes/attributes.ts";
import { Workload } from "../attributes/peer.ts";
import { parseSpiffeId } from "../attributes/spiffe.ts";
import type { TestsFile, Expectation, Principal } from "../policy/tests-file.ts";
import type { PlainValue } from "../policy/fields.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import { checkFacts, encodeCheckRequest } from "./attributes.ts";
import { decide } from "./decide.ts";
import type { Decider, HeaderValue, Verdict } from "./verdict.ts";

/** What became of one expectation. */
export interface Outcome {
  readonly expectation: Expectation;
  readonly verdict: Verdict;
  /** What differs from what was expected, a sentence each; empty: it is met. */
  readonly differences: readonly string[];
}

/**
 * One expectation of a file of tests through the server's own code: the described request is encoded as
 * Envoy would, decoded, and decided about. Identities that the test gives replace what it would prove.
 */
export function tryExpectation(
  snapshot: Snapshot,
  file: TestsFile,
  expectation: Expectation,
  nowMs: number,
): Outcome {
  const principal = file.principals.get(expectation.as);
  const request = file.requests.get(expectation.request);
  if (principal === undefined || request === undefined) throw new Error("the file of tests was not checked");
  const spiffe = principal.kind === "credentials" ? (principal.spiffe ?? "") : "";
  const facts = checkFacts(encodeCheckRequest(request, spiffe, file.nowMs ?? nowMs));
  const attributes = new Attributes(facts, snapshot.settings, identitiesOf(principal));
  const { verdict } = decide(snapshot, attributes);
  return { expectation, verdict, differences: differences(file.tests, expectation, verdict) };
}

function identitiesOf(principal: Principal): ReadonlyMap<string, Workload> | undefined {
  if (principal.kind === "credentials") return undefined;
  return new Map(Array.from(principal.identities, ([name, fields]) => [name, workloadOf(fields)]));
}

/** A SPIFFE id says all; without one, or beside one, the fields say it singly. */
function workloadOf(fields: ReadonlyMap<string, PlainValue>): Workload {
  const text = (name: string): string | undefined => {
    const value = fields.get(name);
    return typeof value === "string" ? value : undefined;
  };
  const id = text("id") ?? "";
  const spiffeId = parseSpiffeId(id);
  return new Workload({
    id,
    trustDomain: text("trust_domain") ?? spiffeId?.trustDomain ?? "",
    namespace: text("namespace") ?? spiffeId?.namespace,
    serviceAccount: text("service_account") ?? spiffeId?.serviceAccount,
  });
}

function differences(policy: string, expectation: Expectation, verdict: Verdict): readonly string[] {
  const { kind, rule } = expectation.verdict;
  const wanted = rule.includes("/") ? rule : `${policy}/${rule}`;
  // Weir's own rules are named alone, though `weir/budget` says whose expression it was.
  const isWanted = (by: Decider): boolean => wanted === (rule.startsWith("weir/") ? by.rule : nameOf(by));
  const isDecided = verdict.kind === kind && decidersOf(verdict).some(isWanted);
  if (!isDecided) return [`expected ${kind} by ${wanted}, got ${verdict.kind} by ${nameOf(verdict.by)}`];
  return [...statusDifference(expectation, verdict), ...headerDifferences(expectation, verdict)];
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
  const answered = isAllowed ? verdict.responseSet : verdict.kind === "deny" ? verdict.headers : [];
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
    const actual = values.get(name.toLowerCase());
    return actual === value ? [] : [`expected the ${what} ${name}: ${value}, got ${actual ?? "none"}`];
  });
}
