import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { requestHttp1 } from "../support/http.ts";
import { until } from "../support/until.ts";
import { removeFolder, startWeir, type Weir, writeFolder } from "../support/weir.ts";

/** An adapter that answers all alike. */
const answering = (verdict: "allow" | "deny"): string => `export default ({ mapping }) => ({
  id: "same", summary: "Answers all alike", config: mapping({}), outputs: {},
  inputs: { check: { value: { type: "string", presence: "required", class: "open", meaning: "A value" } } },
  create: () => ({
    start: async () => {},
    check: () => ({ verdict: "${verdict}" }),
    status: () => ({ state: "ready", detail: "fine" }),
    close: async () => {},
  }),
});
`;

const FILES = {
  "weir.yaml": `weir: 1
listen:
  grpc: { address: 127.0.0.1:0 }
  http: { address: 127.0.0.1:0 }
  admin: { address: 127.0.0.1:0 }
  metrics: { address: 127.0.0.1:0 }
handlers:
  same: { adapter: ./adapters/same.mjs }
`,
  "adapters/same.mjs": answering("allow"),
  "shop.yaml": `weir: 1
policy: shop
match: { hosts: [shop.example.com] }
rules:
  - id: asked
    ask: same
    with: { value: any }
  - id: all
    allow: true
`,
};

describe("an adapter of somebody else's", function () {
  this.timeout(30_000);
  const open = new AsyncDisposableStack();
  let folder: string;
  let weir: Weir;

  before(async () => {
    folder = open.adopt(await writeFolder(FILES), removeFolder);
    weir = open.adopt(await startWeir(folder), (started) => started.process.stop());
  });
  after(() => open.disposeAsync());

  const status = async (): Promise<number> =>
    (await requestHttp1({ port: weir.httpPort ?? 0 }, { path: "/", authority: "shop.example.com" })).status;
  const rewrite = (text: string): Promise<void> => writeFile(join(folder, "adapters/same.mjs"), text);

  it("answers, is taken anew when its file changes, and stays where the new one is none", async () => {
    assert.equal(await status(), 200);
    await rewrite(answering("deny"));
    await until(async () => (await status()) === 403, { what: "the new version to answer" });
    await rewrite("export default 5;");
    await until(async () => (await weir.metric("weir_config_last_reload_successful")) === 0, {
      what: "the file to be refused",
    });
    assert.match(
      JSON.stringify(weir.log()),
      /adapter-contract {2}\.\/adapters\/same\.mjs is no adapter: write an adapter/,
    );
    assert.equal(await status(), 403);
    await rewrite(answering("allow"));
    await until(async () => (await status()) === 200, { what: "the mended version to answer" });
  });
});
