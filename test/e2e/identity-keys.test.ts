import assert from "node:assert/strict";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { apiKeyDigest, newApiKey } from "../../src/identity/api-key.ts";
import { type Outgoing, requestHttp1 } from "../support/http.ts";
import { ask, type Mesh, startMesh } from "../support/mesh.ts";
import { need } from "../support/need.ts";
import { until } from "../support/until.ts";
import { runWeir, serverFile } from "../support/weir.ts";

const pepper = "a pepper of more than sixteen bytes";

const files = {
  "weir.yaml": serverFile(
    undefined,
    `secrets: { pepper: { file: pepper } }
clientAddress: { from: xff, trustedHops: 1 }
`,
  ),
  pepper,
  "partners.yaml": `
weir: 1
policy: partners
match:
  hosts: [partners.example.com]
identities:
  partner:
    apiKey: { header: x-api-key, keys: keys.yaml }
rules:
  - id: known
    require: has(auth.partner)
    status: 401
  - id: gold
    when: request.method == "PUT"
    require: auth.partner.plan == "gold"
  - id: partner
    allow: has(auth.partner)
    request:
      set:
        x-partner: \${auth.partner.id}
`,
};

/** What a client presents, at an address of its own. */
const presenting = (key: string | undefined, client: string, more: Outgoing = {}): Outgoing => ({
  ...more,
  authority: "partners.example.com",
  headers: [
    ["x-forwarded-for", client],
    ...(key === undefined ? [] : [["x-api-key", key] as const]),
    ...(more.headers ?? []),
  ],
});

describe("an identity by API key through Envoy", () => {
  const open = new AsyncDisposableStack();
  const keys = { acme: "", umbrella: "" };
  const expired = newApiKey();
  let entries = "weir: 1\nkeys:\n";
  let mesh: Mesh;

  before(async function () {
    const program = await need(this, "envoy");
    const past = apiKeyDigest(pepper, expired);
    entries += `  - id: past\n    digest: ${past}\n    notAfter: 2026-01-01T00:00:00Z\n`;
    mesh = await startMesh({ program, files: { ...files, "keys.yaml": entries } }, open);
    keys.acme = await addKey("--id", "acme", "--plan", "gold");
    keys.umbrella = await addKey("--id", "umbrella", "--not-after", "2999-01-01T00:00:00Z");
    await until(async () => (await by(keys.umbrella, "203.0.113.1")) === "200 partners/partner", {
      what: "both keys to be taken",
    });
  });
  after(() => open.disposeAsync());

  /** As an operator does: the key is made by the command, its entry added to the file. */
  const addKey = async (...parameters: readonly string[]): Promise<string> => {
    const ended = await runWeir(["keys", "new", ...parameters, "--pepper", join(mesh.folder, "pepper")]);
    assert.ok(ended.kind === "succeeded", JSON.stringify(ended));
    const [key = "", , ...entry] = ended.stdout.split("\n");
    await publish(`${entries}${entry.join("\n")}`);
    return key;
  };
  const publish = async (text: string): Promise<void> => {
    entries = text;
    await writeFile(join(mesh.folder, ".keys.new"), text);
    await rename(join(mesh.folder, ".keys.new"), join(mesh.folder, "keys.yaml"));
  };
  const by = async (key: string | undefined, client: string, more: Outgoing = {}): Promise<string> => {
    const asked = await ask(mesh, requestHttp1, presenting(key, client, more));
    return `${asked.answer.status} ${asked.by}`;
  };

  it("tells the upstream whose key it is", async () => {
    for (const name of ["acme", "umbrella"] as const) {
      const { received } = await ask(mesh, requestHttp1, presenting(keys[name], "203.0.113.1"));
      assert.equal(received?.headers["x-partner"], name);
    }
  });

  for (const { what, key, more = {}, expected } of [
    { what: "no key", key: () => undefined, expected: "401 partners/known" },
    { what: "an empty key", key: () => "", expected: "401 partners/known" },
    { what: "an unknown key", key: newApiKey, expected: "401 partners/identity/partner" },
    { what: "an expired key", key: () => expired, expected: "401 partners/identity/partner" },
    {
      what: "a digest for a key",
      key: () => apiKeyDigest(pepper, keys.acme),
      expected: "401 partners/identity/partner",
    },
    {
      what: "a key in another case",
      key: () => keys.acme.toUpperCase(),
      expected: "401 partners/identity/partner",
    },
    {
      what: "two keys",
      key: () => keys.acme,
      more: { headers: [["x-api-key", keys.umbrella]] },
      expected: "400 partners/identity/partner",
    },
    {
      what: "two keys in one line",
      key: () => `${keys.acme}, ${keys.umbrella}`,
      expected: "400 partners/identity/partner",
    },
    {
      what: "the plan that is asked for",
      key: () => keys.acme,
      more: { method: "PUT" },
      expected: "200 partners/partner",
    },
    {
      what: "no plan where one is asked for",
      key: () => keys.umbrella,
      more: { method: "PUT" },
      expected: "400 partners/gold",
    },
  ] as const satisfies readonly {
    what: string;
    key: () => string | undefined;
    more?: Outgoing;
    expected: string;
  }[]) {
    it(`answers ${what} with ${expected}`, async () => {
      assert.equal(await by(key(), "203.0.113.2", more), expected);
    });
  }

  it("takes a key that is added, and refuses one that is taken out, without a restart", async () => {
    const before = entries;
    const added = await addKey("--id", "hooli");
    await until(async () => (await by(added, "203.0.113.3")) === "200 partners/partner", {
      what: "the added key to be taken",
    });
    assert.equal(await by(keys.acme, "203.0.113.3"), "200 partners/partner");
    await publish(before);
    await until(async () => (await by(added, "203.0.113.3")) === "401 partners/identity/partner", {
      what: "the key to be refused",
    });
    assert.equal(await by(keys.acme, "203.0.113.3"), "200 partners/partner");
  });

  it("keeps the last good keys while the file is broken, and says where", async () => {
    const before = entries;
    const refused = await mesh.weir.metric('weir_config_reloads_total{result="refused"}');
    await publish(`${before}  - id: acme\n    digest: 12\n`);
    await until(
      async () => (await mesh.weir.metric('weir_config_reloads_total{result="refused"}')) > refused,
      {
        what: "the file to be refused",
      },
    );
    assert.match(mesh.weir.process.errors(), /keys\.yaml:\d+:\d+ {2}wrong-type/);
    assert.doesNotMatch(mesh.weir.process.errors(), /unused-identity/);
    assert.equal(await by(keys.acme, "203.0.113.4"), "200 partners/partner");
    await publish(before);
    await until(async () => (await mesh.weir.metric("weir_config_last_reload_successful")) === 1, {
      what: "the file to be good again",
    });
  });

  it("slows one who guesses, and nobody else", async () => {
    const findings = (finding: string): Promise<number> =>
      mesh.weir.metric(`weir_identity_findings_total{identity="partners/partner",finding="${finding}"}`);
    const before = { bad: await findings("bad"), flooded: await findings("flooded") };
    const port = mesh.envoy.port("web");
    const guess = async (): Promise<number> =>
      (await requestHttp1({ port }, presenting(newApiKey(), "198.51.100.7"))).status;
    const first = await Promise.all(Array.from({ length: 100 }, guess));
    assert.deepEqual(new Set(first), new Set([401]));
    const next = await Promise.all(Array.from({ length: 20 }, guess));
    assert.deepEqual(new Set(next), new Set([429]));
    assert.equal(await by(newApiKey(), "198.51.100.7"), "429 partners/identity/partner");
    // Who has a good key is never slowed, nor is another client.
    assert.equal(await by(keys.acme, "198.51.100.7"), "200 partners/partner");
    assert.equal(await by(undefined, "198.51.100.7"), "401 partners/known");
    assert.equal(await by(newApiKey(), "198.51.100.8"), "401 partners/identity/partner");
    const after = { bad: await findings("bad"), flooded: await findings("flooded") };
    assert.deepEqual([after.bad - before.bad, after.flooded - before.flooded], [101, 21]);
  });

  it("cannot be slowed for others by who writes their address into x-forwarded-for", async () => {
    const victim = "198.51.100.9";
    const port = mesh.envoy.port("web");
    const pretend = (): Promise<unknown> =>
      requestHttp1({ port }, presenting(newApiKey(), `${victim}, 198.51.100.10`));
    await Promise.all(Array.from({ length: 110 }, pretend));
    assert.equal(await by(newApiKey(), victim), "401 partners/identity/partner");
    assert.equal(await by(newApiKey(), "198.51.100.10"), "429 partners/identity/partner");
  });

  it("logs no key", () => {
    const said = mesh.weir.process.errors() + mesh.weir.process.output();
    assert.doesNotMatch(said, /weir_[A-Za-z0-9_-]{43}/);
  });
});
