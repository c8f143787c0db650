import assert from "node:assert/strict";
import { differingPairs, differingTests, type Side } from "../../src/check/both-sides.ts";
import { verdictLine } from "../../src/check/verdict-difference.ts";
import { parseTests } from "../../src/policy/schema.ts";
import type { TestsFile } from "../../src/policy/tests-file.ts";
import { documentOf, wholeOf } from "../policy/parsed.ts";
import { policy, rule } from "./conditions.ts";
import type { File } from "./fixture.ts";
import { ask, jwt, snapshotWith } from "./stubs.ts";

const TESTS = `weir: 1
tests: a
principals:
  alice: { user: { sub: alice } }
  bob: { user: { sub: bob } }
requests:
  get: { host: a.example.com, path: /a }
  put: { method: PUT, host: a.example.com, path: /a }
expect:
  - { as: alice, request: get, allow: reads }
`;

const testsOf = (text: string): TestsFile => wholeOf(parseTests(documentOf(text)));

const sideOf = (files: readonly File[], ...texts: readonly string[]): Side => ({
  snapshot: snapshotWith(files),
  tests: texts.map(testsOf),
  verifiers: new Map(),
});

/** A policy of the name in which everybody reads and alice may do more. */
const reading = (name: string, more: readonly object[] = []): File =>
  policy(name, [...more, rule("allow", 'request.method == "GET"', { id: "reads" })], {
    identities: { user: jwt() },
  });
const OPEN = [rule("allow", 'has(auth.user) && auth.user.sub == "alice"', { id: "alice" })];
const SIGNED = [rule("require", "has(auth.user)", { id: "signed-in" })];

/** A pair in one line: what it is, and the verdicts of both sides. */
async function pairsOf(before: Side, after: Side): Promise<readonly string[]> {
  const { differing } = await differingPairs({ before, after, nowMs: 0 });
  return differing.map(({ pair, ...sides }) => {
    const [old, now] = [sides.before, sides.after].map(({ verdict, unsaid, tested }) =>
      [
        verdictLine(verdict),
        ...unsaid.map((one) => `(${one}?)`),
        ...(tested === "there" ? [] : ["(no policy)"]),
      ].join(" "),
    );
    return `${pair.tests} ${pair.as} ${pair.request} ${pair.origin}: ${old ?? ""} -> ${now ?? ""}`;
  });
}

describe("the requests that tests describe, decided by two states", () => {
  const rows: Readonly<Record<string, readonly [before: Side, after: Side, lines: readonly string[]]>> = {
    "are all alike where nothing changes": [
      sideOf([reading("a")], TESTS),
      sideOf([reading("a", SIGNED)], TESTS),
      [],
    ],
    "differ where a rule decides otherwise, whether or not a test expects something": [
      sideOf([reading("a")], TESTS),
      sideOf([reading("a", OPEN)], TESTS),
      [
        "a alice get both: allow a/reads -> allow a/alice",
        "a alice put both: deny a/default 403 -> allow a/alice",
      ],
    ],
    "are those of both sides": [
      sideOf([reading("a")], TESTS),
      sideOf([reading("a", OPEN)], TESTS.replace("  put: {", "  post: {").replace("PUT", "POST")),
      [
        "a alice get both: allow a/reads -> allow a/alice",
        "a alice post after: deny a/default 403 -> allow a/alice",
        "a alice put before: deny a/default 403 -> allow a/alice",
      ],
    ],
    "are two where one is described otherwise": [
      sideOf([reading("a")], TESTS),
      sideOf(
        [reading("a", OPEN)],
        TESTS.replace("bob: { user: { sub: bob } }", "bob: { user: { sub: alice } }"),
      ),
      [
        "a alice get both: allow a/reads -> allow a/alice",
        "a alice put both: deny a/default 403 -> allow a/alice",
        "a bob get after: allow a/reads -> allow a/alice",
        "a bob put after: deny a/default 403 -> allow a/alice",
      ],
    ],
    "say so where the policy is not there": [
      sideOf([reading("a")], TESTS),
      sideOf([reading("b")], TESTS.replace("tests: a", "tests: b")),
      ["b alice get both", "b bob get both"]
        .map((one) => `${one}: allow a/reads (no policy) -> allow b/reads`)
        .concat(
          ["b alice put both", "b bob put both"].map(
            (one) => `${one}: deny a/default 403 (no policy) -> deny b/default 403`,
          ),
        )
        .sort(),
    ],
    "say so where only one side asks somebody of whom no test says what they answer": [
      sideOf([reading("a")], TESTS),
      sideOf(
        [reading("a", [ask({ when: 'request.method == "GET"' })])],
        `${TESTS}backends: { plans: { alice: deny } }\n`,
      ),
      [
        "a alice get both: allow a/reads -> deny a/plan 403",
        "a bob get both: allow a/reads -> error a/plan (plans?)",
      ],
    ],
    "take the answers of one test for themselves": [
      sideOf([reading("a")], TESTS),
      sideOf(
        [reading("a", [ask()])],
        `${TESTS}  - { as: bob, request: get, backends: { plans: timeout }, error: plan }\nbackends: { plans: allow }\n`,
      ),
      ["a bob get after: allow a/reads -> error a/plan"],
    ],
    "are all new where there was nothing": [
      sideOf([]),
      sideOf([reading("a", OPEN)], TESTS),
      [
        "a alice get after: deny weir/ungoverned 403 (no policy) -> allow a/alice",
        "a alice put after: deny weir/ungoverned 403 (no policy) -> allow a/alice",
        "a bob get after: deny weir/ungoverned 403 (no policy) -> allow a/reads",
        "a bob put after: deny weir/ungoverned 403 (no policy) -> deny a/default 403",
      ],
    ],
  };
  for (const [what, [before, after, lines]] of Object.entries(rows)) {
    it(what, async () => assert.deepEqual((await pairsOf(before, after)).toSorted(), lines.toSorted()));
  }

  it("are counted, with those that are alike", async () => {
    const side = sideOf([reading("a")], TESTS);
    assert.deepEqual(await differingPairs({ before: side, after: side, nowMs: 0 }), {
      differing: [],
      looked: 4,
      beyond: 0,
    });
  });
});

/** A test in one line: where it is from, and whether both sides meet it. */
async function testsBetween(before: Side, after: Side): Promise<readonly string[]> {
  const { differing } = await differingTests({ before, after, nowMs: 0 });
  return differing.map(({ tests, expectation, origin, ...found }) => {
    const { as, request, verdict } = expectation;
    const [old, now] = [found.before, found.after].map((one) => (one.length === 0 ? "met" : "not met"));
    return `${tests} ${as} ${request} ${verdict.kind} ${verdict.rule} ${origin}: ${old ?? ""} -> ${now ?? ""}`;
  });
}

describe("the expectations of two states", () => {
  const PUT = "  - { as: alice, request: put, allow: alice }\n";
  const rows: Readonly<Record<string, readonly [before: Side, after: Side, lines: readonly string[]]>> = {
    "are not told of where both meet them": [
      sideOf([reading("a")], TESTS),
      sideOf([reading("a", SIGNED)], TESTS),
      [],
    ],
    "are not told of where neither meets them": [
      sideOf([reading("a")], TESTS.replace("allow: reads", "deny: default")),
      sideOf([reading("a", SIGNED)], TESTS.replace("allow: reads", "deny: default")),
      [],
    ],
    "fail now, or are met now": [
      sideOf([reading("a")], TESTS + PUT),
      sideOf([reading("a", OPEN)], TESTS + PUT),
      ["a alice get allow reads both: met -> not met", "a alice put allow alice both: not met -> met"],
    ],
    "come and go": [
      sideOf([reading("a")], TESTS),
      sideOf([reading("a", OPEN)], TESTS.replace("allow: reads", "allow: alice")),
      ["a alice get allow alice after: not met -> met", "a alice get allow reads before: met -> not met"],
    ],
    "are others where principal, request or answers are described otherwise": [
      sideOf([reading("a")], TESTS),
      sideOf([reading("a")], TESTS.replace("path: /a", "path: /b")),
      ["a alice get allow reads after: met -> met", "a alice get allow reads before: met -> met"],
    ],
    "are the same in another place, whatever is said of somebody else": [
      sideOf([reading("a")], TESTS + PUT),
      sideOf([reading("a")], TESTS.replace("expect:\n", `expect:\n${PUT}`).replace("sub: bob", "sub: bert")),
      [],
    ],
  };
  for (const [what, [before, after, lines]] of Object.entries(rows)) {
    it(what, async () => assert.deepEqual(await testsBetween(before, after), lines));
  }
});
