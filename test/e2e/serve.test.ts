import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import http2 from "node:http2";
import { connect } from "node:net";
import { join } from "node:path";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { CheckResponse } from "../../src/wire/envoy/service/auth/v3/external_auth.ts";
import { requestHttp1 } from "../support/http.ts";
import { until } from "../support/until.ts";
import {
  removeFolder,
  runWeir,
  serverFile,
  startWeir,
  statusOf,
  type Weir,
  writeFolder,
} from "../support/weir.ts";

const checkPath = "/envoy.service.auth.v3.Authorization/Check";
const policy = `weir: 1
policy: open
match:
  methods: [GET]
rules:
  - id: get
    allow: request.method == "GET"
`;

const addressOf = ({ checks }: Weir): string => {
  assert.ok("host" in checks);
  return `${checks.host}:${checks.port}`;
};

/** A check whose message is on its way: one byte of its frame is sent, the others when it is ended. */
async function openCheck(weir: Weir) {
  const session = http2.connect(`http://${addressOf(weir)}`);
  // Cut off at the end, which the tests see by other means.
  session.on("error", () => undefined);
  const headers = {
    ":method": "POST",
    ":path": checkPath,
    "content-type": "application/grpc",
    te: "trailers",
  };
  const stream = session.request(headers);
  stream.on("error", () => undefined);
  await new Promise((resolve) => stream.write(Buffer.alloc(1), resolve));
  // Answered only when weir has read what was sent before.
  await new Promise((resolve) => session.ping(resolve));
  const finish = async (): Promise<string | undefined> => {
    let status: string | undefined;
    stream.on("trailers", (trailers) => (status = String(trailers["grpc-status"])));
    stream.end(Buffer.alloc(4)).resume();
    await once(stream, "close");
    return status;
  };
  return { session, finish };
}

describe("weir serve", () => {
  const open = new AsyncDisposableStack();
  after(() => open.disposeAsync());

  const folderWith = async (files: Readonly<Record<string, string>>): Promise<string> =>
    open.adopt(await writeFolder(files), removeFolder);
  /** For the tests that leave it running. */
  let shared: Weir;
  before(async function () {
    this.timeout(20_000);
    shared = await start();
  });

  const start = async (): Promise<Weir> => {
    const folder = await folderWith({ "weir.yaml": serverFile(), "open.yaml": policy });
    return open.adopt(await startWeir(folder), (started) => started.process.stop());
  };

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`finishes what is under way on ${signal}, says so on /readyz, and ends with 0`, async () => {
      const weir = await start();
      const { session, finish } = await openCheck(weir);
      assert.equal(await statusOf(weir.metricsPort, "/readyz"), 200);
      const goaway = once(session, "goaway");
      weir.process.signal(signal);
      await goaway;
      const { status, body } = await requestHttp1({ port: weir.metricsPort }, { path: "/readyz" });
      assert.deepEqual([status, body.toString()], [503, "draining\n"]);
      assert.equal(await statusOf(weir.metricsPort, "/healthz"), 200);
      await assert.rejects(openCheck(weir).then(({ finish: end }) => end().then(assert.ok)));
      assert.equal(weir.process.ended(), undefined);
      assert.equal(await finish(), "0");
      session.close();
      assert.equal(await weir.process.whenEnded, "exit code 0");
      assert.deepEqual(
        weir.log().filter(({ level }) => Number(level) > 30),
        [],
      );
    });
  }

  it("ends at once on a second signal", async () => {
    const weir = await start();
    const { session } = await openCheck(weir);
    const goaway = once(session, "goaway");
    weir.process.signal("SIGTERM");
    await goaway;
    weir.process.signal("SIGTERM");
    assert.equal(await weir.process.whenEnded, "exit code 1");
    session.destroy();
  });

  it("answers bytes that are no CheckRequest with a refusal, and lives on", async () => {
    const weir = shared;
    const client = new Client(addressOf(weir), credentials.createInsecure());
    open.defer(() => client.close());
    const same = (bytes: Buffer): Buffer => bytes;
    const check = (bytes: Buffer): Promise<Buffer> =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(checkPath, same, same, bytes, new Metadata(), (error, answer) => {
          if (error === null && answer !== undefined) resolve(answer);
          else reject(error ?? new Error("no answer"));
        });
      });
    const messages = Array.from({ length: 200 }, (_, index) => randomBytes(index));
    for (const message of [Buffer.alloc(0), Buffer.from([0x0a, 0xff]), ...messages]) {
      const { status, deniedResponse, okResponse } = CheckResponse.decode(await check(message));
      const found = [status?.code, okResponse, deniedResponse?.status?.code];
      assert.deepEqual(found, [7, undefined, 400], `for ${message.toString("hex")}`);
    }
    assert.equal(weir.process.ended(), undefined);
    const samples = await weir.metrics();
    const internal = [...samples].filter(([name]) => name.startsWith("weir_internal_errors_total{"));
    assert.deepEqual(internal, []);
  });

  it("survives what is no HTTP/2", async () => {
    const weir = shared;
    for (const port of [Number(addressOf(weir).split(":")[1]), weir.metricsPort]) {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => undefined).resume();
      socket.write(randomBytes(4096));
      await once(socket, "close");
    }
    assert.equal(await statusOf(weir.metricsPort, "/readyz"), 200);
  });

  it("reads its folders again on SIGHUP", async () => {
    const weir = shared;
    const unchanged = 'weir_config_reloads_total{result="unchanged"}';
    assert.equal((await weir.metrics()).get(unchanged) ?? 0, 0);
    weir.process.signal("SIGHUP");
    await until(async () => (await weir.metrics()).get(unchanged) === 1, {
      what: "the reload to be counted",
    });
  });

  for (const { what, files, says } of [
    {
      what: "bad CEL",
      files: { "open.yaml": policy.replace("request.method ==", "request.methd ==") },
      says: [/open\.yaml:7:\d+ {2}unknown-attribute/, /did you mean/, /request\.methd/, /\^+/],
    },
    {
      what: "several faults at once",
      files: { "a.yaml": `${policy}  - id: get\n`, "b.yaml": "weir: 1\npolici: x\n" },
      says: [/a\.yaml:\d+:\d+/, /b\.yaml:\d+:\d+/],
    },
    { what: "no file at all", files: {}, says: [/no \.yaml file/] },
    {
      what: "a listener for everyone",
      files: { "weir.yaml": serverFile("0.0.0.0:0"), "open.yaml": policy },
      says: [/weir\.yaml:3:\d+ {2}insecure-listener/],
    },
  ]) {
    it(`does not start with ${what}: says where and why, ends with 1`, async () => {
      const folder = await folderWith(files);
      const ended = await runWeir(["serve", folder]);
      assert.ok(ended.kind === "failed", "weir started");
      assert.equal(ended.code, 1);
      for (const pattern of says) assert.match(ended.stderr, pattern);
      assert.match(ended.stderr, /weir did not start\.\n$/);
      assert.equal(ended.stdout, "");
    });
  }

  it("does not start without its folder", async () => {
    const folder = await folderWith({});
    const ended = await runWeir(["serve", join(folder, "nowhere")]);
    assert.ok(ended.kind === "failed" && ended.code === 1);
    assert.match(ended.stderr, /nowhere.*there is no such file or folder/);
  });

  for (const listener of ["grpc", "metrics"] as const) {
    it(`says in one line that the port for ${listener} is taken, and ends with 1`, async () => {
      const weir = shared;
      const taken = listener === "grpc" ? addressOf(weir) : `127.0.0.1:${weir.metricsPort}`;
      const file = serverFile().replace(
        new RegExp(`(${listener}: \\{ address: )"?127\\.0\\.0\\.1:0"?`),
        `$1${taken}`,
      );
      const ended = await runWeir(["serve", await folderWith({ "weir.yaml": file, "open.yaml": policy })]);
      assert.ok(ended.kind === "failed" && ended.code === 1);
      const lines = ended.stderr.split("\n").filter((line) => line !== "" && !line.startsWith("{"));
      assert.deepEqual(lines, [
        `weir cannot start: cannot listen on ${taken}: another process listens there`,
      ]);
    });
  }
});
