import assert from "node:assert/strict";
import { Records } from "../../src/policy/records.ts";

describe("the classes of records", () => {
  it("are one for the same fields, in whatever order", () => {
    const records = new Records();
    const one = records.of({ a: "string", b: "int" });
    assert.equal(records.of({ b: "int", a: "string" }), one);
    assert.notEqual(records.of({ a: "string", b: "string" }).constructedBy, one.constructedBy);
    assert.notEqual(records.of({ a: "string" }).name, one.name);
  });

  it("have the same name in every configuration, and no class in common", () => {
    const [one, other] = [new Records().of({ a: "string" }), new Records().of({ a: "string" })];
    assert.equal(one.name, other.name);
    assert.notEqual(one.constructedBy, other.constructedBy);
  });

  it("make maps of their values, whatever the names", () => {
    const type = new Records().of({ constructor: "string", __proto__x: "string" });
    const value = type.construct([["constructor", "a"]]);
    assert.ok(value instanceof Map && value instanceof type.constructedBy);
    assert.deepEqual([value.get("constructor"), value.get("toString")], ["a", undefined]);
  });
});
