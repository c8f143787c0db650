import assert from "node:assert/strict";
import { UNKNOWN } from "../../src/cel/expression.ts";
import { problemsOf, valueOf } from "./fixture.ts";
import { processorMs } from "../support/processor-time.ts";

describe("matches", () => {
  const table: readonly [source: string, isFound: boolean][] = [
    ["request.path.matches('orders')", true],
    ["request.path.matches('^orders')", false],
    ["request.path.matches(r'^/orders/\\w+$')", true],
    ["request.path.matches('(?i)ORDERS')", true],
    ["request.path.matches('')", true],
    ["matches(request.path, 'alice$')", true],
    ["matches(request.path, '^alice$')", false],
    ["'ü'.matches('^.$')", true],
    ["'a\\nb'.matches('^b')", false],
    ["'a\\nb'.matches('(?m)^b')", true],
    ["any.text.matches('t')", true],
    ["request.list.exists(x, x.matches('[bc]'))", true],
    ["(request.big + 'b').matches('^(a+)+$')", false],
  ];
  for (const [source, isFound] of table) {
    it(`${source} is ${isFound}`, () => assert.equal(valueOf(source), isFound));
  }

  it("is UNKNOWN of what is no text", () => assert.equal(valueOf("any.one.matches('t')"), UNKNOWN.request));

  const bad: readonly [source: string, code: string, underlined: string][] = [
    ["request.path.matches(request.method)", "regex-not-constant", "request.method"],
    ["request.path.matches('a' + 'b')", "regex-not-constant", "'a' + 'b'"],
    ["matches('a', request.path)", "regex-not-constant", "request.path"],
    ["request.list.exists(x, 'a'.matches(x))", "regex-not-constant", "x"],
    ["request.path.matches('(')", "bad-regex", "'('"],
    ["request.path.matches('(?=a)')", "bad-regex", "'(?=a)'"],
    [`request.path.matches(r'(a)\\1')`, "bad-regex", "r'(a)\\1'"],
    [`request.path.matches('${"a".repeat(1001)}')`, "bad-regex", `'${"a".repeat(1001)}'`],
    ["has(auth.user) && [1].exists(y, [2].exists(z, request.path.matches('**')))", "bad-regex", "'**'"],
  ];
  for (const [source, code, underlined] of bad) {
    it(`refuses ${source.slice(0, 60)}`, () => {
      assert.deepEqual(
        problemsOf(source).map(({ code: found, start, end }) => [found, source.slice(start, end)]),
        [[code, underlined]],
      );
    });
  }

  it("never runs a regular expression of JavaScript that a policy wrote", () => {
    const backtracking = "(request.big.substring(0, 40) + 'b').matches('^(a+)+$')";
    const tookMs = processorMs(() => assert.equal(valueOf(backtracking), false));
    assert.ok(tookMs < 1_000, `${tookMs} ms`);
  });
});
