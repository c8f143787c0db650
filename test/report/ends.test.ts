import assert from "node:assert/strict";
import { endsOf } from "../../src/report/ends.ts";
import type { Reporter } from "../../src/report/reporter.ts";
import type { StructValue } from "../../src/std/struct.ts";
import { entryOf, withCommon } from "./described.ts";
import { socket, structAny, type DescribedHttp, type DescribedMessage } from "./encode.ts";
import { inboundRequest, peer, plainRequest, SIDECAR } from "./entries.ts";

const PLAIN: DescribedMessage["identifier"] = { id: "envoy-1", cluster: "shop" };

function named(reporter: Reporter, identifier: DescribedMessage["identifier"], http: DescribedHttp): string {
  const { local, remote } = endsOf(entryOf({ identifier: identifier ?? {}, http: [http] }), reporter);
  return `${local.service || "?"} ${remote.service || "?"}`;
}

const common = (over: DescribedHttp["commonProperties"]): DescribedHttp =>
  withCommon(plainRequest(), { upstreamCluster: "", ...over });
const state = (name: string, fields: Readonly<Record<string, StructValue>>): DescribedHttp =>
  common({ filterStateObjects: new Map([[name, structAny(fields)]]) });
const tags = (all: Readonly<Record<string, string>>): DescribedHttp =>
  common({ customTags: new Map(Object.entries(all)) });
const node = (metadata: Readonly<Record<string, StructValue>>) => ({ id: "envoy-1", metadata });

describe("the names of the ends", () => {
  for (const [what, reporter, identifier, http, expected] of [
    ["peers of Istio", "destination", SIDECAR, inboundRequest(), "reviews productpage"],
    ["a plain Envoy", "gateway", PLAIN, plainRequest(), "shop reviews"],
    ["a plain Envoy before one service", "destination", {}, plainRequest(), "reviews ?"],
    ["nothing at all, at a gateway", "gateway", {}, common({}), "? ?"],
    ["nothing but the host, at the caller's", "source", PLAIN, common({}), "shop reviews"],
    ["the app of the node", "gateway", node({ LABELS: new Map([["app", "cart"]]) }), common({}), "cart ?"],
    ["the workload of the node", "gateway", node({ WORKLOAD_NAME: "cart-v2" }), common({}), "cart-v2 ?"],
    [
      "the called peer",
      "source",
      PLAIN,
      state("upstream_peer", Object.fromEntries(peer("ratings-v1", "shop"))),
      "shop ratings",
    ],
    [
      "a called peer without a service",
      "source",
      PLAIN,
      state("upstream_peer", { workload: "db-0" }),
      "shop db-0",
    ],
    [
      "a peer as nodes are written",
      "destination",
      PLAIN,
      state("downstream_peer", {
        WORKLOAD_NAME: "a-v1",
        LABELS: new Map([["service.istio.io/canonical-name", "a"]]),
      }),
      "shop a",
    ],
    ["the workload of the host", "gateway", PLAIN, tags({ "dst.wl": "db-v1;shop;db;v1;k" }), "shop db"],
    ["a workload without a service", "gateway", PLAIN, tags({ "dst.wl": "db-v1;shop" }), "shop db-v1"],
    ["the service of the cluster", "gateway", PLAIN, tags({ "dst.svc": '[{"name":"db"}]' }), "shop db"],
    ["a tag that is no JSON", "gateway", PLAIN, tags({ "dst.svc": "[{", "up.cluster": "db" }), "shop db"],
    [
      "a tag of another shape",
      "gateway",
      PLAIN,
      tags({ "dst.svc": '[{"name":5}]', "up.cluster": "db" }),
      "shop db",
    ],
    [
      "a cluster of Istio's",
      "gateway",
      PLAIN,
      common({ upstreamCluster: "outbound|80|v1|cart.shop.svc.cluster.local" }),
      "shop cart",
    ],
    [
      "a cluster outside",
      "gateway",
      PLAIN,
      common({ upstreamCluster: "outbound|443||api.example.com" }),
      "shop api.example.com",
    ],
    [
      "a cluster that is none, at a gateway",
      "gateway",
      PLAIN,
      common({ upstreamCluster: "PassthroughCluster" }),
      "shop ?",
    ],
    [
      "the same at the caller's",
      "source",
      PLAIN,
      common({ upstreamCluster: "PassthroughCluster" }),
      "shop reviews",
    ],
    [
      "the certificate of the caller",
      "destination",
      PLAIN,
      withCommon(inboundRequest(), { filterStateObjects: new Map() }),
      "shop productpage",
    ],
  ] as const) {
    it(`come from ${what}`, () => assert.equal(named(reporter, identifier, http), expected));
  }

  it("stand with the addresses of the workloads", () => {
    const http = withCommon(plainRequest(), {
      downstreamDirectRemoteAddress: socket("10.0.0.1", 40_001),
      downstreamRemoteAddress: socket("203.0.113.9", 0),
      downstreamLocalAddress: socket("10.0.0.2", 9_080),
      upstreamLocalAddress: socket("10.0.0.2", 50_001),
      upstreamRemoteAddress: socket("10.0.0.3", 8_080),
    });
    const entry = entryOf({ identifier: PLAIN, http: [http] });
    const said = (reporter: Reporter): readonly unknown[] => {
      const { local, remote } = endsOf(entry, reporter);
      return [local.ip, local.port, remote.ip, remote.port];
    };
    assert.deepEqual(said("destination"), ["10.0.0.2", 9_080, "10.0.0.1", 40_001]);
    assert.deepEqual(said("source"), ["10.0.0.2", undefined, "10.0.0.3", 8_080]);
    assert.deepEqual(said("gateway"), ["10.0.0.2", 9_080, "10.0.0.3", 8_080]);
    assert.deepEqual(said("waypoint"), ["10.0.0.2", 9_080, "10.0.0.3", 8_080]);
  });
});
