import assert from "node:assert/strict";
import fc from "fast-check";
import { compiled, context, parsed, problemsOf, Request } from "./fixture.ts";

const TOKENS = [
  ...Array.from("()[]{}.,:?!-+*/%<>=&|'\" "),
  ...[
    "==",
    "!=",
    "&&",
    "||",
    "in",
    "has",
    "request",
    "auth",
    "any",
    "n",
    "x",
    ".all(",
    ".map(x,",
    "cel.bind(",
    "user",
    "headers",
  ],
  ...[
    "1",
    "2.5",
    "3u",
    "'a'",
    "b'b'",
    "true",
    "null",
    "matches('a')",
    "size()",
    "optional.of(",
    ".?",
    "[?",
    "int(",
    "ip(",
    "type(",
    "\n",
    "\\",
    "😀",
  ],
];

const sources = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(fc.constantFrom(...TOKENS), { maxLength: 40 }).map((tokens) => tokens.join("")),
  fc.array(fc.constantFrom(...TOKENS), { maxLength: 40 }).map((tokens) => tokens.join(" ")),
);

/** Anything that a getter of a faulty context could give. */
const anything = fc.oneof(
  fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withTypedArray: true,
  }),
  fc.constantFrom(
    Promise.resolve(1),
    Symbol("s"),
    () => true,
    new Error("value"),
    new Proxy({}, {}),
    new Request(),
  ),
);

const thrown = fc.oneof(anything, fc.constantFrom(new RangeError(), undefined, null, true, false));

const READS = [
  "any == 1 || any",
  "any.a.b && any['c']",
  "any.all(x, x == any) || any.exists(x, x)",
  "any.map(x, x + x).size() > 0 ? any : any",
  "{any: any, dyn('a'): any}.a in [any, any]",
  "any + any == any - any || any < any || -any == any",
  "any.?a.orValue(any) == any[?any].orValue(any)",
  "string(any) + any.lowerAscii() + '%s'.format([any])",
  "size(any) > 0 && any in any && any.matches('a')",
  "int(any) + any.indexOf(any) > any.getHours(any)",
  "has(any.a.b.c)",
  "any.all(k, v, v == any) || any.existsOne(k, v, k == v) || any < any",
  "dyn(any.transformMap(k, v, [k, v])) == any.transformList(k, v, v != any, v)",
  "any.transformMapEntry(k, v, v) == {any: any, dyn(1u): n}",
  "any.optMap(x, x) == any.optFlatMap(x, x) || '%s %d %.0f'.format([any, any, any]) == any",
  "math.greatest(any, 1) == math.least(any) || any + any > any - any",
  "request.headers[any] == any.text && has(request.absent)",
  "auth.user.sub == any && client.inCidr(any)",
  "n / n == n && early",
  "type(any) == int ? bool(any) : duration(any) == any || true",
];

describe("whatever is written or read", () => {
  it("parsing and compiling never throw, and problems stand within the source", () => {
    fc.assert(
      fc.property(sources, (source) => {
        for (const { start, end, message } of problemsOf(source, "bool")) {
          assert.ok(start >= 0 && start <= end && end <= source.length, `${start}-${end}`);
          assert.ok(
            message !== "" && !message.includes("\n") && (source.includes("__") || !message.includes("__")),
            message,
          );
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it("reads stand within the source", () => {
    fc.assert(
      fc.property(sources, (source) => {
        fc.pre(problemsOf(source).length === 0);
        for (const read of parsed(source).reads) {
          assert.equal(source.slice(read.start, read.start + read.root.length), read.root);
          for (const step of read.steps) assert.ok(step.start >= read.start && step.end <= read.end);
        }
      }),
      { numRuns: 300 },
    );
  });

  const expressions = READS.map((source) => compiled(source));

  it("evaluation never throws and never returns a promise", () => {
    fc.assert(
      fc.property(anything, anything, anything, (any, one, other) => {
        const values = { any, n: one, early: other, client: one, request: context.request, auth: other };
        for (const expression of expressions) {
          const value = expression.evaluate(values);
          assert.ok(!(value instanceof Promise) && value !== undefined, expression.source);
          if (expression.type === "bool" && typeof value !== "boolean")
            assert.equal(Object.isFrozen(value), true);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("evaluation never throws what a getter throws", () => {
    fc.assert(
      fc.property(thrown, (error) => {
        const fail = (): never => {
          throw error;
        };
        const values: object = new Proxy({}, { get: fail });
        for (const expression of expressions)
          assert.equal(typeof expression.evaluate(values), "object", expression.source);
      }),
      { numRuns: 200 },
    );
  });

  it("evaluation outlives values that fail at every touch", () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const values = {
      any: proxy,
      get n(): bigint {
        throw proxy as Error;
      },
    };
    for (const expression of expressions)
      assert.notEqual(expression.evaluate(values), true, expression.source);
  });
});
