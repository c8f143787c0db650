import assert from "node:assert/strict";
import { until } from "./until.ts";

describe("until", () => {
  it("answers the first value that is neither undefined nor false", async () => {
    const values = [undefined, false, 0];
    assert.equal(await until(() => values.shift(), { what: "a value" }), 0);
  });

  it("names what it waited for in vain", async () => {
    await assert.rejects(
      until(() => false, { timeoutMs: 1, what: "rain" }),
      /waited 1 ms in vain for rain/,
    );
  });

  it("ends with what the condition throws", async () => {
    await assert.rejects(
      until(() => Promise.reject(new Error("broken")), { what: "rain" }),
      /broken/,
    );
  });
});
