import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { requestHttp1 } from "../support/http.ts";
import { until } from "../support/until.ts";
import { httpPortIn, removeFolder, startWeir, writeFolder } from "../support/weir.ts";

const server = (decisions: string): string => `weir: 1
listen:
  grpc: { address: 127.0.0.1:0 }
  http: { address: 127.0.0.1:0 }
  metrics: { address: 127.0.0.1:0 }
decisions: ${decisions}
`;

const policies = {
  "shop.yaml": `weir: 1
policy: shop
match: { hosts: [shop.example.com] }
rules:
  - id: reads
    allow: request.method == "GET"
`,
  "ledger.yaml": `weir: 1
policy: ledger
match: { hosts: [ledger.example.com] }
audit: required
rules:
  - id: reads
    allow: request.method == "GET"
`,
};

type Line = Readonly<Record<string, unknown>>;
const linesIn = (text: string): readonly Line[] =>
  text
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Line);

const inShort = ({ kind, event, result, verdict, policy, rule }: Line): string =>
  kind === "audit"
    ? `${String(event)} ${String(result)}`
    : `${String(verdict)} ${String(policy)}/${String(rule)}`;

describe("the lines of decisions", () => {
  const open = new AsyncDisposableStack();
  after(() => open.disposeAsync());

  /** Of `lines`, the path of a file. */
  async function start(decisions: (lines: string) => string) {
    const path = join(open.adopt(await writeFolder({}), removeFolder), "lines.jsonl");
    const files = { "weir.yaml": server(decisions(path)), ...policies };
    const folder = open.adopt(await writeFolder(files), removeFolder);
    const weir = open.adopt(await startWeir(folder), (started) => started.process.stop());
    return { weir, folder, path, port: weir.httpPort ?? assert.fail("it does not listen for HTTP checks") };
  }

  const statusOf = async (port: number, host: string, method = "GET"): Promise<number> =>
    (await requestHttp1({ port }, { method, path: "/", authority: `${host}.example.com` })).status;

  it("go to standard output, apart from what people read", async () => {
    const { weir, port } = await start(() => "{ to: stdout }");
    assert.deepEqual([await statusOf(port, "shop"), await statusOf(port, "shop", "PUT")], [200, 403]);
    const found = await until(
      () => {
        const lines = linesIn(weir.process.output()).map(inShort);
        return lines.length >= 3 && lines;
      },
      { what: "the lines" },
    );
    assert.deepEqual(found, ["reload live", "allow shop/reads", "deny shop/default"]);
    assert.doesNotMatch(weir.process.output(), /weir serves/);
    assert.match(weir.process.errors(), /weir serves/);
  });

  it("go to a file, every reload and override among them, and move with logrotate", async () => {
    const { weir, folder, path, port } = await start(
      (file) => `{ to: { file: ${file} }, record: [{ sample: 0% }] }`,
    );
    const lines = async (): Promise<readonly Line[]> => linesIn(await readFile(path, "utf8").catch(() => ""));
    const [started] = await lines();
    await rename(path, `${path}.1`);
    await writeFile(
      join(folder, "overrides.yaml"),
      "weir: 1\noverrides: [{ rule: shop/reads, mode: shadow, until: 2099-01-01T00:00:00Z, reason: INC-1 }]\n",
    );
    const changed = await until(async () => (await lines()).length >= 2 && lines(), {
      what: "the audit of a reload",
    });
    const [reload, override] = changed;
    assert.deepEqual([reload?.["from"], reload?.["result"]], [started?.["to"], "live"]);
    assert.notEqual(reload?.["to"], started?.["to"]);
    const { change, policy, rule, mode, until: ends, reason, revision } = override ?? {};
    assert.deepEqual(
      [change, policy, rule, mode, ends, reason, revision],
      [...["began", "shop", "reads", "shadow", "2099-01-01T00:00:00.000Z", "INC-1"], reload?.["to"]],
    );
    await writeFile(join(folder, "overrides.yaml"), "weir: 1\noverrides: nonsense\n");
    const refused = await until(async () => (await lines()).find(({ result }) => result === "refused"), {
      what: "the audit of a refusal",
    });
    assert.deepEqual([refused["from"], refused["to"]], [reload?.["to"], undefined]);
    assert.equal(await statusOf(port, "shop"), 403);
    assert.equal(await weir.metric('weir_record_lines_total{result="written"}'), 4);
  });

  it("hold back nothing but what requires them", async () => {
    const { weir, path, port } = await start((file) => `{ to: { file: ${file} } }`);
    assert.deepEqual([await statusOf(port, "shop"), await statusOf(port, "ledger")], [200, 200]);
    const found = await until(
      async () => {
        const lines = linesIn(await readFile(path, "utf8")).map(inShort);
        return lines.length >= 3 && lines;
      },
      { what: "the lines" },
    );
    assert.deepEqual(found, ["reload live", "allow shop/reads", "allow ledger/reads"]);
    // What cannot be opened for writing, whoever runs this test: a file became a folder.
    await rm(path);
    await mkdir(path);
    assert.deepEqual(
      [await statusOf(port, "shop"), await statusOf(port, "ledger"), await statusOf(port, "ledger", "PUT")],
      // Over HTTP a denial is never 5xx, which Envoy would take for an error of weir's.
      [200, 403, 403],
    );
    assert.equal(await weir.metric('weir_checks_total{policy="",rule="weir/audit",verdict="deny"}'), 1);
    assert.match(weir.process.errors(), /decisions cannot be written/);
    await rm(path, { recursive: true });
    assert.equal(await statusOf(port, "ledger"), 200);
  });

  it("stop nothing where nobody reads them", async function () {
    this.timeout(30_000);
    const folder = open.adopt(
      await writeFolder({ "weir.yaml": server("{ to: stdout }"), ...policies }),
      removeFolder,
    );
    const main = join(import.meta.dirname, "../../src/main.ts");
    // Nothing reads this pipe, so it is full after 64 KiB.
    const child = spawn(process.execPath, [main, "serve", folder], { stdio: ["ignore", "pipe", "pipe"] });
    open.defer(() => void child.kill("SIGKILL"));
    let told = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (told += text));
    const port = await until(() => httpPortIn(told), { what: "weir to listen", timeoutMs: 20_000 });
    for (let turn = 0; turn < 20; turn++) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => statusOf(port, "shop")));
      assert.ok(answers.every((status) => status === 200));
    }
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    assert.deepEqual(await ended, [0, null]);
  });
});
