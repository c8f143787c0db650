import assert from "node:assert/strict";
import type { Parsed, Read } from "../../src/cel/expression.ts";
import { parsed } from "./fixture.ts";

const pathOf = ({ root, steps }: Read): string => [root, ...steps.map((step) => step.name)].join(".");

const readsOf = (source: string): readonly string[] => parsed(source).reads.map(pathOf);

const marked = (source: string, pick: (draft: Parsed) => ReadonlySet<Read>): readonly string[] =>
  [...pick(parsed(source))].map(pathOf);

describe("the walk of an expression", () => {
  const table: readonly [source: string, reads: readonly string[]][] = [
    ["request.method", ["request.method"]],
    ['request.headers["x"]', ["request.headers.x"]],
    ['request["headers"].x', ["request.headers.x"]],
    ["request.?headers.?x", ["request.headers.x"]],
    ['request.headers[?"x"]', ["request.headers.x"]],
    ["has(auth.usr)", ["auth.usr"]],
    ["has(auth.user.sub)", ["auth.user.sub"]],
    ["request.headers.size()", ["request.headers"]],
    ["size(request.headers)", ["request.headers"]],
    ["request.list[n]", ["n", "request.list"]],
    ["request.list[0].x.y", ["request.list"]],
    ['any[request.method]["k"].z', ["request.method", "any"]],
    ['"b" in request.headers', ["request.headers"]],
    ["request.list.all(x, x == request.method)", ["request.list", "request.method"]],
    ["request.list.exists(request, request == n)", ["request.list", "n"]],
    ["request.list.exists_one(x, x.y.z)", ["request.list"]],
    ["request.list.map(x, n, auth.a)", ["request.list", "n", "auth.a"]],
    ["any.filter(x, x in request.list.map(y, [x, y, n]))", ["any", "request.list", "n"]],
    ["x.all(x, x)", ["x"]],
    ["request.list.all(i, v, v == request.method && i < n)", ["request.list", "request.method", "n"]],
    ["n.exists(n, any, n == any)", ["n"]],
    ["any.transformMap(k, v, k in request.list, [k, v, n])", ["any", "request.list", "n"]],
    ["any.transformList(i, v, v.transformMapEntry(j, w, {i: j + n}))", ["any", "n"]],
    ["auth.?user.optMap(u, u.sub + request.path)", ["auth.user", "request.path"]],
    ["any.optFlatMap(n, n.?x)", ["any"]],
    ["math.greatest(n, any.x, request.a)", ["n", "any.x", "request.a"]],
    ["cel.bind(x, request.path, x + request.method)", ["request.path", "request.method"]],
    ["cel.bind(n, n, n)", ["n"]],
    ["optional.of(n).orValue(any.z)", ["n", "any.z"]],
    ["auth.?user.or(auth.?partner)", ["auth.user", "auth.partner"]],
    ["[request.a, {request.b: request.c}, -n, !any]", ["request.a", "request.b", "request.c", "n", "any"]],
    ["n > 0 ? request.a : request.b", ["n", "request.a", "request.b"]],
    ["math.abs(n) == int(any.x) || type(n) == int", ["n", "any.x", "n"]],
    ["google.protobuf.Timestamp == type(n)", ["n"]],
    ["f(any.x).y", ["any.x"]],
    ["(n).x", ["n.x"]],
    ["all", ["all"]],
    ["true", []],
  ];
  for (const [source, reads] of table) {
    it(`finds what ${source} reads`, () => assert.deepEqual(readsOf(source), reads));
  }

  it("tells where each step and the whole path stand", () => {
    const source = 'n == 1 && request.headers["x-a"].?b';
    const read = parsed(source).reads[1];
    assert.ok(read !== undefined);
    assert.equal(source.slice(read.start, read.end), 'request.headers["x-a"].?b');
    assert.deepEqual(
      read.steps.map((step) => [source.slice(step.start, step.end), step.access]),
      [
        ["headers", "field"],
        ['"x-a"', "index"],
        ["b", "field"],
      ],
    );
  });

  const manners: readonly [source: string, how: Read["how"]][] = [
    ["request.a", "value"],
    ["has(request.a)", "has"],
    ["request.?a", "optional"],
    ['request[?"a"]', "optional"],
    ["has(request.list[0].a)", "value"],
    ['"b" in request.a', "value"],
  ];
  for (const [source, how] of manners) {
    it(`calls the reading of ${source} ${how}`, () => assert.equal(parsed(source).reads[0]?.how, how));
  }

  const guards: readonly [source: string, guarded: readonly string[]][] = [
    ['request.headers["x"] == "y"', []],
    ['"x" in request.headers && request.headers["x"] == "y"', ["request.headers.x"]],
    ['request.headers.x == "y" && "x" in request.headers', ["request.headers.x"]],
    ['n == 1 && "x" in request.headers && n == 2 && request.headers.x == "y"', ["request.headers.x"]],
    ['"z" in request.headers && request.headers.x == "y"', []],
    ['"x" in request.headers || request.headers.x == "y"', []],
    ['!("x" in request.headers) || request.headers.x == "y"', ["request.headers.x"]],
    ['!("x" in request.headers) && request.headers.x == "y"', []],
    ["has(auth.user) && auth.user.sub == path", ["auth.user", "auth.user.sub"]],
    ["has(auth.user) ? auth.user.sub : auth.user.x", ["auth.user", "auth.user.sub"]],
    ["!has(auth.user) ? auth.user.x : auth.user.sub", ["auth.user", "auth.user.sub"]],
    ['(n == 1 && "x" in any) ? any.x : any.x', ["any.x"]],
    ['"x" in any && any.list.all(y, any.x == y)', ["any.x"]],
    ['any.list.all(request, "x" in request && true) && request.x', []],
    ["any.?x.orValue(1)", ["any.x"]],
  ];
  for (const [source, guarded] of guards) {
    it(`knows what is guarded in ${source}`, () =>
      assert.deepEqual(
        marked(source, (draft) => draft.guarded),
        guarded,
      ));
  }

  const comparisons: readonly [source: string, compared: readonly string[]][] = [
    ['request.headers["x"] == "y"', ["request.headers.x"]],
    ['"y" != request.headers["x"]', ["request.headers.x"]],
    ['request.headers["x"] in ["y"]', ["request.headers.x"]],
    ['request.headers["x"].size() == 1', []],
    ["request.headers[any] == 1", []],
    ["request.a < 1", []],
  ];
  for (const [source, compared] of comparisons) {
    it(`knows what is compared in ${source}`, () =>
      assert.deepEqual(
        marked(source, (draft) => draft.compared),
        compared,
      ));
  }

  it("knows constants", () => {
    assert.deepEqual(
      ["true", "(false)", "!true", "n", '"true"'].map((source) => parsed(source).constant),
      [true, false, undefined, undefined, undefined],
    );
  });
});
