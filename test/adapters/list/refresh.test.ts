import assert from "node:assert/strict";
import type { CheckAnswer, Handler } from "../../../src/adapter/adapter.ts";
import { list } from "../../../adapters/list/adapter.ts";
import { createOutbound, type Outbound } from "../../../src/host/fetch.ts";
import { createHost } from "../../../src/host/host.ts";
import { NO_METRICS } from "../../host/no-metrics.ts";
import { until } from "../../support/until.ts";
import { keptLog, serve, type Answer, type LocalServer } from "../../host/server.ts";

/** The list adapter with the real client and a real server. */
describe("a list behind a URL", () => {
  let answer: Answer;
  let server: LocalServer;
  let outbound: Outbound;
  let handler: Handler;
  let aheadMs = 0;

  const log = keptLog();
  beforeEach(async () => {
    server = await serve((request, response) => answer(request, response));
    outbound = createOutbound({ settings: { allowPrivate: ["127.0.0.1"] }, log });
  });
  afterEach(async () => {
    await handler.close();
    await Promise.all([outbound.close(), server.close()]);
  });

  const start = async (more: object = {}): Promise<void> => {
    const host = createHost({
      log,
      nowMs: () => Date.now() + aheadMs,
      fetch: outbound.fetch,
      metrics: NO_METRICS,
      secret: () => Promise.reject(new Error("none")),
    });
    const config = {
      type: "strings",
      url: `${server.url}/list?key=tok`,
      refresh: "1s",
      maxAge: "1h",
      ...more,
    };
    handler = list.create(config, host);
    await handler.start();
  };
  const is = (state: string, detail: RegExp): Promise<unknown> =>
    until(() => handler.status().state === state && detail.test(handler.status().detail), {
      what: `${state} ${detail.source}`,
    });
  const ask = (value: string): CheckAnswer["verdict"] => {
    const call = { deadlineAtMs: 0, signal: new AbortController().signal };
    const found = handler.check?.(new Map([["value", value]]), call);
    assert.ok(found !== undefined && "verdict" in found);
    return found.verdict;
  };

  it("is read, refreshed by its etag, and kept while the server is wrong and then gone", async () => {
    answer = (request, response) => {
      if (request.headers["if-none-match"] === '"1"') response.writeHead(304).end();
      else response.writeHead(200, { etag: '"1"' }).end("ann\n");
    };
    await start();
    await is("ready", /^1 entries/);
    await until(() => server.seen.requests.some((request) => request.headers["if-none-match"] === '"1"'), {
      what: "a refresh",
    });
    assert.equal(ask("ann"), "allow");
    answer = (_request, response) => response.writeHead(500).end();
    await is("stale", /answered with status 500$/);
    await server.close();
    await is("stale", /the connection was refused$/);
    assert.equal(ask("ann"), "allow");
    aheadMs = 3_700_000;
    assert.equal(ask("ann"), "error");
    aheadMs = 0;
    assert.ok(!log.lines.some((line) => line.includes("tok")), "no query in the log");
  }).timeout(30_000);

  it("starts while the server says nothing, and ends without waiting for it", async () => {
    answer = () => undefined;
    await start();
    assert.equal(ask("ann"), "error");
    assert.equal(handler.status().state, "starting");
    await handler.close();
  });

  it("is refused when it is too long", async () => {
    answer = (_request, response) => response.end("a\n".repeat(100));
    await start({ maxBytes: 100 });
    await is("failing", /longer than 100 bytes$/);
    assert.equal(ask("a"), "error");
  });

  it("is not fetched from an address that is not listed", async () => {
    answer = (_request, response) => response.end("ann");
    await outbound.close();
    outbound = createOutbound({ settings: { allowPrivate: [] }, log });
    await start();
    await is("failing", /allowPrivate does not list it$/);
    assert.equal(server.seen.connections, 0);
  });
});
