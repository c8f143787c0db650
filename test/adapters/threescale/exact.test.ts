import assert from "node:assert/strict";
import { addApplication, addService } from "../../support/threescale.ts";
import { until } from "../../support/until.ts";
import { startRunning } from "./running.ts";

/** Usage of two hops: a request that an earlier one was charged for, and one that none was. */
describe("3scale behind two hops", () => {
  for (const mode of ["batched", "exact"]) {
    it(`counts nothing for which an earlier hop was charged, and knows who asks: ${mode}`, async () => {
      await using open = new AsyncDisposableStack();
      const running = await startRunning(
        open,
        (one) => {
          const service = addService(one, {
            id: "7",
            name: "orders",
            hosts: ["orders.example.com"],
            serviceToken: "svc-1",
            metrics: [["hits", undefined]],
            rules: ["GET / hits 1"],
          });
          addApplication(service, "key-1");
        },
        { mode },
      );
      const question = { method: "GET", path: "/a" };
      assert.equal(await running.asked({ ...question, user_key: "key-1" }, "before"), "allow");
      assert.match(await running.asked({ ...question, user_key: "nobody" }, "before"), /^403 /);
      assert.equal(await running.asked({ ...question, user_key: "key-1" }), "allow");
      if (mode === "batched") assert.deepEqual(await running.report(), { kind: "delivered" });
      const total = (): number => running.three.book.total("7", "key-1", "hits");
      await until(() => total() > 0, { what: "the usage" });
      assert.equal(total(), 1);
      assert.equal(running.handler.breaker, mode === "exact" ? "lent" : "own");
    });
  }
});
