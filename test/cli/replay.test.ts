import assert from "node:assert/strict";
import { join } from "node:path";
import { removeFolder, runWeir, writeFolder } from "../support/weir.ts";

const decision = (method: string, verdict: "allow" | "deny", rule: string): string =>
  JSON.stringify({
    ...{
      kind: "decision",
      time: "2026-01-01T00:00:00.000Z",
      decision: `d_${method.toLowerCase()}`,
      revision: "r1",
      verdict,
    },
    ...(verdict === "deny" ? { status: 403 } : {}),
    ...{ policy: "shop", rule, durationMs: 0.1, request: { method, host: "shop.example.com", path: "/" } },
  });

const shop = `weir: 1
policy: shop
match: { hosts: [shop.example.com] }
rules:
  - id: reads
    allow: request.method == "HEAD" || request.method == "GET" && request.headers["x-a"] == "1"
`;

describe("weir replay", () => {
  const open = new AsyncDisposableStack();
  after(() => open.disposeAsync());

  const folderWith = async (files: Readonly<Record<string, string>>): Promise<string> =>
    open.adopt(await writeFolder(files), removeFolder);

  async function run(...args: readonly string[]) {
    const ended = await runWeir(["replay", ...args]);
    assert.ok(ended.kind !== "absent");
    return { code: ended.kind === "failed" ? ended.code : 0, printed: ended.stdout, told: ended.stderr };
  }

  const replay = async (lines: string, files: Readonly<Record<string, string>>, ...more: readonly string[]) =>
    run(join(await folderWith({ lines }), "lines"), await folderWith(files), ...more);

  const lines = [
    decision("HEAD", "allow", "reads"),
    decision("PUT", "allow", "writes"),
    decision("GET", "allow", "reads"),
    JSON.stringify({ kind: "audit", event: "reload" }),
  ].join("\n");

  it("says what would come out otherwise, and what cannot be told", async () => {
    const { code, printed } = await replay(lines, { "shop.yaml": shop });
    assert.equal(code, 0);
    assert.equal(
      printed,
      `3 decisions replayed: 1 the same, 1 different, 1 unknown
1 line of other kinds

1 × allow by shop/writes  ->  deny 403 by shop/default
    d_put

1 × allow by shop/reads  ->  unknown by shop/reads
    d_get
`,
    );
  });

  it("says the same as JSON", async () => {
    const { code, printed } = await replay(lines, { "shop.yaml": shop }, "--format", "json");
    const { same, different, unknown, changes } = JSON.parse(printed) as Record<string, unknown>;
    assert.deepEqual([code, same, different, unknown, Array.isArray(changes)], [0, 1, 1, 1, true]);
  });

  it("refuses files that would not go live", async () => {
    const { code, told } = await replay(lines, { "shop.yaml": "weir: 1\npolicy: shop\n" });
    assert.equal(code, 1);
    assert.match(told, /missing-key[^]*nothing was replayed/);
  });

  it("refuses lines that are no decisions", async () => {
    const { code, told } = await replay("hello\n", { "shop.yaml": shop });
    assert.equal(code, 1);
    assert.match(told, /is a decision \(1 other line\)/);
  });

  it("refuses words that it does not know, and a file that is not there", async () => {
    assert.equal((await replay(lines, { "shop.yaml": shop }, "--format", "xml")).code, 2);
    const [none, gone] = [await run(), await run("/nowhere/lines", await folderWith({ "shop.yaml": shop }))];
    assert.deepEqual([none.code, gone.code], [2, 2]);
    assert.match(none.told, /which records/);
    assert.match(gone.told, /cannot read \/nowhere\/lines: ENOENT/);
  });
});
