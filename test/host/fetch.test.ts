import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect as netConnect, createServer, type Socket } from "node:net";
import { createServer as createHttpServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FetchRequest } from "../../src/adapter/host.ts";
import { isUnsent } from "../../src/adapter/posting.ts";
import type { OutboundSettings } from "../../src/host/address-guard.ts";
import type { Resolve } from "../../src/host/connect.ts";
import { createOutbound, type FetchRecord, type Outbound } from "../../src/host/fetch.ts";
import { createAuthority } from "../support/certificates.ts";
import { until } from "../support/until.ts";
import { answers, keptLog, listen, serve, type LocalServer } from "./server.ts";

const LOOPBACK: OutboundSettings = { allowPrivate: ["127.0.0.0/8"] };

describe("fetch", () => {
  let server: LocalServer;
  let records: FetchRecord[];
  let open: Outbound[];

  const outbound = (settings: OutboundSettings, resolve?: Resolve): Outbound => {
    const made = createOutbound({
      settings,
      log: keptLog(),
      onFetch: (record) => records.push(record),
      ...(resolve && { resolve }),
    });
    open.push(made);
    return made;
  };
  const ask = (url: string, more: Partial<FetchRequest> = {}): FetchRequest => ({
    url,
    maxBytes: 1_000,
    timeoutMs: 2_000,
    ...more,
  });

  before(async () => (server = await serve(answers)));
  after(() => server.close());
  beforeEach(() => {
    records = [];
    open = [];
  });
  afterEach(() => Promise.all(open.map((one) => one.close())));

  it("answers with status, headers and body, and counts", async () => {
    const answer = await outbound(LOOPBACK).fetch(ask(`${server.url}/?x=1`, { headers: { "x-a": "b" } }));
    assert.equal(answer.status, 200);
    assert.equal(answer.body.toString(), "hello");
    assert.equal(answer.headers.get("x-two"), "a, b");
    const request = server.seen.requests.at(-1);
    assert.equal(request?.url, "/?x=1");
    assert.equal(request.headers["x-a"], "b");
    assert.equal(request.headers["accept-encoding"], "identity");
    const [record] = records;
    assert.ok(record !== undefined && record.seconds > 0);
    assert.deepEqual([record.host, record.outcome], ["127.0.0.1", "answered"]);
  });

  const outcomes: readonly [path: string, outcome: string, message: RegExp][] = [
    [
      "/silent?token=abc",
      "timeout",
      /^GET http:\/\/127\.0\.0\.1:\d+\/silent failed: no whole answer within 200 ms$/,
    ],
    ["/drip", "timeout", /no whole answer within 200 ms/],
    ["/large", "too-large", /longer than 1000 bytes/],
    ["/endless", "too-large", /longer than 1000 bytes/],
    ["/cut", "connect", /closed before the answer was whole/],
    ["/gzip", "failed", /compressed/],
    ["/nonsense", "failed", /failed: the answer (is not HTTP|could not be read)$/],
  ];
  for (const [path, outcome, message] of outcomes) {
    it(`rejects with a sentence for ${path}`, async () => {
      const call = outbound(LOOPBACK).fetch(ask(server.url + path, { timeoutMs: 200 }));
      await assert.rejects(call, (error: Error) => {
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /token|abc/);
        return true;
      });
      assert.equal(records[0]?.outcome, outcome);
    });
  }

  it("hands redirects and errors of the server on, and follows nothing", async () => {
    const { fetch } = outbound(LOOPBACK);
    assert.equal((await fetch(ask(`${server.url}/redirect`))).status, 302);
    assert.equal((await fetch(ask(`${server.url}/500`))).status, 500);
    assert.deepEqual(
      records.map((record) => record.outcome),
      ["answered", "answered-5xx"],
    );
  });

  it("ends when the caller's signal does, even before it began", async () => {
    const { fetch } = outbound(LOOPBACK);
    const controller = new AbortController();
    const call = fetch(ask(`${server.url}/silent`, { signal: controller.signal }));
    controller.abort();
    await assert.rejects(call, (error: Error) => /nobody waits/.test(error.message) && !isUnsent(error));
    await assert.rejects(fetch(ask(server.url, { signal: AbortSignal.abort() })), /nobody waits/);
    assert.deepEqual(
      records.map((record) => record.outcome),
      ["aborted", "aborted"],
    );
  });

  it("names a server that is gone and a name that is none", async () => {
    const gone = await serve(answers);
    await gone.close();
    await assert.rejects(outbound(LOOPBACK).fetch(ask(gone.url)), (error: Error) => {
      assert.match(error.message, /failed: the connection was refused$/);
      return isUnsent(error);
    });
    const noName = Object.assign(new Error("no"), { code: "ENOTFOUND" });
    const { fetch } = outbound(LOOPBACK, () => Promise.reject(noName));
    await assert.rejects(fetch(ask("http://gone.example.com/")), (error: Error) => {
      assert.match(error.message, /the name gone.example.com is not known/);
      return isUnsent(error);
    });
    assert.deepEqual(
      records.map((record) => record.outcome),
      ["connect", "dns"],
    );
  });

  it("counts time that is spent looking a name up", async () => {
    const looking = Promise.withResolvers<never>();
    const { fetch } = outbound(LOOPBACK, () => looking.promise);
    await assert.rejects(fetch(ask("http://slow.example.com/", { timeoutMs: 50 })), /within 50 ms/);
    looking.reject(new Error("the test is over"));
  });

  for (const target of [
    "127.0.0.1",
    "2130706433",
    "0177.0.0.1",
    "[::ffff:127.0.0.1]",
    "localhost",
    "inner.example.com",
  ]) {
    it(`does not connect to ${target} where nothing is listed`, async () => {
      const before = server.seen.connections;
      const resolve: Resolve = () => Promise.resolve([{ address: "127.0.0.1", family: 4 }]);
      const { fetch } = outbound({ allowPrivate: [] }, resolve);
      await assert.rejects(
        fetch(ask(`http://${target}:${server.port}/`)),
        /127\.0\.0\.1 is not a public address/,
      );
      assert.equal(server.seen.connections, before);
      assert.deepEqual([records[0]?.host, records[0]?.outcome], ["other", "refused"]);
    });
  }

  it("does not connect to 169.254.169.254", async () => {
    await assert.rejects(outbound(LOOPBACK).fetch(ask("http://169.254.169.254/")), /not a public address/);
  });

  it("connects to the address that it checked: a name is looked up once", async () => {
    let lookups = 0;
    const { fetch } = outbound(LOOPBACK, () =>
      Promise.resolve([{ address: lookups++ === 0 ? "127.0.0.1" : "169.254.169.254", family: 4 }]),
    );
    const url = `http://rebinding.example.com:${server.port}/`;
    assert.equal((await fetch(ask(url))).status, 200);
    assert.equal(lookups, 1);
  });

  it("leaves refused addresses of a name out and uses the others", async () => {
    const { fetch } = outbound(LOOPBACK, () =>
      Promise.resolve([
        { address: "169.254.169.254", family: 4 },
        { address: "127.0.0.1", family: 4 },
      ]),
    );
    assert.equal((await fetch(ask(`http://mixed.example.com:${server.port}/`))).status, 200);
  });

  it("opens a private address to the one name that is listed", async () => {
    const { fetch } = outbound({ allowPrivate: ["localhost"], allowHosts: ["localhost"] });
    assert.equal((await fetch(ask(`http://localhost:${server.port}/`))).status, 200);
    await assert.rejects(fetch(ask(server.url)), /allowHosts does not list 127\.0\.0\.1/);
  });

  it("refuses credentials in a URL without repeating them", async () => {
    const call = outbound(LOOPBACK).fetch(ask("http://user:s3cret@127.0.0.1/"));
    await assert.rejects(
      call,
      (error: Error) => !error.message.includes("s3cret") && /refused/.test(error.message),
    );
    await assert.rejects(
      outbound(LOOPBACK).fetch(ask("::s3cret")),
      (error: Error) => !error.message.includes("s3cret"),
    );
  });

  it("ends what is under way when it is closed, and makes nothing after", async () => {
    const client = outbound(LOOPBACK);
    const call = assert.rejects(client.fetch(ask(`${server.url}/silent`)), /failed/);
    await client.close();
    await call;
    await assert.rejects(client.fetch(ask(server.url)), /closed/);
    await client.close();
  });

  it("keeps names in metrics to a hundred", async () => {
    const resolve: Resolve = () => Promise.reject(new Error("none"));
    const { fetch } = outbound(LOOPBACK, resolve);
    const calls = Array.from({ length: 130 }, (_, index) => fetch(ask(`http://n${index}.example.com/`)));
    await Promise.allSettled(calls);
    assert.equal(new Set(records.map((record) => record.host)).size, 101);
  });

  describe("over TLS", () => {
    let folder: string;
    before(async () => (folder = await mkdtemp(join(tmpdir(), "weir-outbound-"))));
    after(() => rm(folder, { recursive: true }));

    it("trusts the authorities of caFile, and what it becomes", async function () {
      this.timeout(15_000);
      const [first, second] = await Promise.all([createAuthority("one"), createAuthority("two")]);
      const issued = await first.issue({ ips: ["127.0.0.1"] });
      const secure = await serve(answers, issued);
      const caFile = join(folder, "ca.pem");
      await writeFile(caFile, second.ca);
      const client = outbound({ ...LOOPBACK, caFile });
      await assert.rejects(client.fetch(ask(secure.url)), /not started/);
      await client.start();
      await assert.rejects(client.fetch(ask(secure.url)), /failed: TLS with 127\.0\.0\.1:\d+ failed/);
      assert.equal(records.at(-1)?.outcome, "tls");
      await writeFile(caFile, first.ca);
      const trusts = (): Promise<boolean> =>
        client.fetch(ask(secure.url)).then(
          (answer) => answer.status === 200,
          () => false,
        );
      await until(trusts, { timeoutMs: 5_000, what: "the new authority" });
      await secure.close();
    });

    it("does not start without its authorities", async () => {
      const caFile = join(folder, "none.pem");
      await assert.rejects(outbound({ ...LOOPBACK, caFile }).start(), /none\.pem cannot be read/);
      await writeFile(caFile, "nothing here");
      await assert.rejects(outbound({ ...LOOPBACK, caFile }).start(), /holds no certificate/);
    });
  });

  describe("through a proxy", () => {
    it("sends everything there, and still refuses addresses and unlisted names", async () => {
      const asked: string[] = [];
      const proxy = createHttpServer((request, response) => {
        asked.push(request.url ?? "");
        response.end("from the proxy");
      });
      proxy.on("connect", (request, socket) => {
        asked.push(`CONNECT ${request.url ?? ""}`);
        socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      });
      const port = await listen(proxy);
      const settings = {
        allowPrivate: [],
        proxy: `http://127.0.0.1:${port}`,
        allowHosts: ["*.example.com", "127.0.0.1", "localhost"],
      };
      const { fetch } = outbound(settings);
      assert.equal((await fetch(ask("http://inner.example.com/x"))).body.toString(), "from the proxy");
      await assert.rejects(
        fetch(ask("https://inner.example.com/y")),
        /GET https:\/\/inner\.example\.com\/y failed/,
      );
      for (const url of ["http://127.0.0.1/", "http://localhost/", "http://other.org/"]) {
        await assert.rejects(fetch(ask(url)), /was refused/);
      }
      assert.deepEqual(asked, ["http://inner.example.com/x", "CONNECT inner.example.com:443"]);
      proxy.closeAllConnections();
      await new Promise((resolve) => proxy.close(resolve));
    });
  });

  it("gives up on a server that accepts and says nothing in TLS", async () => {
    const accepted: Socket[] = [];
    const mute = createServer((socket) => void accepted.push(socket));
    const port = await listen(mute);
    const probe = netConnect(port, "127.0.0.1");
    await assert.rejects(
      outbound(LOOPBACK).fetch(ask(`https://127.0.0.1:${port}/`, { timeoutMs: 100 })),
      /within 100 ms/,
    );
    probe.destroy();
    for (const socket of accepted) socket.destroy();
    await Promise.all(open.map((one) => one.close()));
    mute.close();
  });
});
