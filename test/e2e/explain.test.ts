import assert from "node:assert/strict";
import { join } from "node:path";
import { apiKeyDigest, newApiKey } from "../../src/identity/api-key.ts";
import { run } from "../cli/fixture.ts";
import { requestHttp1 } from "../support/http.ts";
import { until } from "../support/until.ts";
import { removeFolder, serverFile, startWeir, type Weir, writeFolder } from "../support/weir.ts";

const PEPPER = "a pepper of more than sixteen bytes";
const TOKEN = "token-for-the-tests-of-explain";
const KEY = newApiKey();
const URL = "https://shop.example.com/things";

const files = {
  "weir.yaml": serverFile(
    undefined,
    `  admin: { address: 127.0.0.1:0, token: { file: admin-token } }
secrets: { pepper: { file: pepper } }
handlers:
  blocked: { adapter: list, config: { means: deny, entries: [eve] } }
`,
  ),
  "admin-token": `${TOKEN}\n`,
  pepper: PEPPER,
  "keys.yaml": `weir: 1\nkeys:\n  - { id: acme, digest: ${apiKeyDigest(PEPPER, KEY)} }\n`,
  "shop.yaml": `
weir: 1
policy: shop
match:
  hosts: [shop.example.com]
identities:
  partner: { apiKey: { header: x-api-key, keys: keys.yaml } }
rules:
  - id: not-blocked
    when: has(auth.partner)
    ask: blocked
    with: { value: "\${auth.partner.id}" }
  - id: partners
    allow: has(auth.partner) && auth.partner.id != "nobody"
`,
};

describe("weir explain by what is live", () => {
  const open = new AsyncDisposableStack();
  let folder: string;
  let weir: Weir;
  let admin: readonly string[];

  before(async function () {
    this.timeout(30_000);
    folder = open.adopt(await writeFolder(files), removeFolder);
    weir = await startWeir(folder);
    open.defer(() => weir.process.stop());
    admin = [
      "--admin",
      `http://127.0.0.1:${String(weir.adminPort)}`,
      "--token-file",
      join(folder, "admin-token"),
    ];
  });
  after(() => open.disposeAsync());

  /** Runs the command, again while weir has explained enough for this second. */
  const runExplain = (...parameters: readonly string[]) =>
    until(
      async () => {
        const ran = await run(["explain", ...parameters]);
        return ran.complained.includes("at most 5 a second") ? undefined : ran;
      },
      { what: "weir to explain another" },
    );

  async function explained(...parameters: readonly string[]): Promise<string> {
    const { code, printed, complained } = await runExplain(...parameters);
    assert.deepEqual([code, complained], [0, ""]);
    return printed;
  }

  const GIVEN = ["--as", "{partner: {id: acme}}", "--backends", "{blocked: {allow: true}}"] as const;

  it("says the same as by the folder, with the revision in JSON", async () => {
    assert.equal(await explained(URL, ...GIVEN, ...admin), await explained(URL, ...GIVEN, folder));
    const json = JSON.parse(await explained(URL, ...GIVEN, ...admin, "--format", "json")) as Record<
      string,
      unknown
    >;
    const offline = JSON.parse(await explained(URL, ...GIVEN, folder, "--format", "json")) as object;
    assert.match(String(json["revision"]), /^[0-9a-f]{12}$/);
    assert.deepEqual(json, { revision: json["revision"], ...offline });
  });

  it("shows what was given, and a digest of what a key has proved", async () => {
    assert.match(await explained(URL, ...GIVEN, ...admin), /auth\.partner\.id {2}= {2}"acme"\n/);
    const proved = ["-H", `x-api-key: ${KEY}`, "--backends", "{blocked: {allow: true}}"];
    const online = await explained(URL, ...proved, ...admin);
    assert.match(online, /^allowed by shop\/partners\n/);
    assert.match(online, /identity partner: holds\n/);
    assert.match(online, /auth\.partner\.id {2}= {2}#[0-9a-f]{12}\n/);
    assert.doesNotMatch(online, /acme/);
    assert.match(await explained(URL, ...proved, folder), /auth\.partner\.id {2}= {2}"acme"\n/);
  });

  it("asks no handler, though one is there", async () => {
    const told = await explained(URL, "--as", "{partner: {id: acme}}", ...admin);
    assert.match(told, /^not decided: shop\/not-blocked has no answer/);
    assert.match(told, /nothing says what blocked answers/);
  });

  it("leaves no trace in metrics and among the last refusals, nor holds bad keys against anybody", async () => {
    const counted = async (): Promise<readonly string[]> =>
      Array.from(await weir.metrics(), ([name, value]) => `${name} ${value}`).filter((line) =>
        /^weir_(?!config|process)/.test(line),
      );
    const before = await counted();
    for (let times = 0; times < 3; times++)
      assert.match(
        await explained(URL, "-H", "x-api-key: weir_wrong", "--source", "10.9.8.7", ...admin),
        /^denied with 401 Unauthorized by shop\/identity\/partner\n/,
      );
    assert.deepEqual(await counted(), before);
    const { body } = await requestHttp1(
      { port: weir.adminPort ?? 0 },
      { path: "/decisions", headers: [["authorization", `Bearer ${TOKEN}`]] },
    );
    assert.deepEqual(JSON.parse(body.toString()), { decisions: [] });
  });

  it("says in JSON what is wrong with a request, and where", async () => {
    const ask = () =>
      requestHttp1(
        { port: weir.adminPort ?? 0 },
        {
          ...{ method: "POST", path: "/explain", body: '{"request": {"hots": "shop.example.com"}}' },
          headers: [
            ["authorization", `Bearer ${TOKEN}`],
            ["content-type", "application/json"],
          ],
        },
      );
    const answered = async () => {
      const answer = await ask();
      return answer.status === 429 ? undefined : answer;
    };
    const { status, body } = await until(answered, { what: "weir to look at another" });
    assert.equal(status, 400);
    const { diagnostics } = JSON.parse(body.toString()) as {
      diagnostics: readonly Record<string, unknown>[];
    };
    assert.deepEqual(
      diagnostics.map(({ file, line, column, code, hint }) => ({ file, line, column, code, hint })),
      [{ file: "the request", line: 1, column: 14, code: "unknown-key", hint: 'did you mean "host"?' }],
    );
  });

  const wrong: readonly (readonly [
    what: string,
    parameters: () => readonly string[],
    expected: 1 | 2,
    complaint: RegExp,
  ])[] = [
    ["folders and a running weir", () => [URL, folder, ...admin], 2, /give folders or --admin, not both/],
    ["a token for nobody", () => [URL, "--token-file", "x"], 2, /--token-file goes with --admin/],
    ["no token", () => [URL, ...admin.slice(0, 2)], 1, /send the admin token/],
    ["a policy that is not there", () => [URL, ...admin, "--policy", "shoop"], 2, /there is no policy shoop/],
    ["nobody", () => [URL, "--admin", "http://127.0.0.1:1"], 1, /does not answer/],
    ["what is not well said", () => [URL, "--as", "{", ...admin], 1, /nothing was explained/],
  ];
  for (const [what, parameters, expected, complaint] of wrong) {
    it(`refuses ${what}`, async () => {
      const { code, printed, complained } = await runExplain(...parameters());
      assert.deepEqual([code, printed], [expected, ""]);
      assert.match(complained, complaint);
    });
  }
});
