import assert from "node:assert/strict";
import { createEngine } from "../../src/cel/environment.ts";
import { UNKNOWN, Unknown, type Environment } from "../../src/cel/expression.ts";
import type { Fault } from "../../src/std/fault.ts";
import { compiled, context, Identities, valueOf } from "./fixture.ts";

describe("the third value", () => {
  const unknown: readonly [source: string, fault: Fault][] = [
    ["request.absent == 'x'", "request"],
    ['request.headers["none"] == "x"', "request"],
    ["request.list[3] == 'x'", "request"],
    ["request.list[-1] == 'x'", "request"],
    ["any.none == 1", "request"],
    ["any.text > 1", "request"],
    ["any.one && true", "request"],
    ["any.one ? true : true", "request"],
    ["any.one.two == 1", "request"],
    ["client == client", "request"],
    ["auth.partner.sub == 'x'", "request"],
    ["has(auth.partner.sub)", "request"],
    ["request.raw == 'x'", "raw-headers"],
    ["has(request.raw)", "raw-headers"],
    ["request.?raw.hasValue()", "raw-headers"],
    ["request.ours == 'x'", "ours"],
    ["auth.down.sub == 'x'", "ours"],
    ["has(auth.down)", "ours"],
    ["request.broken == 'x'", "request"],
    ["has(request.broken)", "request"],
    ["request.worse == 'x'", "request"],
    ["request.worse == 'x' || false", "request"],
    ["[request.worse].exists(x, x == 'x')", "request"],
    ["request.ours == 'x' || request.absent == 'x'", "request"],
    ["request.absent == 'x' && request.ours == 'x'", "request"],
    ["(request.raw == 'x' || true) && request.ours == 'x'", "raw-headers"],
    ["request.raw == 'x' || request.absent == 'x'", "raw-headers"],
    ["request.list.all(x, request.ours == x)", "ours"],
    ["request.list.map(x, request.raw).size() == 0", "raw-headers"],
    ["cel.bind(x, request.ours, x == 'x')", "ours"],
    ["optional.none().or(auth.?down).hasValue()", "ours"],
    ["optional.none().value() == 1", "request"],
    ["1 / 0 == 1", "request"],
    ["1 % 0 == 1", "request"],
    ["n * 9223372036854775807 > 0", "request"],
    ["{'a': 1, 'a': 2}.size() == 2", "request"],
    ["dyn(request).constructor == 1", "request"],
    ["any.exists(k, any[k] + 1 == 1)", "request"],
  ].map(([source, fault]) => [source ?? "", fault as Fault]);
  for (const [source, fault] of unknown) {
    it(`of ${source} is of the fault ${fault}`, () => assert.equal(valueOf(source), UNKNOWN[fault]));
  }

  const known: readonly [source: string, value: boolean][] = [
    ["request.absent == 'x' || true", true],
    ["true || request.absent == 'x'", true],
    ["request.absent == 'x' && false", false],
    ["request.worse == 'x' && false", false],
    ["any.text && false", false],
    ["any.text || true", true],
    ["request.list.exists(x, x == 'c' || request.absent == x)", true],
    ["request.list.all(x, request.absent == x && false)", false],
    ["['a', 'none'].exists(k, any[k] == 1 || k == 'a')", true],
    ["has(auth.user)", true],
    ["has(auth.partner)", false],
    ["has(request.absent)", false],
    ["has(request.method)", true],
    ["has(any.none)", false],
    ["has({'a': {'b': 1}}['a'].b)", true],
    ["has(any.one)", true],
    ["auth.?partner.?sub.hasValue()", false],
    ["auth.?partner.sub.orValue('none') == 'none'", true],
    ["auth.?user.sub.orValue('none') == 'alice'", true],
    ["request.headers[?'none'].orValue('d') == 'd'", true],
    ["request.list[?9].hasValue()", false],
    ["request.?absent.hasValue()", false],
  ];
  for (const [source, value] of known) {
    it(`does not come out of ${source}`, () => assert.equal(valueOf(source), value));
  }

  const special = ["constructor", "__proto__"];
  for (const name of special) {
    it(`is not the value of what is named ${name}`, () => {
      const literal = `{"${name}": "v", "other": "w"}`;
      const truths = [
        `request.headers["${name}"].startsWith("own")`,
        `"${name}" in request.headers`,
        `request.headers.exists(k, k == "${name}")`,
        `${literal}["${name}"] == "v"`,
        `"${name}" in ${literal}`,
        `has(${literal}.${name === "constructor" ? name : "other"})`,
        `size(${literal}) == 2`,
        `${literal}.exists(k, k == "${name}")`,
        `!("${name}" in {"a": 1})`,
        `!("${name}" in any)`,
        `${literal} != {"a": "v", "other": "w"}`,
        `{"${name}": 1} == {"${name}": 1}`,
      ];
      assert.deepEqual(
        truths.map((source) => [source, valueOf(source)]),
        truths.map((source) => [source, true]),
      );
    });
  }

  it("of a value in the context carries its fault on", () => {
    const names: readonly Fault[] = ["request", "raw-headers", "budget", "ours"];
    for (const fault of names) {
      const values = { early: UNKNOWN[fault], auth: new Identities([["user", new Unknown(fault)]]) };
      assert.equal(valueOf("early", values), UNKNOWN[fault]);
      assert.equal(valueOf("!early", values), UNKNOWN[fault]);
      assert.equal(valueOf("early || true", values), true);
      assert.equal(valueOf("auth.user.sub == 'x'", values), UNKNOWN[fault]);
      assert.equal(valueOf("has(auth.user)", values), UNKNOWN[fault]);
    }
  });

  it("meets a value that is not of its declared type", () => {
    for (const early of [1n, "true", null, [], new Map(), Promise.resolve(true), () => true, Symbol("x")]) {
      assert.equal(valueOf("early", { early }), UNKNOWN.request);
      assert.equal(valueOf("early || false", { early }), UNKNOWN.request);
    }
    assert.equal(valueOf("request.method", { request: { method: "GET" } }), UNKNOWN.request);
    assert.equal(valueOf("any", { any: Promise.resolve(true) }), UNKNOWN.request);
  });
});

describe("nested evaluations", () => {
  const environment: Environment = createEngine().environment({
    types: [],
    variables: { outer: "list(int)", inner: "bool", n: "int" },
  });
  const turns = compiled("outer.map(x, outer.filter(y, y == x)).size() > 0", "bool", environment);
  const outer = Array.from({ length: 90 }, (_, index) => BigInt(index));

  it("have a budget each, and the outer one goes on where it stood", () => {
    const values = {
      outer,
      get inner(): unknown {
        return turns.evaluate(this);
      },
    };
    assert.equal(turns.evaluate(values), true);
    const source = "outer.all(x, outer.all(y, y == y)) && inner";
    assert.equal(compiled(source, "bool", environment).evaluate(values), true);
    const three = "inner && outer.all(x, outer.all(y, y == y)) && outer.all(x, outer.all(y, y == y))";
    assert.equal(compiled(three, "bool", environment).evaluate(values), UNKNOWN.budget);
  });

  it("hand their fault on without ending the outer one", () => {
    const failing = compiled("outer[0] == 1", "bool", environment);
    const values = {
      outer: [],
      get inner(): unknown {
        return failing.evaluate(this);
      },
    };
    assert.equal(compiled("inner", "bool", environment).evaluate(values), UNKNOWN.request);
    assert.equal(compiled("inner || true", "bool", environment).evaluate(values), true);
  });
});

describe("an evaluation", () => {
  it("leaves the limit of stack traces as it was", () => {
    const before = Error.stackTraceLimit;
    valueOf("request.absent == 'x'");
    assert.equal(Error.stackTraceLimit, before);
  });

  it("takes no stack trace", () => {
    let seen: number | undefined;
    const values = {
      get early(): boolean {
        seen = Error.stackTraceLimit;
        return true;
      },
    };
    assert.equal(valueOf("early", values), true);
    assert.equal(seen, 0);
  });

  it("reads a getter as often as the expression does, and not where && or || decided before", () => {
    let reads = 0;
    const values = {
      get early(): boolean {
        reads++;
        return true;
      },
    };
    valueOf("early && early || early", values);
    assert.equal(reads, 2);
  });

  it("can be repeated with the same result", () => {
    const expression = compiled("request.list.filter(x, x != 'b').map(x, {x: request.list.size()})");
    assert.deepEqual(expression.evaluate(context), [new Map([["a", 3n]]), new Map([["c", 3n]])]);
    assert.deepEqual(expression.evaluate(context), expression.evaluate(context));
  });
});
