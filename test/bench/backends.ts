import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { opa } from "../../adapters/opa/adapter.ts";
import type { Handler } from "../../src/adapter/adapter.ts";
import { createOutbound } from "../../src/host/fetch.ts";
import { createHost } from "../../src/host/host.ts";
import { OneCall } from "../../src/host/one-call.ts";
import { listen } from "../host/server.ts";
import { apigeeRows } from "./apigee.ts";
import { AT_A_TIME, BATCHES, heapBytes, inParallel, repeated, timed } from "./batches.ts";
import { median, provenance, table, writeSection } from "./report.ts";

/** What a check costs that asks a back-end: known, not known, in memory, and in calls. Needs `--expose-gc`. */

const KNOWN = 100_000;
const HITS_A_BATCH = 20_000;
const MISSES_A_BATCH = 400;
const REQUESTS = 100_000;
const CALLERS = 1_000;

await main();

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { write: { type: "boolean", default: false } } });
  const rows = await measured();
  const text = `${provenance("npm run bench:backends -- --write")} Times are medians of ${BATCHES} batches.\n\n${table(["a check that asks a back-end", ""], rows)}`;
  console.log(text);
  const ofApigee = `${provenance("npm run bench:backends -- --write")} Times are medians.\n\n${table(["the adapter apigee", ""], await apigeeRows())}`;
  console.log(ofApigee);
  if (!values.write) return;
  await writeSection("backends", text);
  await writeSection("apigee", ofApigee);
}

async function measured(): Promise<readonly (readonly [string, string])[]> {
  await using open = new AsyncDisposableStack();
  let calls = 0;
  const server = createServer((request, response) => {
    calls++;
    request.resume();
    request.on("end", () => response.end('{"result":{"allow":true,"plan":"gold"}}'));
  });
  const port = await listen(server);
  open.defer(() => void server.close());
  const log = { info: () => undefined, warn: () => undefined };
  const settings = { allowPrivate: ["127.0.0.1"] };
  const { fetch } = open.adopt(createOutbound({ settings, log }), (outbound) => outbound.close());
  const host = createHost({
    log,
    fetch,
    nowMs: Date.now,
    secret: () => Promise.reject(new Error("there is none")),
    metrics: { counter: () => () => undefined, gauge: () => undefined },
  });
  const cache = { allowed: "1h", maxAge: "1h", entries: 2 * KNOWN, asksPerSecond: 1_000_000 };
  const create = (): Handler =>
    open.adopt(
      opa.create(
        { url: `http://127.0.0.1:${port}`, path: "mesh/orders", outputs: { plan: "string" }, cache },
        host,
      ),
      (handler) => handler.close(),
    );

  const handler = create();
  const before = await heapBytes();
  await inParallel(KNOWN, (index) => ask(handler, index));
  const bytes = (await heapBytes()) - before;
  const hits = repeated(() => timed(HITS_A_BATCH, (index) => ask(handler, (index * 7_919) % KNOWN)));
  const hit = median(await hits);
  let next = KNOWN;
  const misses = repeated(() => timed(MISSES_A_BATCH, () => ask(handler, next++)));
  const miss = median(await misses);

  const fresh = create();
  calls = 0;
  await inParallel(REQUESTS, (index) => ask(fresh, (index * 31) % CALLERS));
  return [
    [`known, one of ${KNOWN.toLocaleString("en")}: µs`, hit.toFixed(1)],
    ["not known, one after the other, over loopback: µs", miss.toFixed(0)],
    [`memory for each ${KNOWN.toLocaleString("en")} answers: MiB`, (bytes / 1_048_576).toFixed(1)],
    [
      `calls of ${REQUESTS.toLocaleString("en")} requests by ${CALLERS.toLocaleString("en")} callers, ${AT_A_TIME} at a time`,
      calls.toLocaleString("en"),
    ],
    ["calls to the back-end a request", (calls / REQUESTS).toFixed(3)],
  ];
}

/** One check; there is a promise only where the answer is not known. */
function ask(handler: Handler, caller: number): unknown {
  const input = new Map([["input", `{"user":"user-${caller}","method":"GET","path":["orders"]}`]]);
  return handler.check?.(input, new OneCall(Date.now() + 10_000));
}
