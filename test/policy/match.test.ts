import assert from "node:assert/strict";
import fc from "fast-check";
import { canonicalHost } from "../../src/attributes/host.ts";
import { canonicalPath, encodePath } from "../../src/attributes/path.ts";
import { buildLookup } from "../../src/policy/lookup.ts";
import { canOverlap, matches, misfitting, type Match, type Subject } from "../../src/policy/match.ts";
import {
  isDestination,
  isMethod,
  readGrpcPattern,
  readHostPattern,
  readPathPattern,
  type Read,
} from "../../src/policy/patterns.ts";

const EVERYTHING: Match = {
  protocol: "http",
  ...{ hosts: undefined, paths: undefined, methods: undefined },
  ...{ destinations: undefined, routes: undefined },
};

function pattern<T>(read: Read<T>): T {
  return "pattern" in read ? read.pattern : assert.fail(read.why);
}

// Few names, so that patterns and subjects meet often.
const label = fc.constantFrom("a", "b", "c");
const hostName = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));
const host = fc
  .tuple(fc.constantFrom("", "*."), hostName)
  .map(([star, name]) => pattern(readHostPattern(star + name)));
const pathText = fc
  .tuple(fc.array(fc.oneof(label, fc.constant("{x}")), { maxLength: 3 }), fc.constantFrom("", "/", "/**"))
  .map(
    ([parts, end]) =>
      `${parts.map((part, index) => `/${part === "{x}" ? `{x${index}}` : part}`).join("")}${end}` || "/",
  );
const path = pathText.map((text) => pattern(readPathPattern(text)));
const optional = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined, freq: 2 });
const listOf = <T>(of: fc.Arbitrary<T>) => optional(fc.array(of, { minLength: 1, maxLength: 3 }));
const setOf = (...names: readonly string[]) =>
  optional(fc.subarray([...names], { minLength: 1 }).map((some) => new Set(some)));
const match: fc.Arbitrary<Match> = fc.record({
  protocol: fc.constant("http" as const),
  hosts: listOf(host),
  paths: listOf(path),
  methods: setOf("GET", "PUT"),
  destinations: setOf("n/a", "n/b"),
  routes: setOf("r", "s"),
});
const segments = fc.array(fc.oneof(label, fc.constant("")), { minLength: 1, maxLength: 4 });
const subject: fc.Arbitrary<Subject> = fc.record({
  host: hostName,
  method: fc.constantFrom("GET", "PUT", "get"),
  segments: optional(segments),
  destination: fc.constantFrom(undefined, "n/a", "n/b", "n/c"),
  route: fc.constantFrom(undefined, "r", "s", "t"),
});

/** JSON has no sets. */
const plain = (_key: string, value: unknown): unknown => (value instanceof Set ? [...value] : value);

describe("the index of policies", () => {
  it("finds what walking all of them finds, in order, with the same bindings", () => {
    let found = 0;
    const property = fc.property(
      fc.array(match, { maxLength: 12 }),
      fc.array(subject, { maxLength: 5 }),
      (all, subjects) => {
        const policies = all.map((one, order) => ({ match: one, order }));
        const lookup = buildLookup(policies);
        for (const one of subjects) {
          const walked = policies.flatMap((policy) => {
            const bindings = matches(policy.match, one);
            return bindings === undefined ? [] : [{ policy, bindings }];
          });
          found += walked.length;
          assert.deepEqual(lookup.find(one), walked);
        }
      },
    );
    fc.assert(property, { numRuns: 1_000 });
    assert.ok(found > 100);
  });

  it("is of use where a policy names its host by several patterns", () => {
    const hosts = ["a.b", "*.b", "*.a.b"].map((text) => pattern(readHostPattern(text)));
    const lookup = buildLookup([{ match: { ...EVERYTHING, hosts }, order: 0 }]);
    const ask = (name: string) =>
      lookup.find({ host: name, method: "GET", segments: ["a"], destination: undefined, route: undefined });
    assert.deepEqual([ask("a.b").length, ask("c.a.b").length, ask("b").length], [1, 1, 0]);
  });
});

describe("two matches", () => {
  it("that match one request can overlap, and each overlaps with itself", () => {
    let met = 0;
    const property = fc.property(match, match, subject, (left, right, one) => {
      assert.equal(canOverlap(left, right), canOverlap(right, left));
      assert.ok(canOverlap(left, left));
      if (matches(left, one) === undefined || matches(right, one) === undefined) return;
      met += 1;
      assert.ok(canOverlap(left, right));
    });
    fc.assert(property, { numRuns: 3_000 });
    assert.ok(met > 5, `only ${met} met`);
  });

  const apart: readonly (readonly [left: Partial<Match>, right: Partial<Match>])[] = [
    [{ protocol: "tcp" }, { protocol: "http" }],
    [{ methods: new Set(["GET"]) }, { methods: new Set(["PUT"]) }],
    [{ routes: new Set(["r"]) }, { routes: new Set(["s"]) }],
    [{ destinations: new Set(["n/a"]) }, { destinations: new Set(["n/b"]) }],
    ...(
      [
        ["a.b", "a.c"],
        ["*.b", "b"],
        ["*.a.b", "c.b"],
        ["*.a.b", "*.c.b"],
        ["*.b", "*.ab"],
      ] as const
    ).map(
      ([left, right]) =>
        [{ hosts: [pattern(readHostPattern(left))] }, { hosts: [pattern(readHostPattern(right))] }] as const,
    ),
    ...(
      [
        ["/a", "/b"],
        ["/a", "/a/"],
        ["/a/{x}", "/a"],
        ["/a/{x}", "/a/"],
        ["/a/**", "/b/**"],
        ["/a/{x}/b", "/a/{x}/c"],
      ] as const
    ).map(
      ([left, right]) =>
        [{ paths: [pattern(readPathPattern(left))] }, { paths: [pattern(readPathPattern(right))] }] as const,
    ),
  ];
  for (const [left, right] of apart) {
    it(`that exclude one another do not overlap: ${JSON.stringify([left, right], plain)}`, () => {
      assert.ok(!canOverlap({ ...EVERYTHING, ...left }, { ...EVERYTHING, ...right }));
    });
  }
});

describe("a match that does not fit", () => {
  it("has a key to blame, and only then", () => {
    const property = fc.property(match, subject, (one, asked) => {
      assert.equal(misfitting(one, asked).length === 0, matches(one, asked) !== undefined);
    });
    fc.assert(property, { numRuns: 2_000 });
  });

  it("tells all the keys that do not fit", () => {
    const one: Match = { ...EVERYTHING, methods: new Set(["GET"]), routes: new Set(["r"]), hosts: [] };
    const asked = { host: "a", method: "PUT", segments: ["a"], destination: undefined, route: "r" };
    assert.deepEqual(misfitting(one, asked), ["hosts", "methods"]);
  });
});

describe("a pattern", () => {
  const refused: Readonly<
    Record<string, readonly [read: (text: string) => object, texts: readonly string[]]>
  > = {
    host: [
      readHostPattern,
      [
        "",
        "*",
        "*.",
        "**.a",
        "a.*",
        "*a.com",
        "A.com",
        "a.com.",
        "a.com:80",
        "https://a.com",
        "a.com/",
        "a b",
        "é.com",
        "*.[::1]",
        "[0::1]",
      ],
    ],
    path: [
      readPathPattern,
      [
        "",
        "a",
        "*",
        "**",
        "//",
        "/a//b",
        "/a?b",
        "/a#b",
        "/a%20b",
        "/a b",
        "/a\\b",
        "/..",
        "/./a",
        "/a/..;x",
        "/a*",
        "/**/a",
        "/{}",
        "/{A}",
        "/a{x}",
        "/{x}/{x}",
        "/{x",
        "/a\u0000",
      ],
    ],
    grpc: [readGrpcPattern, ["", "a", "/a/B", "a/", "/B", "a/B/c", "*/B", "a/*B", "a b/C", "a/B?"]],
  };
  for (const [kind, [read, texts]] of Object.entries(refused)) {
    for (const text of texts) {
      it(`of a ${kind} is never ${JSON.stringify(text)}, and it is told why`, () => {
        const found = read(text);
        assert.ok("why" in found && typeof found.why === "string" && found.why.length > 10);
      });
    }
  }

  it("of a method is a token", () => {
    assert.ok(["GET", "get", "M-SEARCH", "X!"].every(isMethod));
    assert.ok(!["", "GET ", "G/T", "GÉT", "A".repeat(33)].some(isMethod));
  });

  it("of a destination is a namespace and a service account", () => {
    assert.ok(["shop/web", "a/b", "n-1/sa.x-1"].every(isDestination));
    assert.ok(!["", "shop", "shop/", "/web", "shop/web/x", "Shop/web", "-a/b", "shop/*"].some(isDestination));
  });

  const character = fc.constantFrom(...Array.from("ab/{}x*._-%?;:A[]\u0000\ufffdé "));
  const anyText = fc.oneof(
    fc.string({ unit: character, maxLength: 8 }),
    fc.string({ unit: "binary", maxLength: 4 }),
  );

  it("of a path that is taken matches a path that a client can send", () => {
    let taken = 0;
    const property = fc.property(anyText, (text) => {
      const read = readPathPattern(`/${text}`);
      if (!("pattern" in read)) return;
      taken += 1;
      const sent = encodePath(read.pattern.segments.map((one) => (one.kind === "literal" ? one.text : "v")));
      const found = canonicalPath(sent, "GET");
      assert.equal(found.kind, "segments", sent);
      const { segments: parts } = found as { segments: readonly string[] };
      const asked = { host: "a", method: "GET", segments: parts, destination: undefined, route: undefined };
      assert.ok(matches({ ...EVERYTHING, paths: [read.pattern] }, asked), sent);
    });
    fc.assert(property, { numRuns: 3_000 });
    assert.ok(taken > 100);
  });

  it("of a host that is taken matches a host that a client can send", () => {
    let taken = 0;
    const property = fc.property(
      fc.oneof(
        anyText,
        fc.domain(),
        fc.domain().map((name) => `*.${name}`),
        fc.ipV6().map((ip) => `[${ip}]`),
      ),
      (text) => {
        const read = readHostPattern(text);
        if (!("pattern" in read)) return;
        taken += 1;
        const { kind, name } = read.pattern;
        const sent = canonicalHost(kind === "suffix" ? `w.${name}` : name);
        assert.ok(sent !== undefined, text);
        const asked = {
          host: sent,
          method: "GET",
          segments: undefined,
          destination: undefined,
          route: undefined,
        };
        assert.ok(matches({ ...EVERYTHING, hosts: [read.pattern] }, asked), text);
      },
    );
    fc.assert(property, { numRuns: 1_000 });
    assert.ok(taken > 100);
  });
});
