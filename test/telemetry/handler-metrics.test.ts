import assert from "node:assert/strict";
import { createMetrics } from "../../src/telemetry/metrics.ts";

describe("metrics that handlers are lent", () => {
  it("are one metric an adapter, with a series a handler", async () => {
    const metrics = createMetrics();
    let queued = 3;
    for (const handler of ["one", "two"]) {
      const lent = metrics.ofHandler("list", handler);
      lent.counter({ name: "lookups_total", help: "Lookups.", labels: ["result"] })(2, "hit");
      lent.gauge({ name: "entries", help: "Entries." }, () => (handler === "one" ? queued : 1));
    }
    // A handler that is made anew counts on.
    metrics.ofHandler("list", "one").counter({ name: "lookups_total", help: "Lookups.", labels: ["result"] })(
      1,
      "hit",
    );
    queued = 4;
    const { text } = await metrics.render();
    const lines = text.split("\n").filter((line) => line.startsWith("weir_list_"));
    assert.deepEqual(lines.sort(), [
      'weir_list_entries{handler="one"} 4',
      'weir_list_entries{handler="two"} 1',
      'weir_list_lookups_total{handler="one",result="hit"} 3',
      'weir_list_lookups_total{handler="two",result="hit"} 2',
    ]);
  });

  it("tell of what has not happened yet, so that its first time is seen to be one", async () => {
    const metrics = createMetrics();
    metrics.ofHandler("list", "one").counter({ name: "expired_total", help: "Expired." });
    const { text } = await metrics.render();
    assert.match(text, /^weir_list_expired_total\{handler="one"\} 0$/m);
  });
});
