import assert from "node:assert/strict";
import { readForm, readRequestUri } from "../../../adapters/threescale/request-uri.ts";

describe("the path of a request, as nginx has it", () => {
  for (const [raw, path] of [
    ["/", "/"],
    ["/a/b", "/a/b"],
    ["/a/b/", "/a/b/"],
    ["/a?b=c", "/a"],
    ["/a#b?c", "/a"],
    ["//a///b", "/a/b"],
    ["/a/./b", "/a/b"],
    ["/a/../b", "/b"],
    ["/a/b/..", "/a/"],
    ["/a/.", "/a/"],
    ["/a/...", "/a/..."],
    ["/a%2e%2e/b", "/a../b"],
    ["/a/%2E%2E/b", "/b"],
    ["/a%2Fb", "/a/b"],
    ["/a%20b", "/a%20b"],
    ["/a b", "/a%20b"],
    ["/%61", "/a"],
    ["/a%3Fb", "/a%3Fb"],
    ["/a%23b", "/a%23b"],
    ["/a%25b", "/a%25b"],
    ["/a%7Cb^c", "/a%7Cb%5Ec"],
    ["/ü", "/%C3%BC"],
    ["/%c3%bc", "/%C3%BC"],
    ["/!$&'()*+,-.:;=@[]_~", "/!$&'()*+,-.:;=@[]_~"],
    ["", undefined],
    ["a", undefined],
    ["*", undefined],
    ["/..", undefined],
    ["/a/../../b", undefined],
    ["/a%", undefined],
    ["/a%2", undefined],
    ["/a%zz", undefined],
    ["/a%00", undefined],
  ] as const) {
    it(`${raw} is ${path ?? "refused"}`, () => assert.equal(readRequestUri(raw)?.path, path));
  }
});

describe("the parameters of a request", () => {
  for (const [text, parameters] of [
    ["", []],
    [
      "a=1&b=2",
      [
        ["a", "1"],
        ["b", "2"],
      ],
    ],
    ["a=1&a=2", [["a", "2"]]],
    ["a", [["a", undefined]]],
    ["a=", [["a", ""]]],
    ["=x&a=b=c", [["a", "b=c"]]],
    ["a%5B%5D=x+y%2Bz", [["a[]", "x y+z"]]],
    ["a=%zz%", [["a", "%zz%"]]],
    ["a=%C3%BC", [["a", "ü"]]],
    ["__proto__=1", [["__proto__", "1"]]],
  ] as const) {
    it(`are read: ${text}`, () => assert.deepEqual([...readForm(text)], parameters));
  }

  it("stand behind the first question mark", () =>
    assert.deepEqual([...(readRequestUri("/a?b=c?d")?.query ?? [])], [["b", "c?d"]]));
});
