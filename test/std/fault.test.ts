import assert from "node:assert/strict";
import { ValueFault } from "../../src/std/fault.ts";

describe("the fault of a value", () => {
  it("is an error that says whose it is", () => {
    const fault = new ValueFault("ours");
    assert.ok(fault instanceof Error);
    assert.deepEqual([fault.fault, fault.name, fault.message], ["ours", "ValueFault", "no value: ours"]);
  });
});
