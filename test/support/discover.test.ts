import assert from "node:assert/strict";
import { isLong } from "./discover.ts";

describe("a test file is not run as a unit test", () => {
  for (const { why, path, text, expected } of [
    { why: "when it stands in e2e/", path: "e2e/check.test.ts", text: "", expected: true },
    { why: "when it stands in security/", path: "security/fuzz.test.ts", text: "", expected: true },
    {
      why: "when it imports need",
      path: "store/redis.test.ts",
      text: 'import { need } from "../support/need.ts";',
      expected: true,
    },
    {
      why: "when it imports need beside it",
      path: "support/need.test.ts",
      text: 'import { need } from "./need.ts";',
      expected: true,
    },
    {
      why: "not otherwise",
      path: "cel/walk.test.ts",
      text: 'import "../support/until.ts";',
      expected: false,
    },
    { why: "not for a folder named e2e below", path: "cli/e2e/x.test.ts", text: "", expected: false },
  ]) {
    it(why, () => assert.equal(isLong(path, text), expected));
  }
});
