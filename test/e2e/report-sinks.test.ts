import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, readdir, readFile, rename } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { Client, credentials, status } from "@grpc/grpc-js";
import { call } from "../grpc/client.ts";
import { attributesOf, exportOf } from "../report/otlp-records.ts";
import { requests, startReporting, sumOf, type Balance, type Reporting } from "../support/reporting.ts";
import { until } from "../support/until.ts";
import { removeFolder, writeFolder } from "../support/weir.ts";

/** A back-end over HTTP, which may also be slow, refuse, or not be there. */
class Sink {
  readonly path: string;
  #mode: "takes" | "is slow" | "refuses" = "takes";
  #server: http.Server | undefined;
  #port = 0;
  /** Bodies that it took. */
  readonly taken: Buffer[] = [];
  /** Requests that it did not take. */
  failures = 0;

  constructor(path: string) {
    this.path = path;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}${this.path}`;
  }

  async start(): Promise<void> {
    this.#mode = "takes";
    this.#server = http.createServer((request, response) => void this.#answer(request, response));
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  become(mode: "is slow" | "refuses"): void {
    this.#mode = mode;
  }

  async leave(): Promise<void> {
    const closed = this.#server && once(this.#server, "close");
    this.#server?.close();
    this.#server?.closeAllConnections();
    await closed;
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const mode = this.#mode;
    if (mode !== "takes") this.failures++;
    // Who is slow has no answer within the time that weir gives it.
    if (mode === "is slow") return;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (mode === "refuses") {
      response.writeHead(503).end();
      return;
    }
    const body = Buffer.concat(chunks);
    this.taken.push(request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body);
    response.writeHead(200).end();
  }
}

/** Lines of a file and of those that were put aside or moved with its folder. */
async function linesBelow(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((one) => one.isFile());
  const texts = await Promise.all(files.map((one) => readFile(join(one.parentPath, one.name), "utf8")));
  return texts.flatMap((text) => text.split("\n")).filter((line) => line !== "");
}

const rule = (id: string, preset: string): string => `  - id: ${id}\n    to: ${id}\n    preset: ${preset}\n`;
const RULES = [
  ...[rule("prometheus", "istio"), rule("zipkin", "trace"), rule("otlp", "access-log")],
  rule("file", "access-log"),
].join("");
const QUICK = "deadline: 500ms, queue: { wait: 50ms }";

describe("access logs whose back-ends have faults", () => {
  const open = new AsyncDisposableStack();
  const [zipkin, otlp] = [new Sink("/api/v2/spans"), new Sink("/v1/logs")];
  let lines: string;
  let reporting: Reporting;

  before(async () => {
    for (const sink of [zipkin, otlp]) {
      await sink.start();
      open.defer(() => sink.leave());
    }
    lines = open.adopt(await writeFolder({}), removeFolder);
    await mkdir(join(lines, "here"));
    const handlers = `  prometheus: { adapter: prometheus }
  zipkin: { adapter: zipkin, ${QUICK}, config: { url: "${zipkin.url}" } }
  otlp: { adapter: otlp, ${QUICK}, config: { logs: "${otlp.url}" } }
  file: { adapter: file, ${QUICK}, config: { file: "${join(lines, "here", "access.jsonl")}" } }
`;
    reporting = await startReporting({ handlers, telemetry: RULES }, open);
  });
  after(() => open.disposeAsync());

  const EACH = 100;

  it("delivers all of them in the end, holds up no stream, and no back-end holds up another", async function () {
    this.timeout(60_000);
    const streams = [reporting.stream(), reporting.stream()];
    let sent = 0;
    const send = async (): Promise<void> => {
      for (const stream of streams) await stream.send(requests(EACH / streams.length, sent));
      sent += EACH;
      // What has no fault has everything at once.
      await until(async () => (await handler("prometheus")).delivered === sent, { what: `${sent} entries` });
      assert.ok(
        streams.every((stream) => stream.isOpen()),
        "every stream goes on",
      );
    };
    const handler = async (name: string): Promise<Balance & { readonly state: string }> => {
      const found = (await reporting.account()).handlers.find((one) => one.handler === name);
      return found ?? assert.fail(name);
    };
    const failing = (...names: readonly string[]): Promise<unknown> =>
      until(
        async () => {
          const found = await Promise.all(names.map(handler));
          for (const { imbalance } of found) assert.equal(imbalance, 0);
          return found.every(({ state, queued }) => state === "failing" && queued > 0);
        },
        { what: `${names.join()} to be told as failing` },
      );

    await send();
    await reporting.settled(sent);

    for (const sink of [zipkin, otlp]) sink.become("is slow");
    await rename(join(lines, "here"), join(lines, "moved"));
    await send();
    await failing("zipkin", "otlp", "file");

    const before = [zipkin.failures, otlp.failures];
    for (const sink of [zipkin, otlp]) sink.become("refuses");
    await send();
    await until(() => zipkin.failures > (before[0] ?? 0) && otlp.failures > (before[1] ?? 0), {
      what: "both to refuse",
    });

    for (const sink of [zipkin, otlp]) await sink.leave();
    await send();
    await failing("zipkin", "otlp", "file");

    for (const sink of [zipkin, otlp]) await sink.start();
    await mkdir(join(lines, "here"));
    await send();
    const account = await reporting.settled(sent, 40_000);
    assert.deepEqual(
      account.handlers.map((one) => [one.handler, one.delivered, sumOf(one.dropped)]).toSorted(),
      [
        ["file", sent, 0],
        ["otlp", sent, 0],
        ["prometheus", sent, 0],
        ["zipkin", sent, 0],
      ],
    );
    assert.equal((await linesBelow(lines)).length, sent);
    const spans = zipkin.taken.flatMap((body) => JSON.parse(body.toString()) as { readonly name: string }[]);
    assert.equal(spans.length, sent);
    for (const stream of streams) assert.equal(await stream.finish(), status.OK);
  });
});

describe("weir that is told to end while access logs come", () => {
  const open = new AsyncDisposableStack();
  after(() => open.disposeAsync());

  it("ends with 0, has delivered whatever it acknowledged, and says what became of all", async function () {
    this.timeout(30_000);
    const lines = open.adopt(await writeFolder({}), removeFolder);
    const handlers = `  file: { adapter: file, config: { file: "${join(lines, "access.jsonl")}" } }\n`;
    const reporting = await startReporting({ handlers, telemetry: rule("file", "access-log") }, open);
    const acknowledged = await load(reporting, open, () => reporting.weir.process.signal("SIGTERM"));

    assert.equal(await reporting.weir.process.whenEnded, "exit code 0");
    const told = reporting.weir.log().find(({ msg }) => msg === "what became of access logs");
    const { received, handlers: balances } = told?.["account"] as {
      readonly received: Readonly<Record<string, number>>;
      readonly handlers: Readonly<Record<string, Balance>>;
    };
    const balance = balances["file"] ?? assert.fail("the account has the handler");
    assert.equal(balance.imbalance, 0);
    assert.equal(balance.queued, 0);
    assert.deepEqual(balance.dropped, {});
    assert.equal(balance.delivered, sumOf(received));
    const written = await linesBelow(lines);
    assert.equal(written.length, balance.delivered);
    // Of what is acknowledged, every record is there.
    const found = new Set(written.map((line) => (JSON.parse(line) as { stream_id: string }).stream_id));
    assert.deepEqual(
      acknowledged.filter((id) => !found.has(id)),
      [],
    );
    assert.ok(acknowledged.length > 0 && found.size > acknowledged.length, "both ways were used");
  });
});

/**
 * Streams entries, and exports others, until weir takes no more; `then` is called when both are under way. Yields the ids of exported
 * records that were acknowledged. Streams have to end with OK.
 */
async function load(
  reporting: Reporting,
  open: AsyncDisposableStack,
  then: () => void,
): Promise<readonly string[]> {
  const client = new Client(`127.0.0.1:${reporting.port}`, credentials.createInsecure());
  open.defer(() => client.close());
  const acknowledged: string[] = [];
  const exporting = async (): Promise<void> => {
    for (let batch = 0; ; batch++) {
      const ids = Array.from({ length: 20 }, (_, index) => `export-${batch}-${index}`);
      const records = ids.map((streamId) => ({
        attributes: attributesOf({ accessLogType: "DownstreamEnd", streamId, method: "GET", path: "/" }),
      }));
      const message = exportOf({ node_id: "one", log_name: "mesh" }, ...records);
      const path = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
      const outcome = await call(client, path, message, { deadline: Date.now() + 5_000 });
      if ("code" in outcome) return;
      acknowledged.push(...ids);
    }
  };
  const streaming = async (): Promise<void> => {
    const logs = reporting.stream();
    for (let first = 0; logs.isOpen(); first += 20) await logs.send(requests(20, first));
    assert.equal(await logs.ended, status.OK);
  };
  const under = Promise.all([exporting(), streaming(), streaming()]);
  await until(
    async () => {
      const { received } = await reporting.account();
      return (received["otlp"] ?? 0) > 500 && (received["als_http"] ?? 0) > 500;
    },
    { what: "both ways to be under way" },
  );
  then();
  await under;
  return acknowledged;
}
