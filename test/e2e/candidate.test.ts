import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { requestHttp1 } from "../support/http.ts";
import { until } from "../support/until.ts";
import { removeFolder, runWeir, startWeir, writeFolder } from "../support/weir.ts";

const server = `weir: 1
listen:
  grpc: { address: 127.0.0.1:0 }
  http: { address: 127.0.0.1:0 }
  admin: { address: 127.0.0.1:0 }
  metrics: { address: 127.0.0.1:0 }
`;

const shop = (condition: string): string => `weir: 1
policy: shop
match: { hosts: [shop.example.com] }
rules:
  - id: reads
    allow: ${condition}
  - id: late
    deny: request.method == "DELETE"
    mode: shadow
`;

interface Page {
  readonly candidate: { readonly folders: readonly string[]; readonly revision?: string } | null;
  readonly counts: readonly Readonly<Record<string, unknown>>[];
  readonly differences: readonly Readonly<Record<string, unknown>>[];
}

describe("weir serve --candidate", () => {
  const open = new AsyncDisposableStack();
  after(() => open.disposeAsync());

  async function start(candidate: Readonly<Record<string, string>>) {
    const folder = open.adopt(
      await writeFolder({ "weir.yaml": server, "shop.yaml": shop('request.method in ["GET", "DELETE"]') }),
      removeFolder,
    );
    const tried = open.adopt(await writeFolder(candidate), removeFolder);
    const weir = open.adopt(await startWeir(folder, { parameters: ["--candidate", tried] }), (started) =>
      started.process.stop(),
    );
    const port = weir.httpPort ?? assert.fail("it does not listen for HTTP checks");
    const statusOf = async (method: string): Promise<number> =>
      (await requestHttp1({ port }, { method, path: "/", authority: "shop.example.com" })).status;
    const page = async (query = ""): Promise<Page> => {
      const answer = await requestHttp1(
        { port: weir.adminPort ?? 0 },
        { path: `/differences${query}`, authority: "localhost" },
      );
      assert.equal(answer.status, 200, answer.body.toString());
      return JSON.parse(answer.body.toString()) as Page;
    };
    return { weir, tried, statusOf, page };
  }

  it("tells what would be answered otherwise, and answers as before", async () => {
    const { weir, tried, statusOf, page } = await start({ "shop.yaml": shop('request.method == "GET"') });
    assert.deepEqual(
      [await statusOf("GET"), await statusOf("PUT"), await statusOf("DELETE")],
      [200, 403, 200],
    );
    const difference = 'weir_candidate_diff_total{policy="shop",rule="default",from="allow",to="deny"}';
    await until(async () => (await weir.metric('weir_candidate_checks_total{result="same"}')) === 2, {
      what: "the candidate to be tried",
    });
    assert.equal(await weir.metric(difference), 1);
    const { candidate, counts, differences } = await page("?kind=candidate");
    assert.deepEqual(candidate?.folders, [tried]);
    assert.match(candidate.revision ?? "", /^\w+$/);
    assert.deepEqual(
      counts.map(({ kind, rule, from, to, count }) => [kind, rule, from, to, count]),
      [
        ["shadow", "late", "allow", "deny", 1],
        ["candidate", "default", "allow", "deny 403", 1],
      ],
    );
    assert.equal(differences.length, 1);
    assert.match(JSON.stringify(differences[0]?.["policies"]), /"outcome":"does not grant"/);
    assert.equal((await page("?kind=shadow")).differences.length, 1);
    const wrong = await requestHttp1(
      { port: weir.adminPort ?? 0 },
      { path: "/differences?kind=other", authority: "localhost" },
    );
    assert.deepEqual([wrong.status, wrong.body.toString()], [400, '{"error":"kind is shadow or candidate"}']);
  });

  it("follows the candidate's files, and keeps the last good ones", async () => {
    const { weir, tried, statusOf, page } = await start({ "shop.yaml": "weir: 1\npolicy: shop\n" });
    assert.equal((await page()).candidate?.revision, undefined);
    assert.match(weir.process.errors(), /the candidate was refused/);
    assert.equal(await statusOf("GET"), 200);
    await writeFile(join(tried, "shop.yaml"), shop("false"));
    const revision = await until(async () => (await page()).candidate?.revision, { what: "the candidate" });
    await writeFile(join(tried, "shop.yaml"), "weir: 1\npolicy: shop\nmatch: [\n");
    await until(() => weir.process.errors().match(/the candidate was refused/g)?.length === 2, {
      what: "the refusal",
    });
    assert.equal((await page()).candidate?.revision, revision);
    assert.equal(await statusOf("GET"), 200);
    await until(async () => (await page("?kind=candidate")).differences.length === 1, {
      what: "a difference",
    });
  });

  for (const [args, says] of [
    [["--candidate-sample", "5%"], /--candidate-sample goes with --candidate/],
    [["--candidate", "x", "--candidate-sample", "5"], /takes a percentage, such as 1% or 0\.1%, not 5/],
  ] as const) {
    it(`refuses ${args.join(" ")}`, async () => {
      const ended = await runWeir(["serve", ...args]);
      assert.equal(ended.kind, "failed");
      assert.match(JSON.stringify(ended), says);
      assert.match(JSON.stringify(ended), /"(?:code|exitCode)":2/);
    });
  }
});
