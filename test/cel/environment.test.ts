import assert from "node:assert/strict";
import { createEngine } from "../../src/cel/environment.ts";
import type { Problem } from "../../src/cel/expression.ts";
import { compiled, parsed, problemsOf } from "./fixture.ts";

/** `code: the source that is underlined: message` */
function printed(source: string, { code, start, end, message }: Problem): string {
  return `${code}: ${source.slice(start, end)}: ${message}`;
}

describe("compiling", () => {
  const faults: readonly [source: string, expected: string, problem: string, hint?: string][] = [
    ["", "any", "cel-syntax: : the expression is empty"],
    ["  ", "any", "cel-syntax:   : the expression is empty"],
    ["n = 1", "any", 'cel-syntax: =: unexpected "="', "compare with `==`"],
    ["n == 1 & n", "any", 'cel-syntax: &: unexpected "&"', "write `&&`"],
    ["n +", "any", "cel-syntax: +: unexpected token: the end"],
    ["(n", "any", "cel-syntax: n: expected `)`, got the end"],
    ["'abc", "any", "cel-syntax: 'abc: unterminated string"],
    ["for", "any", "cel-syntax: for: reserved identifier: for"],
    ["zzzzzz == 1", "any", "cel-type: zzzzzz: unknown name zzzzzz"],
    ["reqest.method", "any", "cel-type: reqest: unknown name reqest", 'did you mean "request"?'],
    ["request.heders.x", "any", "cel-type: heders: Request has no field heders", 'did you mean "headers"?'],
    ["has(auth.usr)", "any", "cel-type: usr: Identities has no field usr", 'did you mean "user"?'],
    ["has(auth.user.sb)", "any", "cel-type: sb: User has no field sb", 'did you mean "sub"?'],
    ["has(auth)", "any", "cel-type: auth: has() takes a selection such as has(auth.user)"],
    [
      'has(request.headers["x"])',
      "any",
      'cel-type: request.headers["x"]: has() takes a selection such as has(auth.user)',
    ],
    ["n + request.list", "any", "cel-type: n + request.list: no operation int + list(string)"],
    ["request.list == n", "any", "cel-type: request.list == n: no operation list(string) == int"],
    ["request.time < n", "any", "cel-type: request.time < n: no operation timestamp < int"],
    [
      "request.path.lowerAsci()",
      "any",
      "cel-type: request.path.lowerAsci(): no function string.lowerAsci()",
      'did you mean "lowerAscii"?',
    ],
    [
      "request.path.indexOf(n)",
      "any",
      "cel-type: request.path.indexOf(n): no function string.indexOf(int)",
      "there is string.indexOf(string): int, string.indexOf(string, int): int",
    ],
    [
      "math.abs('x')",
      "any",
      "cel-type: math.abs('x'): no function math.abs(string)",
      "there is math.abs(int): int, math.abs(uint): uint, math.abs(double): double",
    ],
    ["n", "bool", "cel-type: n: must be bool, but is int"],
    [
      "any",
      "bool",
      "cel-type: any: must be bool, but its type is known at run time only",
      "write `== true`, or bool(...) for a string",
    ],
    [
      "any.x",
      "string",
      "cel-type: any.x: must be string, but its type is known at run time only",
      "convert it: string(...)",
    ],
    ["request.list", "list(int)", "cel-type: request.list: must be list(int), but is list(string)"],
    [
      'request["he" + "aders"]',
      "any",
      'cel-type: "he" + "aders": a field of Request is named by a constant string',
    ],
    ["{1.5: 2}", "any", "cel-type: 1.5: a key of a map is a string, an int, a uint or a bool, not double"],
    ["n.all(i, v, true)", "any", "cel-type: n: a loop goes through a list or a map, not int"],
    ["[n].all(i, i, true)", "any", "cel-type: [n].all(i, i, true): a loop has two different names"],
    ["[n].all(i, v.x, true)", "any", "cel-type: [n].all(i, v.x, true): a loop has two different names"],
    ["[n].exists(i, v, v)", "any", "cel-type: v: a condition is bool, not int"],
    ["[n].transformList(i, v, v, i)", "any", "cel-type: v: a condition is bool, not int"],
    ["[n].transformMapEntry(i, v, v)", "any", "cel-type: v: transformMapEntry takes maps, not int"],
    ["[n].all(i, v, other)", "any", "cel-type: other: unknown name other"],
    ["n.optMap(x, x)", "any", "cel-type: n: must be optional, but is int"],
    ["optional.of(n).optFlatMap(x, x)", "any", "cel-type: x: must be optional, but is int"],
    [
      "optional.of(n).optMap(x.y, n)",
      "any",
      "cel-type: optional.of(n).optMap(x.y, n): the first argument is a name",
    ],
    [
      "math.greatest(n, 'x')",
      "any",
      "cel-type: math.greatest(n, 'x'): no function math.greatest(int, string)",
      "there is math.greatest(number, ...): number, math.greatest(list(number)): number",
    ],
    [
      "any.least(n)",
      "any",
      "cel-type: any.least(n): no function dyn.least(int)",
      "there is math.least(number, ...): number, math.least(list(number)): number",
    ],
    [
      "any.all(i, v, v.all(j, w, w.all(z, true)))",
      "any",
      "cel-limit: w.all(z, true): comprehensions stand at most 2 deep in one another",
    ],
    [
      "9223372036854775808",
      "any",
      "cel-type: 9223372036854775808: the number does not fit into 64 bits",
      "write it as a double: 1e20",
    ],
    [
      "any.bind(x, 1, x)",
      "any",
      "cel-type: any.bind(x, 1, x): bind is a function of cel only",
      "write cel.bind(name, value, expression)",
    ],
    ['ip("10.0.0.256")', "any", 'cel-type: "10.0.0.256": "10.0.0.256" is not an IP address'],
    [
      'client.inCidr("10.0.0.0/40")',
      "any",
      'cel-type: "10.0.0.0/40": "10.0.0.0/40" is not a network such as 10.0.0.0/8',
    ],
    ['client.inCidr(["::/0", "x"])', "any", 'cel-type: "x": "x" is not a network such as 10.0.0.0/8'],
    [
      "any.all(x, x.all(y, y.all(z, true)))",
      "any",
      "cel-limit: y.all(z, true): comprehensions stand at most 2 deep in one another",
    ],
  ];
  for (const [source, expected, problem, hint] of faults) {
    it(`reports ${JSON.stringify(source)} as ${expected}`, () => {
      const [first, ...others] = problemsOf(source, expected);
      assert.ok(first !== undefined);
      assert.deepEqual([printed(source, first), first.hint, others.length], [problem, hint, 0]);
    });
  }

  const limits: readonly [what: string, source: string][] = [
    ["source", `"${"é".repeat(2048)}"`],
    ["nodes", `[${"1,".repeat(1990)}1]`],
    ["elements of a list", `[${"1,".repeat(1000)}1]`],
    ["depth of brackets", `${"(".repeat(60)}1${")".repeat(60)}`],
    ["depth of a chain", Array.from({ length: 700 }, () => "n").join("+")],
    ["depth of negations", `${"!".repeat(4000)}true`],
  ];
  for (const [what, source] of limits) {
    it(`bounds the ${what}`, () => assert.equal(problemsOf(source)[0]?.code, "cel-limit"));
  }

  const accepted: readonly [source: string, expected: string, type: string][] = [
    ["any", "any", "dyn"],
    ["any == true", "bool", "bool"],
    ["request.headers", "map(string, string)", "map(string, string)"],
    ["[]", "list(string)", "list(dyn)"],
    ["{}", "map(string,string)", "map(dyn, dyn)"],
    ["null", "null_type", "null_type"],
    ["request.time", "timestamp", "timestamp"],
    ["request.time - request.time", "duration", "duration"],
    ["client", "ip", "ip"],
    ["auth.?user", "optional(User)", "optional(User)"],
    ["[request.list]", "list(list(string))", "list(list(string))"],
    ["any.all(x, any.filter(y, true).all(z, true))", "bool", "bool"],
    ["[1].map(x, x).filter(x, true).all(x, true)", "bool", "bool"],
    [Array.from({ length: 400 }, () => "n==1").join("||"), "bool", "bool"],
    ["-9223372036854775808", "int", "int"],
    ["[n, 'a']", "any", "list(dyn)"],
    ["{n: 'a', 'b': 'c'}", "any", "map(dyn, string)"],
    ["duration('1s') + request.time", "timestamp", "timestamp"],
    ["request.headers.transformList(k, v, v.size())", "list(int)", "list(int)"],
    ["request.headers.transformMap(k, v, v.size())", "map(string, int)", "map(string, int)"],
    ["request.list.transformMapEntry(i, v, {v: i})", "map(string, int)", "map(string, int)"],
    ["optional.of(n).optMap(x, x == 7)", "any", "optional(bool)"],
    ["optional.of(n).optFlatMap(x, optional.of('a'))", "any", "optional(string)"],
    ["math.greatest(n, 2, 3)", "int", "int"],
    ["math.greatest(n, 2.5)", "any", "dyn"],
    ["math.least([1.5, 2.5])", "double", "double"],
  ];
  for (const [source, expected, type] of accepted) {
    it(`finds ${source.slice(0, 50)} to be ${type}`, () => {
      const expression = compiled(source, expected);
      assert.deepEqual([expression.type, expression.source], [type, source]);
    });
  }

  it("takes each parsed expression once, and of its own environment", () => {
    const environment = createEngine().environment({ types: [], variables: {} });
    const draft = parsed("1", environment);
    environment.compile(draft, "any");
    assert.throws(() => environment.compile(draft, "any"), /compiled before/);
    assert.throws(() => environment.compile(parsed("1"), "any"), /another environment/);
  });

  it("refuses to declare what is of an unknown type", () => {
    const engine = createEngine();
    assert.throws(() => engine.environment({ types: [], variables: { x: "list(strng)" } }), /strng/);
  });

  it("keeps the declarations of its environments apart", () => {
    class Left {
      readonly a = "left";
    }
    class Right {
      readonly b = 1n;
    }
    const engine = createEngine();
    const left = engine.environment({
      types: [{ name: "It", constructedBy: Left, fields: { a: "string" } }],
      variables: { it: "It" },
    });
    const right = engine.environment({
      types: [{ name: "It", constructedBy: Right, fields: { b: "int" } }],
      variables: { it: "It" },
    });
    assert.equal(compiled("it.a", "string", left).evaluate({ it: new Left() }), "left");
    assert.equal(compiled("it.b", "int", right).evaluate({ it: new Right() }), 1n);
    assert.ok(Array.isArray(right.compile(parsed("it.a", right), "any")));
  });
});
