import assert from "node:assert/strict";
import { judgeAll } from "./official/judge.ts";
import { fits, REASONS } from "./official/reasons.ts";

/** The least that must pass; the page docs/cel-conformance.md has the exact number. */
const LEAST = 1_560;

describe("CEL's official conformance cases", () => {
  const { judged, total } = judgeAll();
  const failed = judged.filter(({ outcome }) => outcome.kind !== "passed");

  it(`are ${total}, of which 1,651 use no protobuf message`, () => {
    assert.deepEqual([total, judged.length], [2_344, 1_651]);
  });

  it(`pass, ${LEAST} of them`, () => {
    const passed = judged.length - failed.length;
    assert.ok(passed >= LEAST, `only ${passed} pass`);
  });

  it("never end in a wrong value", () => {
    const wrong = failed.filter(({ outcome }) => outcome.kind === "wrong");
    assert.deepEqual(
      wrong.map(({ path, outcome }) => ({ path, outcome })),
      [],
    );
  });

  it("that do not pass have one reason each", () => {
    const others = failed.filter(({ reasons }) => reasons.length !== 1);
    assert.deepEqual(
      others.map(({ path, outcome }) => ({ path, outcome })),
      [],
    );
  });

  it("are behind every reason that is given", () => {
    const patterns = REASONS.flatMap(({ cases }) => cases);
    assert.deepEqual(
      patterns.filter((pattern) => !failed.some(({ path }) => fits(path, pattern))),
      [],
    );
  });
});
