import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { CODES } from "../../src/policy/codes.ts";
import { faultNames, faultsOf, findingsOf, printed } from "./faults.ts";

describe("a fault in a file", () => {
  const faults = (["load", "compile"] as const).flatMap((stage) =>
    faultNames(stage).map((name) => [stage, name] as const),
  );
  for (const [stage, name] of faults) {
    it(`is told as expected: ${stage}/${name}`, () => {
      const golden = new URL(`${name}.txt`, faultsOf(stage));
      assert.ok(existsSync(golden), "write it with: node test/policy/update-faults.ts");
      assert.equal(printed(stage, name), readFileSync(golden, "utf8"));
    });

    it(`has the code that it is named after: ${stage}/${name}`, () => {
      const code = Object.keys(CODES)
        .filter((one) => name.startsWith(one))
        .sort((left, right) => right.length - left.length)[0];
      const found = new Set(findingsOf(stage, name).map((one) => one.code));
      assert.ok(
        code !== undefined && [...found].some((one) => one === code),
        `found ${[...found].join(", ")}`,
      );
    });
  }

  it("is one of every way in which YAML swallows CEL", () => {
    const swallowed = faultNames("load").filter((name) => name.startsWith("yaml-swallowed-cel"));
    assert.ok(swallowed.length >= 14);
    for (const name of swallowed) {
      assert.deepEqual(
        [...new Set(findingsOf("load", name).map(({ code }) => code))],
        ["yaml-swallowed-cel"],
        name,
      );
    }
  });
});
