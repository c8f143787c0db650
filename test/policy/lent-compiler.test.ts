import assert from "node:assert/strict";
import type { CompileProblem, Compiled } from "../../src/adapter/expressions.ts";
import { createEngine } from "../../src/cel/environment.ts";
import { LentCompiler } from "../../src/policy/lent-compiler.ts";

describe("CEL of a configuration", () => {
  const compiler = new LentCompiler(createEngine());
  const VARIABLES = { response: { status: "int", body: "dyn" }, input: { user: "string" } };
  const values = {
    response: new Map<string, unknown>([
      ["status", 200n],
      ["body", new Map([["plan", "gold"]])],
    ]),
    input: new Map([["user", "ann"]]),
  };

  const isProblem = (found: Compiled | CompileProblem | readonly unknown[]): found is CompileProblem =>
    "message" in found;
  const valueOf = (source: string, type: string): unknown => {
    const found = compiler.expression(source, VARIABLES, type);
    return isProblem(found) ? assert.fail(found.message) : found.evaluate(values);
  };

  it("reads the variables that there are, and yields what is wanted", () => {
    assert.equal(valueOf("response.status == 200 && response.body.plan == 'gold'", "bool"), true);
    assert.equal(valueOf("response.body.plan", "string"), "gold");
    assert.equal(valueOf('{"user": input.user, "n": 1}', "json"), '{"user":"ann","n":1}');
    assert.equal(valueOf("response.body.missing", "string"), undefined);
    assert.equal(valueOf("has(response.body.missing)", "bool"), false);
    assert.equal(valueOf("optional.of(1)", "json"), undefined);
  });

  it("has no value where a field is missing", () => {
    const found = compiler.expression("input.user == 'ann'", VARIABLES, "bool");
    assert.ok(!isProblem(found));
    assert.equal(found.evaluate({}), undefined);
  });

  it("is text with expressions in it", () => {
    const found = compiler.text("/v1/${input.user}/$${x}/${response.status}", VARIABLES);
    assert.ok(!isProblem(found));
    const parts = found.map((part) => (typeof part === "string" ? part : part.evaluate(values)));
    assert.deepEqual(parts, ["/v1/", "ann", "/${x}/", "200"]);
  });

  const WRONG: readonly (readonly [source: string, type: string, message: RegExp, at: number])[] = [
    ["response.statu == 200", "bool", /there is no response.statu/, 9],
    ["has(input.usr)", "bool", /there is no input.usr/, 10],
    ["request.method == 'GET'", "bool", /request/, 0],
    ["response.status", "bool", /this yields int, not bool/, 0],
    ["response.status ==", "bool", /./, 0],
  ];
  for (const [source, type, message, at] of WRONG) {
    it(`says what is wrong with ${source}`, () => {
      const found = compiler.expression(source, VARIABLES, type);
      assert.ok(isProblem(found));
      assert.match(found.message, message);
      assert.ok(found.start >= at, `at ${found.start}`);
    });
  }

  it("says where in a text something is wrong", () => {
    const found = compiler.text("/v1/${input.usr}", VARIABLES);
    assert.ok(isProblem(found));
    assert.deepEqual([found.start, found.end, found.hint], [12, 15, "did you mean user?"]);
    assert.ok(isProblem(compiler.text("/v1/${input.user", VARIABLES)));
  });
});
