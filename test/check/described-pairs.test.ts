import assert from "node:assert/strict";
import { describedPairs, keyOf, MAX_PAIRS } from "../../src/check/described-pairs.ts";
import { parseTests } from "../../src/policy/schema.ts";
import type { TestsFile } from "../../src/policy/tests-file.ts";
import { documentOf, wholeOf } from "../policy/parsed.ts";

const testsOf = (principals: readonly string[], requests: readonly string[], more = ""): TestsFile =>
  wholeOf(
    parseTests(
      documentOf(
        `weir: 1\ntests: a\nprincipals:\n${principals.map((one) => `  ${one}\n`).join("")}requests:\n${requests.map((one) => `  ${one}\n`).join("")}${more}`,
      ),
    ),
  );

const EXPECT = "expect:\n  - { as: a, request: r, allow: x }\n";
const one = (more = EXPECT): TestsFile => testsOf(["a: {}"], ["r: { path: /a }"], more);

const named = (before: readonly TestsFile[], after: readonly TestsFile[]): readonly string[] =>
  describedPairs(before, after).pairs.map(({ as, request, origin, answers, own }) => {
    const said = Array.from(
      answers,
      ([handler, { kind }]) => `${handler}: ${kind}${own.has(handler) ? "!" : ""}`,
    );
    return [as, request, origin, ...said].join(" ");
  });

describe("the pairs that tests describe", () => {
  it("are each principal with each request, and each once", () => {
    const file = testsOf(["a: {}", "b: {}"], ["r: { path: /a }", "s: { path: /b }"], EXPECT);
    assert.deepEqual(named([], [file, file]), ["a r after", "a s after", "b r after", "b s after"]);
    assert.deepEqual(named([file], [file]), ["a r both", "a s both", "b r both", "b s both"]);
  });

  it("take the later side's answers before the earlier's", () => {
    const old = one(
      `${EXPECT}backends: { plans: deny, others: { a: timeout, b: deny } }\n`.replace(", b: deny", ""),
    );
    const now = one(`${EXPECT}backends: { plans: allow }\n`);
    assert.deepEqual(named([old], [now]), ["a r both plans: allow others: timeout"]);
  });

  it("are more where an expectation has answers of its own", () => {
    const file = one(
      `${EXPECT}  - { as: a, request: r, backends: { plans: timeout }, error: x }\nbackends: { plans: allow }\n`,
    );
    assert.deepEqual(named([], [file]), ["a r after plans: allow", "a r after plans: timeout!"]);
  });

  it("are bounded, and those that are left out are counted", () => {
    const names = (prefix: string, count: number, rest: string): readonly string[] =>
      Array.from({ length: count }, (_, index) => `${prefix}${index}: ${rest}`);
    const file = testsOf(
      [...names("p", 249, "{}"), "a: {}"],
      [...names("r", 200, "{ path: /a }"), "r: { path: /a }"],
      EXPECT,
    );
    const { pairs, beyond } = describedPairs([], [file]);
    assert.equal(pairs.length, MAX_PAIRS);
    assert.equal(beyond, 250 * 201 - MAX_PAIRS);
  });
});

describe("the key of a value", () => {
  it("is the same whatever the order of keys, and another for another value", () => {
    const value = {
      a: new Map([
        ["x", 1n],
        ["y", 2n],
      ]),
      b: [1, "2"],
    };
    assert.equal(
      keyOf(value),
      keyOf({
        b: [1, "2"],
        a: new Map([
          ["y", 2n],
          ["x", 1n],
        ]),
      }),
    );
    for (const other of [
      { a: new Map([["x", 1n]]), b: [1, "2"] },
      { ...value, b: ["2", 1] },
      { ...value, b: [1, 2] },
    ])
      assert.notEqual(keyOf(value), keyOf(other));
  });
});
