import assert from "node:assert/strict";
import { parse } from "yaml";
import { ownFolder, run } from "../cli/fixture.ts";
import { kindsIn, policyOf } from "./fixture.ts";

const SERVER = "weir: 1\nsecrets: { mac: { env: WEIR_MAC } }\n";
const EDGE = `domain: edge
descriptors:
  - key: remote_address
    rate_limit: { unit: minute, requests_per_unit: 100 }
  - key: Plan Of
    value: gold
    descriptors:
      - { key: user, rate_limit: { unit: hour, requests_per_unit: 5 } }
      - { key: user, value: root, rate_limit: { unlimited: true } }
  - { key: generic_key, value: all, rate_limit: { unit: second, requests_per_unit: 1000 } }
  - { key: closed }
`;
const lateCost = (settle: string): string => `${policyOf("false")}quotas:
  - id: tokens
    windows: [{ limit: 9, per: day }]
    cost: { reserve: "1", settle: '${settle}' }
`;

describe("weir envoy, for rate limits", () => {
  const folderOf = ownFolder();
  const printing = async (files: Readonly<Record<string, string>>, target = "envoy"): Promise<string> => {
    const at = ["--for", target, "--at", "weir.weir.svc.cluster.local:9191"];
    const { code, printed, complained } = await run([
      "envoy",
      folderOf({ "weir.yaml": SERVER, ...files }),
      ...at,
    ]);
    assert.deepEqual([code, complained], [0, ""]);
    return printed;
  };
  /** Names of filters in the order in which requests meet them. */
  const namesIn = (text: string): readonly string[] =>
    Array.from(text.matchAll(/name: ((?:envoy\.filters\.http|weir)\.[\w.]+)$/gm), ([, name = ""]) => name);

  it("guesses actions from the keys of descriptors that have a limit, each way once", async () => {
    const printed = await printing({ "edge.yaml": EDGE });
    const { http_connection_manager: manager } = parse(printed) as {
      http_connection_manager: { http_filters: readonly { typed_config: { rate_limits: unknown } }[] };
    };
    const header = (name: string, key: string) => ({
      request_headers: { header_name: name, descriptor_key: key },
    });
    assert.deepEqual(manager.http_filters[0]?.typed_config.rate_limits, [
      { actions: [header("plan-of", "Plan Of"), header("user", "user")] },
      { actions: [{ generic_key: { descriptor_value: "all" } }] },
      { actions: [{ remote_address: {} }] },
    ]);
    assert.match(printed, /# Yours to write\. [^\n]*\n +rate_limits:/);
  });

  it("asks for no check where there are rate limits and no policies", async () => {
    const files = { "edge.yaml": EDGE };
    assert.deepEqual(namesIn(await printing(files)), [
      "envoy.filters.http.ratelimit",
      "envoy.filters.http.router",
    ]);
    assert.deepEqual(kindsIn(await printing(files, "istio")), ["EnvoyFilter"]);
    const patches = await printing(files, "envoy-gateway");
    assert.deepEqual(kindsIn(patches), ["EnvoyPatchPolicy"]);
    assert.deepEqual(namesIn(patches), ["envoy.filters.http.ratelimit"]);
  });

  it("puts settling behind the check and before what may still refuse, and each domain into a filter", async () => {
    const files = {
      "orders.yaml": lateCost('int(metadata["llm"].tokens)'),
      "edge.yaml": EDGE,
      "api.yaml": "domain: api\ndescriptors: []\n",
    };
    const limits = ["weir.settle", "envoy.filters.http.ratelimit.api", "envoy.filters.http.ratelimit.edge"];
    const printed = await printing(files);
    assert.deepEqual(namesIn(printed), [
      "envoy.filters.http.ext_authz",
      ...limits,
      "envoy.filters.http.router",
    ]);
    assert.match(printed, /# weir has the domains api, edge, each with a filter here/);
    const router = "envoy.filters.http.router";
    const istio = await printing(files, "istio");
    assert.deepEqual(
      namesIn(istio),
      limits.flatMap((name) => [router, name]),
    );
    assert.match(istio, /cluster_name: outbound\|9191\|\|weir\.weir\.svc\.cluster\.local/);
    // Each is put first, so the one that is put last stands in front.
    const gateway = namesIn(await printing(files, "envoy-gateway"));
    assert.deepEqual(gateway.toReversed(), ["envoy.filters.http.ext_authz", ...limits]);
  });

  for (const [settle, format] of [
    [
      'int(metadata["io.envoy.ai_gateway"].llm_total_token)',
      "%DYNAMIC_METADATA(io.envoy.ai_gateway:llm_total_token)%",
    ],
    ['int( metadata["llm"]["usage"].tokens )', "%DYNAMIC_METADATA(llm:usage:tokens)%"],
    ['int(metadata["a:b"].c)', "YOURS"],
    ['int(metadata["llm"].tokens) * 2', "YOURS"],
    ['int(metadata["llm"].a) + int(metadata["llm"].b)', "YOURS"],
    ["7", "YOURS"],
  ] as const) {
    it(`says to Envoy what ${settle} is: ${format}`, async () => {
      const printed = await printing({ "orders.yaml": lateCost(settle) });
      assert.equal(/ format: "?([^"\n #]+)/.exec(printed)?.[1], format);
      assert.match(printed, /descriptor_value: orders\/tokens/);
    });
  }

  it("says which service weir.yaml has to allow", async () => {
    const server = `weir: 1
listen:
  grpc: { address: 0.0.0.0:9191, tls: { cert: a, key: b, clientCa: c }, allow: [{ san: "spiffe://a/ns/b/sa/c", services: [check] }] }
`;
    const printed = await printing({ "weir.yaml": server, "edge.yaml": EDGE });
    assert.match(printed, /# Rate limits are the service quota to `allow` in weir\.yaml/);
  });

  it("refuses late costs over HTTP, and says that rate limits are not asked for there", async () => {
    const server = `${SERVER}listen: { http: { address: 127.0.0.1:9192 } }\n`;
    const args = ["--for", "envoy", "--http"];
    const late = folderOf({ "weir.yaml": server, "orders.yaml": lateCost("7") });
    const { code, printed, complained } = await run(["envoy", late, ...args]);
    assert.deepEqual([code, printed], [1, ""]);
    assert.match(complained, /orders\.yaml:2:1 {2}not-in-http-mode {2}the quota tokens has a late cost/);
    const limited = folderOf({ "weir.yaml": server, "orders.yaml": policyOf("false"), "edge.yaml": EDGE });
    const over = await run(["envoy", limited, ...args]);
    assert.match(
      over.printed,
      /# The limits of edge are asked for over gRPC alone: print them without --http\.\n/,
    );
    assert.doesNotMatch(over.printed, /ratelimit/);
  });

  it("has them in an Envoy to try policies with, but for settling, which has no upstream to hear from", async () => {
    const files = { "weir.yaml": SERVER, "orders.yaml": lateCost("7"), "edge.yaml": EDGE };
    const { printed } = await run(["envoy", folderOf(files), "--for", "envoy", "--listen", "127.0.0.1:0"]);
    assert.match(printed, /domain: edge/);
    assert.doesNotMatch(printed, /weir\.settle/);
  });
});
