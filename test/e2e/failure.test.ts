import assert from "node:assert/strict";
import { join } from "node:path";
import type { ExtAuthz } from "../support/bootstrap.ts";
import type { Envoy } from "../support/envoy.ts";
import { type Answer, requestHttp1 } from "../support/http.ts";
import { startAskingEnvoy } from "../support/mesh.ts";
import { need } from "../support/need.ts";
import { until } from "../support/until.ts";
import { startUpstream, type Upstream } from "../support/upstream.ts";
import { freePort, removeFolder, serverFile, startWeir, type Weir, writeFolder } from "../support/weir.ts";

const policy = `
weir: 1
policy: open
match:
  paths: ["/open"]
rules:
  - id: get
    allow: request.method == "GET"
    request:
      set:
        x-by: weir
`;

/** What each Envoy answers to what the policy allows and refuses, and while weir is away. */
const modes: readonly { mode: string; filter: Omit<ExtAuthz, "server">; away: number }[] = [
  { mode: "deny", filter: { failureMode: "deny" }, away: 403 },
  { mode: "deny with 503", filter: { failureMode: "deny", statusOnError: 503 }, away: 503 },
  { mode: "allow", filter: { failureMode: "allow" }, away: 200 },
];

for (const transport of ["TCP", "a unix socket"] as const) {
  describe(`a weir on ${transport} that is killed and comes back`, () => {
    const open = new AsyncDisposableStack();
    const envoys = new Map<string, Envoy>();
    let folder: string;
    let upstream: Upstream;
    let weir: Weir;

    before(async function () {
      const program = await need(this, "envoy");
      upstream = open.adopt(await startUpstream(), (started) => started.stop());
      const sockets = open.adopt(await writeFolder({}), removeFolder);
      const checks =
        transport === "TCP" ? `127.0.0.1:${await freePort()}` : `unix:${join(sockets, "weir.sock")}`;
      const files = { "weir.yaml": serverFile(checks), "open.yaml": policy };
      folder = open.adopt(await writeFolder(files), removeFolder);
      weir = await startWeir(folder);
      open.defer(() => weir.process.stop());
      for (const { mode, filter } of modes)
        envoys.set(mode, await startAskingEnvoy({ program, weir, upstream, filter }, open));
    });
    after(() => open.disposeAsync());

    const send = (mode: string, path: string): Promise<Answer> =>
      requestHttp1({ port: envoys.get(mode)?.port("web") ?? 0 }, { path, headers: [["x-by", "client"]] });

    const decides = async (mode: string): Promise<void> => {
      const before = upstream.received.length;
      assert.equal((await send(mode, "/open")).status, 200);
      assert.equal(upstream.received[before]?.headers["x-by"], "weir");
      assert.equal((await send(mode, "/")).status, 403);
      assert.equal(upstream.received.length, before + 1);
    };

    for (const { mode } of modes)
      it(`decides, whatever failure mode Envoy has: ${mode}`, () => decides(mode));

    describe("while it is away", () => {
      before(async () => {
        weir.process.signal("SIGKILL");
        assert.equal(await weir.process.whenEnded, "SIGKILL");
      });

      for (const { mode, away } of modes) {
        it(`leaves it to Envoy's failure mode: ${mode} answers ${away}`, async () => {
          const before = upstream.received.length;
          for (const path of ["/open", "/"]) assert.equal((await send(mode, path)).status, away);
          const seen = upstream.received.slice(before).map(({ headers }) => headers["x-by"]);
          // Envoy does not know which headers are owned: with `allow` the client's own pass.
          assert.deepEqual(seen, away === 200 ? ["client", "client"] : []);
        });
      }
    });

    describe("when it is back", () => {
      before(async function () {
        this.timeout(20_000);
        weir = await startWeir(folder);
      });

      for (const { mode } of modes) {
        it(`decides again: ${mode}`, async () => {
          // Envoy may still be waiting to connect anew.
          await until(
            async () => (await send(mode, "/open")).status === 200 && (await send(mode, "/")).status === 403,
            {
              what: "Envoy to connect to weir again",
            },
          );
          await decides(mode);
        });
      }
    });
  });
}
