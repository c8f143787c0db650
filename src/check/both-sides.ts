import type { Verifier } from "../identity/verifier.ts";
import type { Identity } from "../policy/identity.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import type { Expectation, TestsFile } from "../policy/tests-file.ts";
import { decide } from "./decide.ts";
import { describedQuestion } from "./described.ts";
import { answersFor, describedPairs, keyOf, type DescribedPair, type Origin } from "./described-pairs.ts";
import { tryExpectation } from "./expectation.ts";
import type { Verdict } from "./verdict.ts";
import { verdictDifferences, type VerdictDifference } from "./verdict-difference.ts";

/** One of two states of a configuration. */
export interface Side {
  readonly snapshot: Snapshot;
  readonly tests: readonly TestsFile[];
  /** Verifies raw credentials with the keys of that state. */
  readonly verifiers: ReadonlyMap<Identity, Verifier>;
}

export interface BothSides {
  readonly before: Side;
  readonly after: Side;
  readonly nowMs: number;
}

/** A pair of request and principal about which the two states differ. */
export interface PairDifference {
  readonly pair: DescribedPair;
  readonly before: Decided;
  readonly after: Decided;
  readonly differences: readonly VerdictDifference[];
}

/** What one state makes of a pair. */
export interface Decided {
  readonly verdict: Verdict;
  /** Handlers that were asked and of which no test says what they answer: then the verdict says nothing of a real request. */
  readonly unsaid: readonly string[];
  /** Whether the policy that is tested is there. */
  readonly tested: "there" | "missing";
}

/** What becomes of a test, when it is one of those that differ. */
export interface TestDifference {
  readonly tests: string;
  readonly expectation: Expectation;
  /** How the principal is described. */
  readonly principal: "given" | "proved";
  readonly origin: Origin;
  /** Why it is not met; empty: it is. */
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** What differs, and of how much. */
export interface Compared<T> {
  readonly differing: readonly T[];
  readonly looked: number;
  /** How many were left out, because there are too many. */
  readonly beyond: number;
}

/** Decides every pair of request and principal of either state's tests by both, and keeps those that differ. */
export async function differingPairs({ before, after, nowMs }: BothSides): Promise<Compared<PairDifference>> {
  const { pairs, beyond } = describedPairs(before.tests, after.tests);
  const differing: PairDifference[] = [];
  for (const pair of pairs) {
    const old = await decided(pair, before, nowMs);
    const now = await decided(pair, after, nowMs);
    const differences = verdictDifferences(old.verdict, now.verdict);
    const isKnown = keyOf(old.unsaid) === keyOf(now.unsaid);
    if (differences.length > 0 || !isKnown) differing.push({ pair, before: old, after: now, differences });
  }
  return { differing, looked: pairs.length, beyond };
}

async function decided(pair: DescribedPair, side: Side, nowMs: number): Promise<Decided> {
  const unsaid = new Set<string>();
  const question = describedQuestion({
    snapshot: side.snapshot,
    principal: pair.principal,
    request: pair.described,
    nowMs: pair.nowMs ?? nowMs,
    verifiers: side.verifiers,
    stubOf: (handler) => pair.answers.get(handler),
    unsaid: (handler) => {
      unsaid.add(handler);
      return `no test says what ${handler} answers ${pair.as}`;
    },
  });
  const { verdict } = await decide(question);
  const isThere = side.snapshot.policies.some(({ id }) => id === pair.tests);
  return { verdict, unsaid: [...unsaid].sort(), tested: isThere ? "there" : "missing" };
}

/** An expectation in its file. */
interface Test {
  readonly file: TestsFile;
  readonly expectation: Expectation;
}

/** Tries the expectations of both states on both, and keeps those that come, go, or are met by one of them only. */
export async function differingTests({ before, after, nowMs }: BothSides): Promise<Compared<TestDifference>> {
  const [old, now] = [testsOf(before.tests), testsOf(after.tests)];
  const differing: TestDifference[] = [];
  const all = new Map([...now, ...old]);
  for (const [key, test] of all) {
    const origin = originOf(old.has(key), now.has(key));
    const found = {
      before: await differencesOf(test, before, nowMs),
      after: await differencesOf(test, after, nowMs),
    };
    const isSame = (found.before.length === 0) === (found.after.length === 0);
    if (origin === "both" && isSame) continue;
    const { file, expectation } = test;
    const isGiven = file.principals.get(expectation.as)?.kind === "identities";
    differing.push({
      tests: file.tests,
      expectation,
      principal: isGiven ? "given" : "proved",
      origin,
      ...found,
    });
  }
  return { differing, looked: all.size, beyond: 0 };
}

const originOf = (isOld: boolean, isNow: boolean): Origin =>
  isOld && isNow ? "both" : isOld ? "before" : "after";

/** By all that makes a difference to them; their places do not. */
function testsOf(files: readonly TestsFile[]): ReadonlyMap<string, Test> {
  const tests = files.flatMap((file) => file.expect.map((expectation): Test => ({ file, expectation })));
  return new Map(tests.map((test) => [identityOf(test), test]));
}

function identityOf({ file, expectation }: Test): string {
  const { as, request, backends } = expectation;
  const answers = answersFor(new Map([...file.backends, ...backends]), as);
  const described = [file.principals.get(as), file.requests.get(request), file.nowMs, answers];
  return keyOf([file.tests, { ...expectation, index: undefined, backends: undefined }, described]);
}

async function differencesOf(
  { file, expectation }: Test,
  side: Side,
  nowMs: number,
): Promise<readonly string[]> {
  const { snapshot, verifiers } = side;
  return (await tryExpectation({ snapshot, file, verifiers, nowMs }, expectation)).differences;
}
