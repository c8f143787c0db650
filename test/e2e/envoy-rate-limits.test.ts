import assert from "node:assert/strict";
import type { Envoy } from "../support/envoy.ts";
import { typed } from "../support/bootstrap.ts";
import { type Outgoing, requestHttp1, valuesOf } from "../support/http.ts";
import { need } from "../support/need.ts";
import { ALL_WELL, checkWith, framed, printedFor, serveFiles, startFramed } from "../support/printed.ts";
import { until } from "../support/until.ts";
import { startUpstream } from "../support/upstream.ts";
import { serverFile, type Weir } from "../support/weir.ts";

const FILES = {
  "weir.yaml": serverFile("127.0.0.1:0", "secrets:\n  mac: { file: mac.txt }\n"),
  "mac.txt": "a key of a test",
  "edge.yaml": `domain: edge
descriptors:
  - { key: user, rate_limit: { unit: year, requests_per_unit: 2 } }
  - key: plan
    descriptors:
      - { key: generic_key, value: shop, rate_limit: { unit: year, requests_per_unit: 1 } }
`,
  "models.yaml": `
weir: 1
policy: models
match:
  paths: ["/{model}"]
rules:
  - id: everybody
    allow: path.model != "closed"
quotas:
  - id: tokens
    key: [path.model]
    windows: [{ limit: 1000, per: year }]
    headers: always
    cost: { reserve: "400", settle: 'int(metadata["llm"].tokens)' }
  - id: bytes
    key: [path.model]
    windows: [{ limit: 1000000, per: year }]
    cost: { reserve: "1", settle: 'int(metadata["llm"].tokens) * 2' }
`,
};

/** What the upstream says in a header goes to where a filter of an AI gateway would leave it. */
const toMetadata = {
  name: "envoy.filters.http.header_to_metadata",
  typed_config: typed("envoy.extensions.filters.http.header_to_metadata.v3.Config", {
    response_rules: [
      {
        header: "x-up",
        on_header_present: { metadata_namespace: "llm", key: "tokens", type: "NUMBER" },
      },
    ],
  }),
};

describe("rate limits and late costs as weir envoy prints them, in a real Envoy", function () {
  // It starts a weir, an Envoy and two commands.
  this.timeout(30_000);
  const open = new AsyncDisposableStack();
  let folder: string;
  let weir: Weir;
  let envoy: Envoy;
  let bootstrap: unknown;

  before(async function () {
    const program = await need(this, "envoy");
    const upstream = open.adopt(await startUpstream(), (started) => started.stop());
    ({ folder, weir } = await serveFiles(FILES, open));
    const printed = await printedFor(folder, {
      at: weir.checks,
      // What a reader of the output writes in place of what weir cannot know.
      rewrite: (text) => text.replace("format: YOURS", 'format: "%BYTES_SENT%"'),
    });
    bootstrap = framed({ printed, upstream, filtersBefore: [toMetadata] });
    envoy = await startFramed({ program, config: bootstrap }, open);
  });
  after(() => open.disposeAsync());

  const ask = (outgoing: Outgoing) => requestHttp1({ port: envoy.port("web") }, outgoing);
  /** A request that costs so many tokens, and what remained for it before that was known. */
  const costing = async (model: string, tokens: string | undefined) => {
    const headers = tokens === undefined ? [] : [["x-wants-up", tokens] as const];
    const { status, headers: told } = await ask({ path: `/${model}`, headers });
    return [status, valuesOf(told, "ratelimit-remaining").join()];
  };
  const settled = (quota: string, count: number) =>
    until(
      async () =>
        (await weir.metric(
          `weir_quota_settlements_total{policy="models",quota="${quota}",result="settled"}`,
        )) === count,
      { what: `${count} of ${quota} to be settled` },
    );

  it("settles a late cost at the end of the stream, which the next request feels", async () => {
    assert.deepEqual(await costing("small", "100"), [200, "600"]);
    await settled("tokens", 1);
    assert.deepEqual(await costing("small", "900"), [200, "500"]);
    await settled("tokens", 2);
    assert.deepEqual(await costing("small", "1"), [429, "0"]);
    assert.deepEqual(await costing("free", "0"), [200, "600"]);
    await settled("tokens", 3);
    assert.deepEqual(await costing("free", "0"), [200, "600"]);
    await settled("tokens", 4);
  });

  it("leaves reserved what nobody can tell, and settles each quota by its own cost", async () => {
    const before = await weir.metric(
      'weir_quota_settlements_total{policy="models",quota="bytes",result="settled"}',
    );
    assert.deepEqual(await costing("silent", undefined), [200, "600"]);
    await settled("bytes", before + 1);
    assert.deepEqual(await costing("silent", "0"), [200, "200"]);
    await settled("tokens", 5);
  });

  it("asks about each request by the keys of the descriptors", async () => {
    const statuses = [];
    for (let index = 0; index < 3; index++) {
      const { status, headers } = await ask({ path: `/user-${index}`, headers: [["user", "alice"]] });
      statuses.push([status, valuesOf(headers, "x-ratelimit-remaining").join()]);
    }
    assert.deepEqual(statuses, [
      [200, "1"],
      [200, "0"],
      [429, "0"],
    ]);
    assert.equal((await ask({ path: "/plan-1", headers: [["plan", "gold"]] })).status, 200);
    assert.equal((await ask({ path: "/plan-2", headers: [["plan", "gold"]] })).status, 429);
    assert.equal((await ask({ path: "/plan-3" })).status, 200);
  });

  it("counts nothing of what the check refuses", async () => {
    for (let index = 0; index < 3; index++)
      assert.equal((await ask({ path: "/closed", headers: [["user", "eve"]] })).status, 403);
    assert.equal((await ask({ path: "/open", headers: [["user", "eve"]] })).status, 200);
  });

  it("is found without fault by weir envoy --check", async () => {
    assert.deepEqual(await checkWith(folder, bootstrap), ALL_WELL);
  });
});
