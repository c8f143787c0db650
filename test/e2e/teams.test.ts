import assert from "node:assert/strict";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { requestHttp1 } from "../support/http.ts";
import { ask, type Mesh, startAskingEnvoy, startMesh } from "../support/mesh.ts";
import { need } from "../support/need.ts";
import { until } from "../support/until.ts";
import { serverFile, startWeir } from "../support/weir.ts";

const TEAMS = ["carts", "orders", "users"] as const;
type Team = (typeof TEAMS)[number];

const server = serverFile(
  undefined,
  `  admin: { address: 127.0.0.1:0 }
secrets: { pepper: { file: pepper } }
teams:
${TEAMS.map((team) => `  ${team}: { folder: teams/${team}, owns: { hosts: [${team}.example.com] } }`).join("\n")}
`,
);

const guard = (method: string): string => `
weir: 1
policy: guard
match: everything
rules:
  - id: method
    deny: request.method == "${method}"
`;

const shared = (name: string): string => `
weir: 1
shared: platform
let:
  ${name}: request.method in ["GET", "HEAD"]
`;

/** Each revision of a team's policy says in a header which one it is. */
const policy = (team: Team, revision: number): string => `
weir: 1
policy: ${team}
use: [platform]
match:
  hosts: [${team}.example.com]
rules:
  - id: read
    allow: platform.reads
    request:
      set:
        x-revision: r\${size("${"x".repeat(revision)}")}
`;

const fileOf = (team: Team): string => `teams/${team}/policy.yaml`;
const broken = (team: Team): string => policy(team, 9).replace("platform.reads", "request.methd");

describe("the folders of three teams", () => {
  const open = new AsyncDisposableStack();
  let mesh: Mesh;

  before(async function () {
    const program = await need(this, "envoy");
    const files: Record<string, string> = {
      "weir.yaml": server,
      pepper: "a pepper of more than sixteen bytes",
      "guard.yaml": guard("PUT"),
      "shared.yaml": shared("reads"),
    };
    for (const team of TEAMS) files[fileOf(team)] = policy(team, 1);
    mesh = await startMesh({ program, files }, open);
  });
  after(() => open.disposeAsync());

  const publish = async (path: string, text: string): Promise<void> => {
    const place = join(mesh.folder, path);
    await mkdir(dirname(place), { recursive: true });
    await writeFile(`${place}.new`, text);
    await rename(`${place}.new`, place);
  };
  const revisionOf = async (team: Team, at: Pick<Mesh, "envoy" | "upstream"> = mesh): Promise<string> => {
    const { answer, by, received } = await ask(at, requestHttp1, { authority: `${team}.example.com` });
    return received?.headers["x-revision"] ?? `${answer.status} ${by}`;
  };
  const revisions = async (): Promise<Readonly<Record<string, string>>> => {
    const found = await Promise.all(TEAMS.map(async (team) => [team, await revisionOf(team)] as const));
    return Object.fromEntries(found);
  };
  const become = (wanted: Readonly<Record<Team, string>>): Promise<unknown> =>
    until(
      async () => {
        const found = await revisions();
        return TEAMS.every((team) => found[team] === wanted[team]);
      },
      { what: JSON.stringify(wanted) },
    );
  /** The parts that are held back, with what /status says of each. */
  const held = async (weir = mesh.weir): Promise<readonly string[]> => {
    const { parts } = await weir.status();
    return parts
      .filter(({ state }) => state !== "current")
      .map(({ part, state, diagnostics }) => [part, state, ...diagnostics].join("\n"));
  };
  const whenHeld = (part: string): Promise<string> =>
    until(async () => (await held()).find((text) => text.startsWith(`${part}\n`)), {
      what: `${part} to be held back`,
    });
  const whenNoneIsHeld = (): Promise<unknown> =>
    until(async () => (await held()).length === 0, { what: "no part to be held back" });
  const current = (team: string): Promise<number> =>
    mesh.weir.metric(`weir_config_part_current{team="${team}"}`);

  it("are live together at the start", async () => {
    assert.deepEqual(await revisions(), { carts: "r1", orders: "r1", users: "r1" });
    assert.deepEqual(await held(), []);
    assert.deepEqual(await Promise.all(["", ...TEAMS].map(current)), [1, 1, 1, 1]);
  });

  it("hold back the one that is broken, keep its last good files, and let the others change", async () => {
    await publish(fileOf("orders"), broken("orders"));
    const text = await whenHeld("team orders");
    assert.match(text, /^team orders\nheld\n.*teams\/orders\/policy\.yaml:9:\d+ {2}unknown-attribute/);
    await publish(fileOf("users"), policy("users", 2));
    await become({ carts: "r1", orders: "r1", users: "r2" });
    assert.deepEqual(await Promise.all(["", ...TEAMS].map(current)), [1, 1, 0, 1]);
    assert.equal(await mesh.weir.metric("weir_config_last_reload_successful"), 0);
    await publish(fileOf("orders"), policy("orders", 3));
    await become({ carts: "r1", orders: "r3", users: "r2" });
    await whenNoneIsHeld();
    assert.equal(await mesh.weir.metric("weir_config_last_reload_successful"), 1);
  });

  for (const { what, files, says } of [
    {
      what: "matches what another team owns",
      files: {
        "more.yaml": policy("orders", 4)
          .replaceAll("orders", "more")
          .replace("more.example", "users.example"),
      },
      says: /teams\/orders\/more\.yaml:6:\d+ {2}/,
    },
    {
      what: "matches everything",
      files: { "more.yaml": guard("GET").replace("policy: guard", "policy: more") },
      says: /teams\/orders\/more\.yaml:4:\d+ {2}/,
    },
    {
      what: "takes the name of another's policy",
      files: { "more.yaml": policy("users", 4).replace("users.example", "orders.example") },
      says: /more\.yaml:\d+:\d+ {2}duplicate-name/,
    },
    {
      what: "brings a weir.yaml",
      files: { "weir.yaml": "weir: 1\nungoverned: allow\n" },
      says: /teams\/orders\/weir\.yaml:\d+:\d+ {2}/,
    },
    {
      what: "eases a rule of the platform",
      files: {
        "more.yaml":
          "weir: 1\noverrides:\n  - rule: guard/method\n    mode: shadow\n    until: 2999-01-01T00:00:00Z\n    reason: none\n",
      },
      says: /teams\/orders\/more\.yaml:\d+:\d+ {2}/,
    },
  ]) {
    it(`hold back a team that ${what}`, async () => {
      for (const [name, text] of Object.entries(files)) await publish(`teams/orders/${name}`, text);
      assert.match(await whenHeld("team orders"), says);
      assert.equal((await held()).length, 1);
      assert.deepEqual(await revisions(), { carts: "r1", orders: "r3", users: "r2" });
      const put = await ask(mesh, requestHttp1, { authority: "users.example.com", method: "PUT" });
      assert.equal(put.by, "guard/method");
      for (const name of Object.keys(files)) await rm(join(mesh.folder, "teams/orders", name));
      await whenNoneIsHeld();
    });
  }

  it("hold back a change of the platform that would break a team, by name, and not the teams' own", async () => {
    await publish("guard.yaml", guard("GET"));
    await publish("shared.yaml", shared("renamed"));
    const text = await whenHeld("platform");
    assert.match(text, /^platform\nheld\n/);
    assert.match(text, /teams\/carts\/policy\.yaml:9:\d+ {2}/);
    await publish(fileOf("carts"), policy("carts", 5));
    await become({ carts: "r5", orders: "r3", users: "r2" });
    assert.deepEqual(await Promise.all(["", ...TEAMS].map(current)), [0, 1, 1, 1]);
    await publish("shared.yaml", shared("reads"));
    await become({ carts: "403 guard/method", orders: "403 guard/method", users: "403 guard/method" });
    await publish("guard.yaml", guard("PUT"));
    await become({ carts: "r5", orders: "r3", users: "r2" });
  });

  it("go on changing while the platform's own files are broken", async () => {
    await publish("guard.yaml", `${guard("PUT")}bad: true\n`);
    assert.match(await whenHeld("platform"), /guard\.yaml:\d+:\d+ {2}unknown-key/);
    await publish(fileOf("users"), policy("users", 6));
    await become({ carts: "r5", orders: "r3", users: "r6" });
    const put = await ask(mesh, requestHttp1, { authority: "users.example.com", method: "PUT" });
    assert.equal(put.by, "guard/method");
    await publish("guard.yaml", guard("PUT"));
    await whenNoneIsHeld();
  });

  it("answer 503 on what a team owns whose files were never good, and on nothing else", async function () {
    this.timeout(20_000);
    await publish(fileOf("orders"), broken("orders"));
    const program = await need(this, "envoy");
    this.timeout(20_000);
    const weir = open.adopt(await startWeir(mesh.folder), (started) => started.process.stop());
    const envoy = await startAskingEnvoy({ ...mesh, weir, program }, open);
    const restarted = { ...mesh, envoy };
    const found = await Promise.all(TEAMS.map((team) => revisionOf(team, restarted)));
    assert.deepEqual(found, ["r5", "503 /weir/team-not-loaded", "r6"]);
    const other = await ask(restarted, requestHttp1, { authority: "other.example.com" });
    assert.equal(other.by, "/weir/ungoverned");
    assert.match((await held(weir)).join(), /^team orders\nnever loaded\n.*policy\.yaml:9:/);
    await publish(fileOf("orders"), policy("orders", 7));
    await until(async () => (await revisionOf("orders", restarted)) === "r7", {
      what: "the team to be loaded",
    });
    assert.deepEqual(await held(weir), []);
  });
});
