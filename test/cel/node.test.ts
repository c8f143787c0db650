import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Environment } from "@marcbachmann/cel-js";
import { binderOf, comprehensionOf, presenceOf, type Node } from "../../src/cel/node.ts";

const engine = new Environment({ enableOptionalTypes: true })
  .registerVariable("a", "map")
  .registerVariable("x", "string");

const parse = (source: string): Node => engine.parse(source).ast as unknown as Node;

/** Operators, literals, positions: `op[start,end]` and the children. */
function shape(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(shape);
  if (typeof part !== "object" || part === null || !("op" in part)) return part;
  const { op, args, start, end } = part as Node;
  return [`${op} ${start}-${end}`, shape(args)];
}

describe("the engine's syntax tree", () => {
  it("is that of the version whose internals src/cel/node.ts describes", () => {
    const url = import.meta.resolve("@marcbachmann/cel-js").replace("/lib/index.js", "/package.json");
    const manifest = JSON.parse(readFileSync(new URL(url), "utf8")) as { version: string };
    assert.equal(manifest.version, "8.0.0");
  });

  const shapes: readonly [source: string, expected: unknown][] = [
    ["true", ["value 0-4", true]],
    ["'k'", ["value 0-3", "k"]],
    ["12", ["value 0-2", 12n]],
    ["a", ["id 0-1", "a"]],
    ["a.b", [". 0-3", [["id 0-1", "a"], "b"]]],
    ["a.?b", [".? 0-4", [["id 0-1", "a"], "b"]]],
    [
      "a['b']",
      [
        "[] 0-6",
        [
          ["id 0-1", "a"],
          ["value 2-5", "b"],
        ],
      ],
    ],
    [
      "a[?'b']",
      [
        "[?] 0-7",
        [
          ["id 0-1", "a"],
          ["value 3-6", "b"],
        ],
      ],
    ],
    ["size(a)", ["call 0-7", ["size", [["id 5-6", "a"]]]]],
    ["a.f(1)", ["rcall 0-6", ["f", ["id 0-1", "a"], [["value 4-5", 1n]]]]],
    ["[a]", ["list 0-3", [["id 1-2", "a"]]]],
    [
      "{'k': a}",
      [
        "map 0-8",
        [
          [
            ["value 1-4", "k"],
            ["id 6-7", "a"],
          ],
        ],
      ],
    ],
    [
      "a ? b : c",
      [
        "?: 0-9",
        [
          ["id 0-1", "a"],
          ["id 4-5", "b"],
          ["id 8-9", "c"],
        ],
      ],
    ],
    ["!a", ["!_ 0-2", ["id 1-2", "a"]]],
    ["-a", ["-_ 0-2", ["id 1-2", "a"]]],
    ["has(a.b)", ["call 0-8", ["has", [[". 4-7", [["id 4-5", "a"], "b"]]]]]],
    [
      "a.all(x, x)",
      [
        "rcall 0-11",
        [
          "all",
          ["id 0-1", "a"],
          [
            ["id 6-7", "x"],
            ["id 9-10", "x"],
          ],
        ],
      ],
    ],
    ...["==", "!=", "in", "+", "-", "*", "/", "%", "<", "<=", ">", ">=", "&&", "||"].map(
      (op): [string, unknown] => [
        `a ${op} b`,
        [
          `${op} 0-${4 + op.length}`,
          [
            ["id 0-1", "a"],
            [`id ${3 + op.length}-${4 + op.length}`, "b"],
          ],
        ],
      ],
    ),
  ];
  for (const [source, expected] of shapes) {
    it(`of ${source} has the known shape`, () => assert.deepEqual(shape(parse(source)), expected));
  }

  it("says where a field's name stands", () => {
    const node = parse("a.?name");
    assert.equal(node.op === ".?" && node.pos, 3);
  });

  const loops: readonly [source: string, step: string, hasCondition: boolean][] = [
    ["a.all(x, x == '')", "?:", true],
    ["a.exists(x, x == '')", "?:", true],
    ["a.exists_one(x, x == '')", "?:", false],
    ["a.map(x, x)", "accuPush", false],
    ["a.map(x, x == '', x)", "?:", false],
    ["a.filter(x, x == '')", "?:", false],
  ];
  for (const [source, step, hasCondition] of loops) {
    it(`expands ${source} to a comprehension`, () => {
      const loop = comprehensionOf(parse(source));
      assert.ok(loop !== undefined);
      assert.equal(loop.iterVarName, "x");
      assert.equal(loop.iterable.op, "id");
      assert.equal(loop.step.op, step);
      assert.equal(typeof loop.condition, hasCondition ? "function" : "undefined");
    });
  }

  it("keeps has() and cel.bind() as macros that check and evaluate themselves", () => {
    for (const source of [
      "has(a.b)",
      "cel.bind(y, x, y)",
      "optional.of(1).orValue(2)",
      "optional.of(1).or(optional.of(2))",
    ]) {
      const { macro, alternate } = parse(source).meta;
      assert.equal(alternate, undefined);
      assert.deepEqual([typeof macro?.typeCheck, typeof macro?.evaluate], ["function", "function"], source);
    }
    assert.equal(presenceOf(parse("has(a.b)"))?.op, ".");
    assert.deepEqual(binderOf(parse("cel.bind(y, x, y)"))?.names, ["y"]);
    assert.deepEqual(
      Object.keys(parse("optional.of(1).orValue(2)").meta.macro ?? {}).includes("receiver"),
      true,
    );
  });

  it("evaluates a node by what `evaluate` of its meta says after the check", () => {
    const evaluate = engine.parse("x == 'b'");
    assert.equal(evaluate.check().valid, true);
    const root = evaluate.ast as unknown as Node;
    assert.equal(root.checkedType?.name, "bool");
    root.setMeta("evaluate", (_evaluator, node, variables) => [node.op, variables.getValue("x")]);
    assert.deepEqual(evaluate({ x: "v" }), ["==", "v"]);
  });

  it("asks a loop's condition before every turn, and takes the running result when it says no", () => {
    const evaluate = engine.parse("[1, 2, 3].map(y, y)");
    evaluate.check();
    const loop = comprehensionOf(evaluate.ast as unknown as Node);
    assert.ok(loop !== undefined);
    let turns = 0;
    loop.condition = () => turns++ < 2;
    assert.deepEqual(evaluate({}), [1n, 2n]);
    assert.equal(turns, 3);
  });

  it("finds the overload of a checked call", () => {
    const evaluate = engine.parse("x.startsWith('v')");
    evaluate.check();
    const root = evaluate.ast as unknown as Node;
    assert.ok(root.op === "rcall");
    const found = root.candidates.findFunction(root.argTypes, root.args[1].checkedType);
    assert.equal(found?.handler("vw", "v"), true);
  });
});
