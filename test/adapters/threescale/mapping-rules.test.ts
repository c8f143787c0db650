import assert from "node:assert/strict";
import fc from "fast-check";
import { compileMappingRules, type WrittenRule } from "../../../adapters/threescale/mapping-rules.ts";
import { readForm, readRequestUri } from "../../../adapters/threescale/request-uri.ts";
import { processorMs } from "../../support/processor-time.ts";

/** `GET /a?b={c}` as the system API delivers it: with the parameters beside the pattern. */
function ruleOf(text: string, more: Partial<WrittenRule> = {}): WrittenRule {
  const [method = "", pattern = ""] = text.split(" ");
  const query = new Map<string, string>();
  for (const [name, value] of readForm(pattern.split("?")[1] ?? "")) query.set(name, value ?? "");
  return { method, pattern, query, metric: "hits", delta: 1, last: false, ...more };
}

function usageOf(
  rules: readonly WrittenRule[],
  request: string,
): Readonly<Record<string, number>> | undefined {
  const [method = "", raw = ""] = request.split(" ");
  const uri = readRequestUri(raw);
  assert.ok(uri !== undefined, `${raw} can be read`);
  const usage = compileMappingRules(rules).usageOf(method, uri);
  return usage && Object.fromEntries(usage);
}

const YES = "matches";
const NO = "does not match";

describe("a mapping rule", () => {
  for (const [rule, requests] of [
    ["GET /", { "GET /": YES, "GET /any/thing": YES, "POST /": NO }],
    ["GET /v1", { "GET /v1/word": YES, "GET /v10": YES, "GET /x/v1": NO, "GET /V1": NO }],
    ["GET /v1/word$", { "GET /v1/word": YES, "GET /v1/word/hello": NO, "GET /v1/word/": NO }],
    [
      "GET /foo/{id}/bar",
      {
        "GET /foo/a@b/bar": YES,
        "GET /foo/a:b/bar": YES,
        "GET /foo/a%25b/bar": YES,
        "GET /foo/a%20b/bar": YES,
      },
    ],
    ["GET /foo/{id}/bar", { "GET /foo//bar": NO, "GET /foo/a/b/bar": NO, "GET /foo/a/bar/more": YES }],
    ["GET /foo/{id}", { "GET /foo/": NO, "GET /foo": NO, "GET /foo/1": YES, "GET /foo/1/2": YES }],
    ["GET /foo/{id}$", { "GET /foo/1/2": NO, "GET /foo/1": YES }],
    ["GET /foo/{id}.json$", { "GET /foo/a.b.json": YES, "GET /foo/a.xml": NO, "GET /foo/ajson": NO }],
    ["GET /foo/{a}-{b}/x", { "GET /foo/1-2-3/x": YES, "GET /foo/1/x": NO }],
    ["GET ///foo///bar///", { "GET /foo/bar/": YES, "GET //foo//bar/": YES, "GET /foo/bar": NO }],
    ["ANY /foo/", { "DELETE /foo/": YES, "get /foo/x": YES }],
    ["GET /foo/", { "POST /foo/": NO, "get /foo/": NO }],
    [
      "GET /foo?bar=baz",
      { "GET /foo?bar=foo": NO, "GET /foo?bar=x&bar=baz": YES, "GET /foo?bar=baz&bar=x": NO },
    ],
    [
      "GET /foo?bar=baz",
      { "GET /foo": NO, "GET /foo?bar": NO, "GET /foo?Bar=baz": NO, "GET /foo?bar=%62az": YES },
    ],
    ["GET /foo?bar={baz}", { "GET /foo?bar=": YES, "GET /foo?bar": YES, "GET /foo?x=1": NO }],
    [
      "GET /{env}/video/encode?size={size}&speed=2x",
      {
        "GET /staging/video/encode?size=100&speed=3x&speed=2x": YES,
        "GET /staging/video/encode?size=100&speed=2x&speed=3x": NO,
        "GET /staging/video/encode?speed=2x": NO,
      },
    ],
    ["GET /a(b)", { "GET /a(b)": NO, "GET /ab": YES }],
    ["GET /a.b", { "GET /a.b": YES, "GET /axb": NO }],
    ["GET /ab*c", { "GET /ac": YES, "GET /abbc": YES, "GET /ab*c": NO }],
    ["GET /ab+", { "GET /ab": YES, "GET /a": NO }],
    ["GET /a$b", { "GET /a$b": NO, "GET /a": NO }],
    ["GET /a|/b", { "GET /x/b": YES, "GET /ab": YES, "GET /c": NO }],
    ["GET /a/{b/c}/d", { "GET /a/1/d": YES }],
    ["GET /(((", { "GET /(((": NO, "GET /": NO }],
  ] as const) {
    for (const [request, expected] of Object.entries(requests)) {
      it(`${rule} ${expected} ${request}`, () =>
        assert.deepEqual(usageOf([ruleOf(rule)], request), expected === YES ? { hits: 1 } : {}));
    }
  }
});

describe("mapping rules", () => {
  for (const { what, rules, request, usage } of [
    {
      what: "add up",
      rules: [ruleOf("GET /", { delta: 1 }), ruleOf("GET /", { delta: 3 })],
      request: "GET /",
      usage: { hits: 4 },
    },
    {
      what: "count several metrics",
      rules: [
        ruleOf("GET /"),
        ruleOf("GET /a", { metric: "search" }),
        ruleOf("GET /b", { metric: "browse" }),
      ],
      request: "GET /a",
      usage: { hits: 1, search: 1 },
    },
    {
      what: "stop at the last that matches",
      rules: [
        ruleOf("GET /x", { last: true }),
        ruleOf("GET /a", { last: true }),
        ruleOf("GET /", { delta: 5 }),
      ],
      request: "GET /a",
      usage: { hits: 1 },
    },
    { what: "count nothing where none matches", rules: [ruleOf("GET /a$")], request: "GET /b", usage: {} },
  ] as const) {
    it(what, () => assert.deepEqual(usageOf(rules, request), usage));
  }

  it("name the patterns that can never match", () => {
    const { unusable } = compileMappingRules([ruleOf("GET /a"), ruleOf("GET /((("), ruleOf("GET /a++")]);
    assert.deepEqual(unusable, ["/(((", "/a++"]);
  });

  it("give up a path that is too long for them, and take no time that a caller chooses", () => {
    const rules = Array.from({ length: 200 }, () => ruleOf("GET /{a}-{b}-{c}-{d}-{e}$"));
    const nested = [ruleOf("GET /(a+)+$")];
    const tookMs = processorMs(() => {
      assert.equal(usageOf(rules, `GET /${"-".repeat(100_000)}`), undefined);
      assert.deepEqual(usageOf(nested, `GET /${"a".repeat(5_000)}!`), {});
    });
    assert.ok(tookMs < 2_000, `${tookMs} ms`);
  });

  it("match as the regular expression that APIcast makes of them, whatever stands in them", () => {
    const part = fc.constantFrom("/", "//", "a", "b.", "{x}", "$", "a-b", ".", "{y}.json");
    const path = fc.array(part, { maxLength: 6 }).map((parts) => `/${parts.join("")}`);
    const asked = fc
      .array(fc.constantFrom("/", "a", "b.", "x", "a-b", ".json", "1"), { maxLength: 8 })
      .map((parts) => `/${parts.join("")}`);
    fc.assert(
      fc.property(path, asked, (pattern, raw) => {
        const uri = readRequestUri(raw);
        if (uri === undefined) return;
        const source = pattern
          .replace(/\/\/+/g, "/")
          .replace(/\{.+?\}/g, "([\\w\\-.~%!$$&'()*+,;=@:]+)")
          .replace(/\./g, "\\.");
        const expected = new RegExp(`^${source}`).test(uri.path);
        const found = compileMappingRules([ruleOf(`GET ${pattern}`)]).usageOf("GET", uri);
        assert.equal(found?.size, expected ? 1 : 0);
      }),
    );
  });
});
