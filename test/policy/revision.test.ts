import assert from "node:assert/strict";
import { revisionOf } from "../../src/policy/revision.ts";

describe("the revision of files", () => {
  const files = [
    { path: "a.yaml", text: "one" },
    { path: "b.yaml", text: "two" },
  ];

  it("does not depend on their order, nor on whether they are text or bytes", () => {
    const revision = revisionOf(files);
    assert.match(revision, /^[0-9a-f]{12}$/);
    assert.equal(revisionOf(files.toReversed()), revision);
    assert.equal(revisionOf(files.map(({ path, text }) => ({ path, text: Buffer.from(text) }))), revision);
  });

  const others = [
    ["nothing", []],
    ["a file less", files.slice(1)],
    ["another path", [{ path: "c.yaml", text: "one" }, ...files.slice(1)]],
    ["another text", [{ path: "a.yaml", text: "One" }, ...files.slice(1)]],
    [
      "a text that moved",
      [
        { path: "a.yaml", text: "on" },
        { path: "b.yaml", text: "etwo" },
      ],
    ],
    ["texts that run together", [{ path: "a.yaml", text: "one6:b.yaml3:two" }]],
  ] as const;
  for (const [what, other] of others) {
    it(`differs with ${what}`, () => assert.notEqual(revisionOf(other), revisionOf(files)));
  }

  it("is the same for text and bytes that are not ASCII", () => {
    assert.equal(revisionOf([{ path: "a", text: "é" }]), revisionOf([{ path: "a", text: Buffer.from("é") }]));
  });
});
