import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { request, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Handler } from "../../src/adapter/adapter.ts";
import type { ScrapeRequest } from "../../src/adapter/report.ts";
import type { HttpListener } from "../../src/http/listener.ts";
import { startMetricsListener } from "../../src/http/metrics.ts";
import type { ListenAddress } from "../../src/std/listen-address.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { until } from "../support/until.ts";
import { parseExposition } from "../telemetry/exposition.ts";

interface Answer {
  readonly status: number | undefined;
  readonly type: string | undefined;
  readonly body: string;
}

const SCRAPER = { accept: "text/plain", "accept-encoding": "gzip" };

async function* slicesOf(...texts: readonly string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield await Promise.resolve(Buffer.from(text));
}

function get(address: ListenAddress, path: string, method = "GET"): Promise<Answer> {
  const where =
    address.kind === "unix" ? { socketPath: address.path } : { host: address.host, port: address.port };
  return new Promise((resolve, reject) => {
    const sent = request({ ...where, path, method, headers: SCRAPER, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => (body += part));
      response.on("end", () =>
        resolve({ status: response.statusCode, type: response.headers["content-type"], body }),
      );
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end();
  });
}

describe("the metrics listener", () => {
  const loopback: ListenAddress = { kind: "tcp", host: "127.0.0.1", port: 0 };
  const open: HttpListener[] = [];
  let reason: string | undefined;
  const errors: unknown[] = [];
  let exposed = new Map<string, NonNullable<Handler["expose"]>>();

  async function start(address: ListenAddress = loopback): Promise<ListenAddress> {
    const metrics = createMetrics();
    metrics.countCheck("a", "one", "allow");
    const listener = await startMetricsListener({
      address,
      metrics,
      exposed: () => exposed,
      notReady: () => reason,
      onError: (error) => errors.push(error),
    });
    open.push(listener);
    return listener.address;
  }

  afterEach(async () => {
    reason = undefined;
    exposed = new Map();
    errors.length = 0;
    await Promise.all(open.splice(0).map((one) => one.close()));
  });

  it("serves metrics that Prometheus can read", async () => {
    const { status, type, body } = await get(await start(), "/metrics");
    assert.equal(status, 200);
    assert.match(type ?? "", /^text\/plain; version=0\.0\.4/);
    assert.equal(parseExposition(body).get('weir_checks_total{policy="a",rule="one",verdict="allow"}'), 1);
  });

  it("says that the process runs", async () => {
    reason = "draining";
    const { status, body } = await get(await start(), "/healthz");
    assert.deepEqual([status, body], [200, "ok\n"]);
  });

  it("says whether checks are answered, and why not", async () => {
    const address = await start();
    const ready = await get(address, "/readyz");
    assert.deepEqual([ready.status, ready.body], [200, "ready\n"]);
    reason = "draining";
    const draining = await get(address, "/readyz");
    assert.deepEqual([draining.status, draining.body], [503, "draining\n"]);
  });

  it("shows what handlers keep, as the scraper asks for it", async () => {
    const asked: ScrapeRequest[] = [];
    exposed.set("mesh", (request) => {
      asked.push(request);
      const contentType = "application/openmetrics-text; version=1.0.0";
      return { contentType, contentEncoding: "", slices: slicesOf("a 1\n", "b 2\n") };
    });
    const address = await start();
    const { status, type, body } = await get(address, "/metrics/mesh");
    assert.deepEqual(
      [status, type, body],
      [200, "application/openmetrics-text; version=1.0.0", "a 1\nb 2\n"],
    );
    assert.deepEqual(asked, [{ accept: "text/plain", acceptEncoding: "gzip" }]);
    const other = await get(address, "/metrics/other");
    assert.deepEqual(
      [other.status, other.body],
      [404, "no handler of this name keeps metrics; there is /metrics/mesh\n"],
    );
  });

  it("makes the next slice of a page when the one before is taken, and ends with the scraper", async () => {
    let made = 0;
    const ended = Promise.withResolvers<undefined>();
    async function* endless(): AsyncGenerator<Buffer> {
      try {
        for (;;) {
          made++;
          yield await Promise.resolve(Buffer.alloc(64 * 1024, "x"));
        }
      } finally {
        ended.resolve(undefined);
      }
    }
    exposed.set("mesh", () => ({ contentType: "text/plain", contentEncoding: "", slices: endless() }));
    const address = await start();
    assert.ok(address.kind === "tcp");
    const sent = request({ host: address.host, port: address.port, path: "/metrics/mesh", agent: false });
    const answer = await new Promise<IncomingMessage>((resolve) => sent.on("response", resolve).end());
    answer.pause();
    let before = -1;
    await until(() => made === before || ((before = made), false), { what: "a scraper that holds it up" });
    assert.ok(made < 1_000, `${made} slices for a scraper that takes none`);
    answer.destroy();
    await ended.promise;
  });

  it("tells that a page could not be made whole, which the scraper finds cut", async () => {
    const broken = new Error("a bug");
    async function* failing(): AsyncGenerator<Buffer> {
      yield await Promise.resolve(Buffer.from("a 1\n"));
      throw broken;
    }
    exposed.set("mesh", () => ({ contentType: "text/plain", contentEncoding: "", slices: failing() }));
    await assert.rejects(get(await start(), "/metrics/mesh"));
    assert.deepEqual(errors, [broken]);
  });

  it("has nothing else", async () => {
    const address = await start();
    assert.equal((await get(address, "/")).status, 404);
    assert.equal((await get(address, "/metrics", "POST")).status, 404);
  });

  it("tells the port that it was given", async () => {
    const address = await start();
    assert.ok(address.kind === "tcp" && address.port > 0);
  });

  it("refuses an address that is taken, and says which", async () => {
    const address = await start();
    assert.ok(address.kind === "tcp");
    await assert.rejects(start(address), new RegExp(`cannot listen on 127\\.0\\.0\\.1:${address.port}: `));
  });

  it("listens on a socket file, and removes it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "weir-"));
    try {
      const address: ListenAddress = { kind: "unix", path: join(folder, "metrics.sock") };
      assert.deepEqual(await start(address), address);
      assert.equal((await get(address, "/healthz")).status, 200);
      await open.pop()?.close();
      await assert.rejects(get(address, "/healthz"), { code: "ENOENT" });
      await start(address);
    } finally {
      await Promise.all(open.splice(0).map((one) => one.close()));
      await rm(folder, { recursive: true });
    }
  });
});
