import assert from "node:assert/strict";
import fc from "fast-check";
import { canonicalPath, encodePath, parameterSpellings, queryParameters } from "../../src/attributes/path.ts";

describe("a path", () => {
  const readable: readonly (readonly [path: string, segments: readonly string[], urlPath: string])[] = [
    ["/", [""], "/"],
    ["/a", ["a"], "/a"],
    ["/a/", ["a", ""], "/a/"],
    ["/a/b?c=/../d//e", ["a", "b"], "/a/b"],
    ["/a?", ["a"], "/a"],
    ["/Admin", ["Admin"], "/Admin"],
    ["/%61dmin", ["admin"], "/admin"],
    ["/al%20ice", ["al ice"], "/al%20ice"],
    ["/a;v=1/b", ["a;v=1", "b"], "/a;v=1/b"],
    ["/a%3bv=1", ["a;v=1"], "/a;v=1"],
    ["/%C3%A9", ["é"], "/%C3%A9"],
    ["/é", ["é"], "/%C3%A9"],
    ["/admin%23x", ["admin#x"], "/admin%23x"],
    ["/a%3fb", ["a?b"], "/a%3Fb"],
    ["/a%252fb", ["a%2fb"], "/a%252fb"],
    ["/%252e%252e/a", ["%2e%2e", "a"], "/%252e%252e/a"],
    ["/...", ["..."], "/..."],
    ["/a..b/.c", ["a..b", ".c"], "/a..b/.c"],
    ["/a%0ab", ["a\nb"], "/a%0Ab"],
    ["/~a!$&'()*+,;=:@-._", ["~a!$&'()*+,;=:@-._"], "/~a!$&'()*+,;=:@-._"],
    ["/constructor/__proto__", ["constructor", "__proto__"], "/constructor/__proto__"],
  ];
  for (const [path, segments, urlPath] of readable) {
    it(`${path} is ${JSON.stringify(segments)}`, () => {
      const found = canonicalPath(path, "GET");
      assert.deepEqual(found.kind === "segments" && found.segments, segments);
      assert.equal(encodePath(segments), urlPath);
    });
  }

  // CVE-2021-29492, CVE-2021-31920, CVE-2019-9901, CVE-2019-9900, CVE-2021-32779, CVE-2021-39156 and their kin.
  const ambiguous: Readonly<Record<string, readonly string[]>> = {
    "an encoded slash": ["/admin%2Fpeople", "/admin%2fpeople", "/%2f", "/a%5Cb", "/public%5c..%5cadmin"],
    "a dot segment": [
      ...["/public/../admin", "/public/%2e%2e/admin", "/public/%2E./x", "/public/./x", "/.", "/..", "/a/."],
      ...["/a/..;/b", "/a/..;x=1/b", "/a/.;/b", "/a/%2e%2e;/b", "/a/..%3b/b", "/a/..?x"],
    ],
    "a segment of parameters alone": ["/;", "/a/;x/b", "/a/%3Bx/b", "/a/b/;x=1", "/;..", "/;a=b?c"],
    "a backslash": ["/public\\..\\admin", "/\\admin", "/a\\"],
    "an encoded NUL": ["/admin%00", "/%00"],
    "a control character or space": ["/admin\u0000", "/a b", "/a\tb", "/a\r\nb", "/a\u007f", "/a?b c"],
    "a fragment": ["/admin#x", "/#", "/a?b#c"],
    "two slashes in a row": ["//admin", "/a//b", "/a//", "//"],
    "a bad percent escape": [
      "/%zz",
      "/%",
      "/a%2",
      "/%u002e",
      "/%c0%ae",
      "/%c0%af",
      "/%ff",
      "/%ED%A0%80",
      "/a%é",
    ],
    "the path does not begin with a slash": ["", "admin", "?a", "http://a/b", "a.example.com:443", "*a"],
    "too many segments": ["/a".repeat(1_001)],
  };
  for (const [why, paths] of Object.entries(ambiguous)) {
    for (const path of paths) {
      it(`${JSON.stringify(path.slice(0, 40))} can be read in two ways: ${why}`, () => {
        assert.deepEqual(canonicalPath(path, "GET"), { kind: "ambiguous", why });
      });
    }
  }

  it("keeps its query apart", () => {
    const found = canonicalPath("/a?b=1?c&d=%2f", "GET");
    assert.equal(found.kind === "segments" && found.query, "b=1?c&d=%2f");
  });

  it("has no segments as `*` or in CONNECT's authority form", () => {
    assert.equal(canonicalPath("*", "OPTIONS").kind, "opaque");
    assert.equal(canonicalPath("a.example.com:443", "CONNECT").kind, "opaque");
    assert.equal(canonicalPath("", "CONNECT").kind, "opaque");
    assert.equal(canonicalPath("/chat", "CONNECT").kind, "segments");
    assert.equal(canonicalPath("/../chat", "CONNECT").kind, "ambiguous");
  });

  it("of a thousand segments is read", () => {
    assert.equal(canonicalPath("/a".repeat(1_000), "GET").kind, "segments");
  });

  // Pieces that mean something to some server, among arbitrary text.
  const piece = fc.oneof(
    fc.constantFrom(
      ..."/ . .. ; % %2f %2e %5c \\ // ? # * %00 %25 %c3%a9 é a b %zz".split(" "),
      " ",
      "\u0000",
      "\ufffd",
    ),
    fc.string({ unit: "binary", maxLength: 3 }),
  );
  const raw = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join("")}`);

  it("is read in one way only, whatever it is", () => {
    const property = fc.property(raw, fc.constantFrom("GET", "CONNECT", "OPTIONS"), (path, method) => {
      const found = canonicalPath(path, method);
      if (found.kind !== "segments") return;
      for (const segment of found.segments) assert.doesNotMatch(segment, /[/\\\0]|^\.{1,2}(;|$)/);
      assert.ok(found.segments.slice(0, -1).every((segment) => segment !== ""));
      const normal = encodePath(found.segments);
      assert.match(normal, /^\/[\x21-\x7e]*$/);
      const again = canonicalPath(normal, method);
      const wellFormed = found.segments.map((segment) => segment.toWellFormed());
      assert.ok(again.kind === "segments" && again.query === "");
      assert.deepEqual(again.segments, wellFormed);
      // The short way of the usual path and the long one of the others come to the same.
      for (const one of [found, again]) assert.equal(one.plainPath ?? normal, normal);
      assert.equal(encodePath(wellFormed), normal);
    });
    fc.assert(property, { numRuns: 1_000 });
  });
});

describe("a query", () => {
  const rows: readonly (readonly [
    query: string,
    parameters: Readonly<Record<string, readonly string[]>> | undefined,
  ])[] = [
    ["", {}],
    ["a=1&b=2&a=3", { a: ["1", "3"], b: ["2"] }],
    ["a", { a: [""] }],
    ["a=&=b&&", { a: [""], "": ["b"] }],
    ["a=b=c", { a: ["b=c"] }],
    ["a+b=c+d%2B", { "a b": ["c d+"] }],
    ["a%26=%3D", { "a&": ["="] }],
    ["constructor=1&toString=2", { constructor: ["1"], toString: ["2"] }],
    ["a=%zz", undefined],
    ["%ff=1", undefined],
    ["a&".repeat(1_001), undefined],
  ];
  for (const [query, parameters] of rows) {
    it(`${JSON.stringify(query.slice(0, 30))} is ${parameters ? JSON.stringify(parameters) : "no value"}`, () => {
      assert.deepEqual(queryParameters(query), parameters && new Map(Object.entries(parameters)));
    });
  }

  it("keeps a parameter named __proto__", () => {
    assert.deepEqual(queryParameters("__proto__=1")?.get("__proto__"), ["1"]);
  });

  it("is read as URLSearchParams reads it, where that replaces nothing", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 5 });
    const property = fc.property(fc.array(fc.tuple(text, text), { maxLength: 6 }), (pairs) => {
      const search = new URLSearchParams(pairs);
      const expected = [...new Set(search.keys())].map((name) => [name, search.getAll(name)] as const);
      assert.deepEqual(queryParameters(search.toString()), new Map(expected));
    });
    fc.assert(property);
  });
});

describe("how a query writes names", () => {
  const names = new Set(["tier", "a b", ""]);
  for (const [query, spellings] of [
    ["", []],
    ["tier=1", ["tier"]],
    ["tier", ["tier"]],
    ["Tier=1&tiers=2", []],
    ["t%69er=1&tier=2&%74ier", ["t%69er", "tier", "%74ier"]],
    ["a+b=1&a%20b=2", ["a+b", "a%20b"]],
    ["=1", [""]],
    ["%zz=1&t%zzier=2&t%69er", ["t%69er"]],
    ["x=tier&x=1=tier", []],
  ] as const) {
    it(`of tier, "a b" and nothing: ${query}`, () => {
      assert.deepEqual([...parameterSpellings(query, names)], spellings);
    });
  }
});
