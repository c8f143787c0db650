import assert from "node:assert/strict";
import { addApplication, addService } from "../../support/threescale.ts";
import { startRunning } from "./running.ts";

describe("3scale after a reload", () => {
  it("is not asked again about who is known, and limits are counted on, unless it is another 3scale or folder", async () => {
    await using open = new AsyncDisposableStack();
    const running = await startRunning(open, (three) => {
      const service = addService(three, {
        ...{ id: "7", name: "orders", serviceToken: "svc-1", rules: ["GET / search 1"] },
        metrics: [
          ["hits", undefined],
          ["search", "hits"],
        ],
      });
      addApplication(service, "key-1", { limits: [{ metric: "hits", period: "day", max: 4 }] });
    });
    const request = { method: "GET", path: "/a", user_key: "key-1" };
    const { calls } = running.three;
    assert.equal(await running.asked(request), "allow");
    for (const same of [{ reports: { flush: "1s" } }, { timeout: "1s" }, { onFailure: "open" }])
      assert.equal(await running.askedNext(same, request), "allow");
    assert.match(await running.askedNext({ refresh: "1h" }, request), /^429 /);
    assert.match(await running.asked(request), /^429 /);
    assert.equal(calls.authorize, 1);
    assert.equal(await running.askedNext({ folder: "other" }, request), "allow");
    // What waits to be reported is known there, too.
    assert.match(await running.askedNext({ cache: { allowed: "1s" } }, request), /^429 /);
    assert.equal(calls.authorize, 3);
  });
});
