import assert from "node:assert/strict";
import fc from "fast-check";
import { readResource } from "../../../adapters/apigee/resource.ts";

/** What the reference implementation's own tests say, and what it gets wrong. */
const CASES: readonly (readonly [
  resource: string,
  matching: readonly string[],
  others: readonly string[],
])[] = [
  ["/", ["/", "/foo", "/foo/bar/baz"], []],
  ["/**", ["/", "/foo", "/foo/bar"], []],
  ["/*", ["/", "/foo"], ["/foo/bar", ""]],
  ["/foo", ["/foo"], ["/", "/foo/", "/foo/bar", "/fo"]],
  ["/foo/*", ["/foo/", "/foo/bar"], ["/foo", "/foo/bar/baz"]],
  ["/foo/**", ["/foo/bar/baz", "/foo/"], ["/foo", "/fo"]],
  ["/foo**", ["/foo", "/foobar", "/foo/bar"], ["/fo"]],
  ["/*/bar", ["/foo/bar", "//bar"], ["/bar", "/foo/bar/baz"]],
  ["/*/*/baz", ["/foo/bar/baz"], ["/foo/baz"]],
  ["/f*o/b*r*", ["/foo/bar", "/fo/br", "/fxxo/barbar"], ["/f/o/bar", "/foo/ba"]],
  ["/a*a", ["/aa", "/aba"], ["/a"]],
  ["/v1.0", ["/v1.0"], ["/v1x0"]],
  ["/a(b)+[c]", ["/a(b)+[c]"], ["/abb", "/abc"]],
  ["", [""], ["/"]],
];

describe("a resource", () => {
  for (const [resource, matching, others] of CASES) {
    it(`${resource === "" ? "that is empty" : resource} matches whole paths`, () => {
      const matches = readResource(resource);
      assert.ok(matches);
      assert.deepEqual([...matching, ...others].filter(matches), matching);
    });
  }

  it("may have ** at its end only", () => {
    for (const text of ["/**/bad", "/***", "**/", "/**/**"])
      assert.equal(readResource(text), undefined, text);
  });

  it("is read as an expression of its wildcards alone would be", () => {
    const letters = fc.string({ unit: fc.constantFrom("/", "a", "b", "."), maxLength: 8 });
    const pattern = fc.string({ unit: fc.constantFrom("/", "a", "b", ".", "*"), maxLength: 8 });
    fc.assert(
      fc.property(pattern, letters, fc.boolean(), (written, path, isOpen) => {
        const resource = written.replace(/\*+/g, "*").replace(/\*$/, "") + (isOpen ? "**" : "");
        const matches = readResource(resource);
        assert.ok(matches);
        const source = resource
          .replaceAll(".", "\\.")
          .replace(/\*\*$|\*/g, (star) => (star === "*" ? "[^/]*" : ".*"));
        assert.equal(matches(path), resource === "/" || new RegExp(`^${source}$`).test(path));
      }),
    );
  });

  it("takes no longer than its length and that of the path", () => {
    const matches = readResource(`/${"*a".repeat(1_000)}b`);
    assert.equal(matches?.(`/${"a".repeat(100_000)}`), false);
  });
});
