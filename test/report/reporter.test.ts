import assert from "node:assert/strict";
import type { ProxyRole } from "../../src/attributes/proxy.ts";
import { reporterOf } from "../../src/report/reporter.ts";
import { entryOf, withCommon } from "./described.ts";
import { socket } from "./encode.ts";
import { plainRequest } from "./entries.ts";

interface Case {
  readonly logName?: string;
  readonly node?: string;
  readonly cluster?: string;
  /** Address that Envoy sent it on to; empty: nowhere. */
  readonly upstream?: string;
  readonly role?: ProxyRole;
}

const CASES: readonly (readonly [expected: string, case_: Case])[] = [
  ["gateway", {}],
  ["gateway", { role: "gateway", upstream: "127.0.0.1" }],
  ["destination", { logName: "mesh-in" }],
  ["source", { logName: "mesh-out" }],
  ["destination", { logName: "mesh-in", cluster: "outbound|80||a.b.svc.cluster.local" }],
  ["destination", { cluster: "inbound|9080||" }],
  ["source", { cluster: "outbound|80||a.b.svc.cluster.local" }],
  ["gateway", { node: "router~10.0.0.9~edge.istio~x", cluster: "outbound|80||a.b.svc.cluster.local" }],
  ["gateway", { node: "router~10.0.0.9~edge.istio~x", logName: "edge-in" }],
  ["waypoint", { node: "waypoint~10.0.0.9~way.shop~x", logName: "mesh-in" }],
  ["source", { node: "sidecar~10.0.0.2~a.b~x" }],
  ["source", { role: "sidecar" }],
  ["destination", { role: "sidecar", upstream: "" }],
  ["destination", { role: "sidecar", upstream: "127.0.0.1" }],
  ["destination", { role: "sidecar", upstream: "::1" }],
  ["destination", { role: "sidecar", upstream: "10.0.0.2" }],
];

describe("who logs", () => {
  for (const [expected, { logName = "access", node = "envoy-1", cluster = "orders", ...more }] of CASES) {
    const { upstream = "10.0.0.7", role = "gateway" } = more;
    it(`is a ${expected}: ${[logName, node, cluster, upstream, role].join(" ")}`, () => {
      const http = withCommon(plainRequest(), {
        upstreamCluster: cluster,
        downstreamLocalAddress: socket("10.0.0.2", 9_080),
        upstreamRemoteAddress: upstream === "" ? undefined : socket(upstream, 8_080),
      });
      const entry = entryOf({ identifier: { logName, id: node }, http: [http] }, { proxyRole: () => role });
      assert.equal(reporterOf(entry), expected);
    });
  }
});
