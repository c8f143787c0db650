import assert from "node:assert/strict";
import { fieldRecord } from "../records.ts";
import { AskedApigee, GET } from "./asked.ts";

describe("analytics of Apigee", () => {
  let on: AskedApigee;
  beforeEach(() => (on = new AskedApigee()));
  afterEach(() => on.open.disposeAsync());

  it("uploads a record of each entry, and the same file when it is refused at first", async () => {
    await on.start();
    const answer = await on.ask({ key: "key-1", ...GET });
    assert.ok(answer.verdict === "allow");
    const entry = fieldRecord(
      {
        access_log_type: "DownstreamEnd",
        method: "GET",
        path: "/orders/1",
        response_code: 200,
        duration: 12,
      },
      {
        timeMs: on.host.nowMs(),
        added: new Map([
          ["analytics", String(answer.outputs?.get("analytics"))],
          ["target_sent_start", "0.0025s"],
          ["team", "\u00e9".repeat(300)],
        ]),
      },
    );
    const call = { deadlineAtMs: on.host.nowMs() + 1_000, signal: AbortSignal.timeout(1_000) };
    assert.deepEqual(await on.handler.report?.([entry], call), { kind: "delivered" });
    const deliver = on.host.spooled.get("state/analytics") ?? assert.fail("there is no spool");
    on.remote.behaviour.upload = { status: 403, body: "" };
    const again = [entry];
    assert.equal((await deliver(call)).kind, "retry");
    delete on.remote.behaviour.upload;
    await on.handler.report?.(again, call);
    assert.deepEqual(await deliver(call), { kind: "delivered" });
    const [file] = on.remote.files.values();
    const { name = "", records: [record] = [] } = file ?? {};
    assert.match(name, /^date=\d{4}-\d\d-\d\d\/time=\d\d-\d\d-00\/\d+-[0-9a-f-]{36}\.gz$/);
    const at = on.host.nowMs();
    assert.deepEqual(
      [record?.["client_id"], record?.["api_product"], record?.["organization"], record?.["environment"]],
      ["key-1", "p", "acme", "test"],
    );
    assert.deepEqual(
      [record?.["target_sent_start_timestamp"], record?.["client_sent_end_timestamp"], record?.["dc.team"]],
      [at + 2, at + 12, "\u00e9".repeat(200)],
    );
  });
});
