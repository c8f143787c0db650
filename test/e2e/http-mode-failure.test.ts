import assert from "node:assert/strict";
import { askingBootstrap, overHttp } from "../security/bootstrap.ts";
import { startEnvoy, type Envoy } from "../support/envoy.ts";
import { requestHttp1, requestHttp2 } from "../support/http.ts";
import { need } from "../support/need.ts";
import { until } from "../support/until.ts";
import { startUpstream } from "../support/upstream.ts";
import { freePort, removeFolder, startWeir, type Weir, writeFolder } from "../support/weir.ts";

const policy = `
weir: 1
policy: open
match:
  paths: ["/open", "/asks"]
rules:
  - id: listed
    when: request.url_path == "/asks"
    ask: gone
    with:
      value: anything
  - id: gets
    allow: request.method == "GET"
  - id: busy
    deny: '"x-busy" in request.headers'
    status: 503
`;

const handlers = `handlers:
  gone: { adapter: list, config: { url: "http://127.0.0.1:1/list" } }
outbound: { allowPrivate: [127.0.0.1/32] }
`;

/** More than weir reads. */
const BODIES = { with_request_body: { max_request_bytes: 32 * 1024 * 1024 } };

/** What each Envoy answers where weir cannot be asked, or says that it could not decide. */
const modes = [
  { mode: "deny", filter: overHttp({}, { failure_mode_allow: false }), undecided: 403 },
  {
    mode: "deny with 503",
    filter: overHttp({}, { failure_mode_allow: false, status_on_error: { code: 503 } }),
    undecided: 503,
  },
  { mode: "allow", filter: overHttp({}, { failure_mode_allow: true, ...BODIES }), undecided: 200 },
] as const;

describe("Envoy's HTTP service, where weir is killed and comes back", () => {
  const open = new AsyncDisposableStack();
  let envoy: Envoy;
  let folder: string;
  let weir: Weir;

  before(async function () {
    const program = await need(this, "envoy");
    const upstream = open.adopt(await startUpstream(), (started) => started.stop());
    const http = { host: "127.0.0.1", port: await freePort() };
    const server = `weir: 1
listen:
  grpc: { address: "127.0.0.1:0" }
  http: { address: "127.0.0.1:${http.port}" }
  metrics: { address: "127.0.0.1:0" }
${handlers}`;
    folder = open.adopt(await writeFolder({ "weir.yaml": server, "open.yaml": policy }), removeFolder);
    weir = await startWeir(folder);
    open.defer(() => weir.process.stop());
    const listeners = modes.map(({ mode, filter }) => ({ name: mode, filter }));
    const config = askingBootstrap({ listeners, grpc: weir.checks, http, upstream });
    envoy = open.adopt(await startEnvoy({ program, config }), (started) => started.stop());
  });
  after(() => open.disposeAsync());

  const statusOf = async (mode: string, path: string, headers: readonly (readonly [string, string])[] = []) =>
    (await requestHttp1({ port: envoy.port(mode) }, { path, headers })).status;

  const decides = (): void => {
    for (const { mode, undecided } of modes) {
      it(`decides in mode ${mode}: no refusal passes, whatever its status`, async () => {
        assert.equal(await statusOf(mode, "/open"), 200);
        assert.equal(await statusOf(mode, "/closed"), 403);
        assert.equal(await statusOf(mode, "/open", [["x-busy", "1"]]), 403);
        assert.equal(await statusOf(mode, "//open"), 400);
      });

      it(`leaves it to mode ${mode} where a back-end of weir's failed and nothing else refuses`, async () => {
        assert.equal(await statusOf(mode, "/asks"), undecided);
        assert.equal(await statusOf(mode, "/asks", [["x-busy", "1"]]), 403);
      });
    }
  };

  describe("before", decides);

  for (const [what, method, bytes, status] of [
    ["a body that is too large", "POST", 16, 413],
    ["a method that no parser takes, with a body", "GeT", 16, 400],
  ] as const) {
    it(`refuses ${what}: its sender does not choose an error`, async function () {
      this.timeout(30_000);
      const asked = { method, path: "/open", body: Buffer.alloc(bytes * 1024 * 1024, "x") };
      const send = () => requestHttp2({ port: envoy.port("allow") }, asked);
      const answers = await Promise.all(Array.from({ length: 4 }, send));
      assert.deepEqual(
        answers.map((answer) => answer.status),
        answers.map(() => status),
      );
    });
  }

  describe("while it is away", () => {
    before(async () => {
      weir.process.signal("SIGKILL");
      await weir.process.whenEnded;
    });

    for (const { mode, undecided } of modes) {
      it(`mode ${mode} decides`, async () => {
        assert.equal(await statusOf(mode, "/open"), undecided);
        assert.equal(await statusOf(mode, "/closed"), undecided);
      });
    }
  });

  describe("after", () => {
    before(async function () {
      this.timeout(30_000);
      weir = await startWeir(folder);
      await until(async () => (await statusOf("deny", "/open")) === 200, { what: "Envoy to ask again" });
    });
    decides();
  });
});
