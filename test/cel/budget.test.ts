import assert from "node:assert/strict";
import { createEngine } from "../../src/cel/environment.ts";
import { UNKNOWN } from "../../src/cel/expression.ts";
import { Meter } from "../../src/cel/meter.ts";
import { ValueFault } from "../../src/std/fault.ts";
import { compiled, context, valueOf } from "./fixture.ts";
import { processorMs } from "../support/processor-time.ts";

/** Far above what any of these takes (10 to 70 ms), far below what they took without a bound. */
const GENEROUS_MS = 1_500;

describe("the budget", () => {
  const environment = createEngine().environment({ types: [], variables: { few: "list(int)" } });
  const listOf = (length: number): { few: readonly bigint[] } => ({
    few: Array.from({ length }, (_, index) => BigInt(index)),
  });

  const edges: readonly [source: string, length: number, isEnough: boolean][] = [
    ["few.all(x, few.all(y, y < 9000))", 98, true],
    ["few.all(x, few.all(y, y < 9000))", 101, false],
    ["few.exists(x, few.exists(y, y < 0))", 101, false],
    ["few.exists_one(x, few.exists_one(y, y < 0))", 101, false],
    ["few.filter(x, few.filter(y, y < 0) == []) == []", 101, false],
    ["few.map(x, few.map(y, y)) == []", 101, false],
    ["few.map(x, x >= 0, few.map(y, y)) == []", 101, false],
    ["few.exists(x, few.all(y, true)) || true", 10_001, false],
    ["!few.all(x, few.all(y, few[999999] == 1))", 101, false],
    ["few.all(i, x, few.all(j, y, y < 9000))", 98, true],
    ["few.all(i, x, few.all(j, y, y < 9000))", 101, false],
    ["few.exists(i, x, few.all(j, y, few[999999] == 1)) || true", 101, false],
    ["few.existsOne(i, x, few.existsOne(j, y, y < 0))", 101, false],
    ["few.transformList(i, x, few.transformList(j, y, y)) == []", 101, false],
    ["few.transformMap(i, x, few.transformMap(j, y, y < 0, y)) == {}", 101, false],
  ];
  for (const [source, length, isEnough] of edges) {
    it(`is ${isEnough ? "" : "not "}enough for ${source} over ${length} elements`, () => {
      const value = compiled(source, "bool", environment).evaluate(listOf(length));
      assert.equal(value === UNKNOWN.budget, !isEnough);
    });
  }

  it("decides even where && and || would absorb, but not what was never evaluated", () => {
    const loops = "request.many.all(x, request.many.all(y, true))";
    assert.equal(valueOf(`${loops} || true`), UNKNOWN.budget);
    assert.equal(valueOf(`!(${loops} && false)`), UNKNOWN.budget);
    assert.equal(valueOf(`true || ${loops}`), true);
  });

  it("charges longer bodies more, so that a turn is bounded in time", () => {
    const body = Array.from({ length: 60 }, () => "y < 0").join("||");
    assert.equal(
      compiled(`few.all(x, few.all(y, !(${body})))`, "bool", environment).evaluate(listOf(60)),
      UNKNOWN.budget,
    );
    assert.equal(
      compiled(`few.all(x, few.all(y, !(y < 0)))`, "bool", environment).evaluate(listOf(60)),
      true,
    );
  });

  const heavy = [
    "request.many.all(x, request.many.all(y, x != '' || y != ''))",
    "request.many.all(x, request.many.all(y, x in request.many))",
    "request.many.map(x, request.many.map(y, request.many == request.many)).size() > 0",
    "request.many.all(x, request.big.contains('a' + request.big.substring(30000) + 'b') || true)",
    "request.many.map(x, request.big.replace('a', 'b')).size() > 0",
    "request.many.map(x, request.big.split('b')).size() > 0",
    "request.many.map(x, request.big.size()).size() > 0",
    "request.many.map(x, request.big.matches('(?:a|b|c)*a(?:a|b|c){200}x?$|q')).size() > 0",
    "request.many.map(x, request.many.map(y, request.time.getHours('Europe/Berlin'))).size() > 0",
    "request.many.map(x, request.many.map(y, percent(x, y))).size() > 0",
    "request.many.map(x, request.many.map(y, '%s'.format([request.many]))).size() > 0",
    "request.many.map(x, strings.quote(request.big)).size() > 0",
    "request.many.map(x, request.many.map(y, dyn(x) > 1 || true)).size() > 0",
    "request.many.transformMap(i, x, request.many.transformMapEntry(j, y, {j: y})).size() > 0",
    "request.many.all(i, x, request.many.transformMap(j, y, y) != {} || true)",
    "request.many.map(x, math.greatest(request.many.transformList(i, y, i))).size() > 0",
    "request.many.map(x, request.big.trim() < request.big + '😀').size() > 0",
  ];
  for (const source of heavy) {
    it(`ends ${source} soon`, () => {
      const expression = compiled(source);
      const tookMs = processorMs(() => assert.equal(expression.evaluate(context), UNKNOWN.budget));
      assert.ok(tookMs < GENEROUS_MS, `${tookMs} ms`);
    });
  }

  const growing = [
    "request.big + request.big",
    "request.big.replace('a', 'bb')",
    "request.big.replace('', '-')",
    "[request.big, request.big].join()",
    "request.many.join(request.big.substring(0, 1000))",
    "request.big.split('')",
    "request.many + request.many",
    "['a', 'b'].transformMapEntry(i, x, request.many.transformMapEntry(j, y, {x + y: j}))",
    "'%s%s'.format([request.big, request.big])",
    "'%s'.format([[request.big, request.big]])",
    "bytes(request.big) + bytes(request.big)",
    "strings.quote(request.big.replace('a', '\\\\').substring(0, 40000))",
  ];
  for (const source of growing) {
    it(`is used up where the result would be too large: ${source}`, () =>
      assert.equal(valueOf(source), UNKNOWN.budget));
  }
});

describe("the meter", () => {
  it("counts down and ends at 10,000", () => {
    const meter = new Meter();
    const left: number[] = [];
    meter.run(() => {
      meter.charge(1);
      left.push(meter.remaining);
      return meter.run(() => left.push(meter.remaining), {});
    }, {});
    assert.deepEqual(left, [9_999, 10_000]);
    assert.equal(
      meter.run(() => {
        meter.charge(10_000);
        return true;
      }, {}),
      true,
    );
    assert.equal(
      meter.run(() => {
        meter.charge(10_001);
        return true;
      }, {}),
      UNKNOWN.budget,
    );
  });

  it("remembers that it is used up when the exception was swallowed", () => {
    const meter = new Meter();
    const value = meter.run(() => {
      try {
        meter.charge(10_001);
      } catch {
        return [meter.take(1), meter.isExhausted];
      }
      return undefined;
    }, {});
    assert.equal(value, UNKNOWN.budget);
  });

  it("prefers the first fault of the request to ours", () => {
    const meter = new Meter();
    const throwing = (...errors: readonly unknown[]): unknown =>
      meter.run(() => {
        for (const error of errors) meter.fail(error);
        throw meter.fail(errors[0]);
      }, {});
    assert.equal(throwing(new ValueFault("ours")), UNKNOWN.ours);
    assert.equal(
      throwing(new ValueFault("ours"), new ValueFault("raw-headers"), new Error()),
      UNKNOWN["raw-headers"],
    );
    assert.equal(throwing("anything"), UNKNOWN.request);
  });
});
