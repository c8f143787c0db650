import assert from "node:assert/strict";
import type { EntryFacts } from "../../src/attributes/entry-facts.ts";
import type { Connected } from "../../src/grpc/caller.ts";
import { otlpExport } from "../../src/report/otlp-export.ts";
import type { Arrival } from "../../src/report/service.ts";
import { ExportLogsServiceResponse } from "../../src/wire/opentelemetry/proto/collector/logs/v1/logs_service.ts";
import { attributesOf, exportOf } from "./otlp-records.ts";

const CALLER: Connected = { principal: "spiffe://a/b", listenerRole: undefined, mayAsk: () => true };
const MESSAGE = exportOf(
  { log_name: "weir-in" },
  { attributes: attributesOf({ accessLogType: "DownstreamEnd" }) },
  { attributes: {} },
);

describe("an export of records", () => {
  it("is answered when all its entries are dealt with, with how many were none", async () => {
    const arrivals: Arrival[] = [];
    const answer = otlpExport({ take: (arrival) => (arrivals.push(arrival), "taken") })(MESSAGE, 0, CALLER);
    let isAnswered = false;
    const answered = Promise.resolve(answer).then((found) => ((isAnswered = true), found));
    const arrival = arrivals[0] ?? assert.fail();
    assert.equal(arrival.bytes, MESSAGE.length);
    const parts = arrival.read();
    const came = parts.next();
    const entries: readonly EntryFacts[] = came.done === true ? [] : came.value.entries;
    assert.deepEqual(
      entries.map(({ proxy, origin }) => [proxy.principal, origin.logName]),
      [["spiffe://a/b", "weir-in"]],
    );
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(isAnswered, false);
    assert.equal(parts.next().done, true);
    const bytes = await answered;
    assert.ok(bytes instanceof Uint8Array);
    assert.equal(ExportLogsServiceResponse.decode(bytes).partialSuccess?.rejectedLogRecords, 1n);
  });

  it("fails as a whole where there is no room, so that it may come again", async () => {
    let shed = 0;
    const answer = await otlpExport({ take: (arrival) => ((shed = arrival.shed().entries), "shed") })(
      MESSAGE,
      0,
      CALLER,
    );
    assert.deepEqual(answer, { code: "unavailable", details: "too many entries wait to be looked at" });
    assert.equal(shed, 2);
  });
});
