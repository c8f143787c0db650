import assert from "node:assert/strict";
import { complaints, tallyLine } from "./tally.ts";

describe("the tally of a run", () => {
  const good = { passed: 2, failed: 0, skipped: [] };
  const bad = { passed: 2, failed: 1, skipped: [] };
  const partial = { passed: 2, failed: 0, skipped: ["Envoy lets HTTP/2 through"] };

  for (const [tally, line] of [
    [good, "2 passed, 0 failed"],
    [bad, "2 passed, 1 failed"],
    [partial, "2 passed, 0 failed, 1 skipped"],
  ] as const) {
    it(`ends with the line: ${line}`, () => assert.equal(tallyLine(tally), line));
  }

  for (const { name, tally, skips, expected } of [
    { name: "is good without failures", tally: good, skips: "refused", expected: [] },
    { name: "leaves failures to the counts", tally: bad, skips: "allowed", expected: [] },
    { name: "takes skipped tests where they are allowed", tally: partial, skips: "allowed", expected: [] },
    {
      name: "names skipped tests where they are refused",
      tally: partial,
      skips: "refused",
      expected: ["skipped, which CI does not allow: Envoy lets HTTP/2 through"],
    },
    {
      name: "complains of a run without tests",
      tally: { passed: 0, failed: 0, skipped: [] },
      skips: "allowed",
      expected: ["there was no test to run"],
    },
  ] as const) {
    it(name, () => assert.deepEqual(complaints(tally, skips), expected));
  }
});
