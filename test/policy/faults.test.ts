import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { CODES } from "../../src/policy/codes.ts";
import { FAULTS, faultNames, findingsOf, printed } from "./faults.ts";

describe("a fault in a file", () => {
  for (const name of faultNames()) {
    it(`is told as expected: ${name}`, () => {
      const golden = new URL(`${name}.txt`, FAULTS);
      assert.ok(existsSync(golden), "write it with: node test/policy/update-faults.ts");
      assert.equal(printed(name), readFileSync(golden, "utf8"));
    });

    it(`has the code that its file is named after: ${name}`, () => {
      const code = Object.keys(CODES)
        .filter((one) => name.startsWith(one))
        .sort((left, right) => right.length - left.length)[0];
      assert.ok(findingsOf(name).some((one) => one.code === code));
    });
  }

  it("is one of every way in which YAML swallows CEL", () => {
    const swallowed = faultNames().filter((name) => name.startsWith("yaml-swallowed-cel"));
    assert.ok(swallowed.length >= 14);
    for (const name of swallowed) {
      assert.deepEqual([...new Set(findingsOf(name).map(({ code }) => code))], ["yaml-swallowed-cel"], name);
    }
  });
});
