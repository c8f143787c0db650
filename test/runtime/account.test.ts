import assert from "node:assert/strict";
import { accountOf } from "../../src/runtime/account.ts";
import { RunningHandler } from "../../src/runtime/handlers.ts";
import { openQueue } from "../../src/runtime/queues.ts";
import { ReportAccount } from "../../src/telemetry/report-account.ts";
import { recordOf } from "../report/fixture-service.ts";
import { configured, fakeAdapter, HANDLER_WORLD, NO_HOST } from "./fixture.ts";

describe("the account of access logs", () => {
  it("shows live handlers before anything came, and handlers that are gone", () => {
    const report = new ReportAccount();
    const { adapter } = fakeAdapter();
    const queue = { capacity: 5, batch: 2, waitMs: 60_000, deadlineMs: 1_000 };
    const one = configured(adapter, "a", { name: "lines", queue });
    const handler = {
      ...adapter.create({ about: "a" }, NO_HOST),
      report: () => ({ kind: "delivered" }) as const,
    };
    const opened = openQueue(one, handler, NO_HOST.log, { report, observeBatch: () => undefined });
    const live = new Map([["lines", new RunningHandler(one, { handler, queue: opened }, HANDLER_WORLD)]]);
    report.received.add(4, "als_http");
    report.invalid.add(1, "als_http", "malformed");
    const gone = report.of("gone");
    gone.wanted = 1;
    gone.dropped.add(1, "shutdown");
    const lines = report.of("lines");
    lines.wanted = 3;
    for (const id of ["1", "2", "3"]) opened?.add(recordOf(id));
    const account = accountOf(report, live);
    assert.deepEqual(account.received, { als_http: 4 });
    assert.deepEqual(account.invalid, { "als_http malformed": 1 });
    const numbers = { sampledOut: 0, additional: 0, imbalance: 0 };
    assert.deepEqual(account.handlers, [
      {
        ...{ ...numbers, handler: "lines", adapter: adapter.id, unwanted: 0, delivered: 2 },
        ...{ ...handler.status(), dropped: {}, queued: 1, capacity: 5 },
      },
      {
        ...{ ...numbers, handler: "gone", adapter: undefined, unwanted: 2, delivered: 0 },
        ...{ state: "gone", detail: "not in weir.yaml any more" },
        ...{ dropped: { shutdown: 1 }, queued: 0, capacity: 0 },
      },
    ]);
    lines.delivered--;
    assert.equal(accountOf(report, live).handlers[0]?.imbalance, 1);
    return opened?.close(0);
  });
});
