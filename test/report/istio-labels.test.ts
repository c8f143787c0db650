import assert from "node:assert/strict";
import { istioPreset } from "../../src/report/istio.ts";
import { structAny, textAny, type DescribedHttp, type DescribedIdentifier } from "./encode.ts";
import { inboundRequest, peerAny, plainRequest, SIDECAR } from "./entries.ts";
import {
  CALLER,
  common,
  GATEWAY,
  labelsOf,
  measured,
  one,
  some,
  states,
  tags,
  WAYPOINT,
} from "./measured.ts";

describe("Istio's labels", () => {
  const outbound = {
    upstreamCluster: "outbound|9080|v1|reviews.shop.svc.cluster.local",
    filterStateObjects: states({ upstream_peer: peerAny("reviews-v1", "shop") }),
    customTags: tags({
      "up.san": "spiffe://cluster.local/ns/shop/sa/reviews",
      "up.lsan": "spiffe://cluster.local/ns/web/sa/productpage",
      "dst.svc": '[{"host":"reviews.shop.svc.cluster.local","name":"reviews","namespace":"shop"}]',
    }),
  };

  it("of the calling side have the upstream's peer and principals, and no word on security", () => {
    const labels = labelsOf(one(common(outbound), CALLER));
    assert.deepEqual(
      [labels["reporter"], labels["source_workload"], labels["source_principal"]],
      ["source", "reviews-v1", "spiffe://cluster.local/ns/web/sa/productpage"],
    );
    assert.deepEqual(
      [labels["destination_workload"], labels["destination_principal"], labels["destination_service"]],
      ["reviews-v1", "spiffe://cluster.local/ns/shop/sa/reviews", "reviews.shop.svc.cluster.local"],
    );
    assert.equal(labels["connection_security_policy"], "unknown");
  });

  it("of the calling side fall back on what is known of the endpoint, and on the peer's identity", () => {
    const endpoint = { "dst.wl": "reviews-v2;shop;reviews;v2;east", "up.san": "-" };
    const made = one(
      common({ ...outbound, filterStateObjects: new Map(), customTags: tags(endpoint) }),
      CALLER,
    );
    const names = [
      "workload",
      "workload_namespace",
      "canonical_service",
      "canonical_revision",
      "cluster",
      "principal",
    ];
    assert.deepEqual(some(made, ...names.map((name) => `destination_${name}`)), [
      "reviews-v2",
      "shop",
      "reviews",
      "v2",
      "east",
      "unknown",
    ]);
    const byPeer = one(
      common({ ...outbound, customTags: tags({ "up.san": "spiffe://a,spiffe://b" }) }),
      CALLER,
    );
    assert.deepEqual(some(byPeer, "destination_principal", "destination_service_name"), [
      "spiffe://cluster.local/ns/shop/sa/reviews-v1",
      "reviews",
    ]);
  });

  it("read peers in the spelling of nodes too", () => {
    const state = structAny({
      WORKLOAD_NAME: "productpage-v1",
      NAMESPACE: "web",
      CLUSTER_ID: "east",
      LABELS: new Map([["service.istio.io/canonical-name", "productpage"]]),
    });
    const made = one(common({ filterStateObjects: states({ downstream_peer: state }) }));
    assert.deepEqual(
      some(
        made,
        "source_workload",
        "source_workload_namespace",
        "source_cluster",
        "source_canonical_service",
      ),
      ["productpage-v1", "web", "east", "productpage"],
    );
  });

  it("take the namespace of the certificate before that of the metadata", () => {
    const { commonProperties } = inboundRequest();
    const filterStateObjects = states({ downstream_peer: peerAny("productpage-v1", "elsewhere") });
    const made = one({ ...inboundRequest(), commonProperties: { ...commonProperties, filterStateObjects } });
    assert.deepEqual(some(made, "source_workload_namespace"), ["shop"]);
  });

  it("are of mutual TLS only where both ends have one identity", () => {
    const certificates = (peerUris: readonly string[], localUris: readonly string[]) => {
      const names = (uris: readonly string[]) => ({ subjectAltName: uris.map((uri) => ({ uri })) });
      const tlsProperties = {
        tlsSniHostname: "sniffed",
        peerCertificateProperties: names(peerUris),
        localCertificateProperties: names(localUris),
      };
      return some(one(common({ tlsProperties })), "connection_security_policy", "source_principal");
    };
    assert.deepEqual(certificates(["spiffe://a/b"], ["spiffe://a/c"]), ["mutual_tls", "spiffe://a/b"]);
    assert.deepEqual(certificates([], ["spiffe://a/c"]), ["none", "unknown"]);
    assert.deepEqual(certificates(["spiffe://a/b"], []), ["none", "spiffe://a/b"]);
    assert.deepEqual(certificates(["spiffe://a/b", "spiffe://a/x"], ["spiffe://a/c"]), ["none", "unknown"]);
  });

  it("take the principals that another proxy handed on, where there is no certificate", () => {
    const filterStateObjects = new Map([
      ["io.istio.peer_principal", textAny("spiffe://a/ns/x/sa/y")],
      ["io.istio.local_principal", textAny("spiffe://a/ns/z/sa/w")],
    ]);
    const made = one(common({ filterStateObjects }));
    assert.deepEqual(
      some(made, "source_principal", "source_workload_namespace", "connection_security_policy"),
      ["spiffe://a/ns/x/sa/y", "x", "mutual_tls"],
    );
  });

  it("of a waypoint have both peers, and an unknown revision where the called one has none", () => {
    const called = structAny({
      workload: "reviews-v1",
      namespace: "shop",
      identity: "spiffe://a/ns/shop/sa/r",
    });
    const made = one(
      common({
        upstreamCluster: "inbound-vip|9080|http|reviews.shop.svc.cluster.local",
        filterStateObjects: states({
          downstream_peer: peerAny("productpage-v1", "web"),
          upstream_peer: called,
        }),
      }),
      WAYPOINT,
    );
    const names = ["reporter", "source_workload", "destination_workload", "destination_principal"];
    assert.deepEqual(some(made, ...names), [
      "waypoint",
      "productpage-v1",
      "reviews-v1",
      "spiffe://a/ns/shop/sa/r",
    ]);
    assert.deepEqual(
      some(made, "destination_canonical_revision", "connection_security_policy", "destination_service"),
      ["unknown", "none", "reviews.shop.svc.cluster.local"],
    );
  });

  const services = ["destination_service", "destination_service_name", "destination_service_namespace"];
  const called: readonly (readonly [
    string,
    DescribedIdentifier | undefined,
    Parameters<typeof common>[0],
    readonly string[],
  ])[] = [
    ["the cluster's metadata", GATEWAY, outbound, ["reviews.shop.svc.cluster.local", "reviews", "shop"]],
    [
      "the first label of its host, where it has no name",
      GATEWAY,
      { customTags: tags({ "dst.svc": '[{"host":"a.b"}]' }) },
      ["a.b", "a", "unknown"],
    ],
    [
      "the name of Istio's cluster",
      GATEWAY,
      { upstreamCluster: "outbound|80||ratings.shop.svc.cluster.local" },
      ["ratings.shop.svc.cluster.local", "ratings", "shop"],
    ],
    [
      "the name of another cluster",
      GATEWAY,
      { upstreamCluster: "payments" },
      ["payments", "payments", "unknown"],
    ],
    [
      "the cluster's name that a tag has, where no host was chosen",
      GATEWAY,
      { customTags: tags({ "up.cluster": "payments" }) },
      ["payments", "payments", "unknown"],
    ],
    ["nothing, at a gateway, never the caller's word", GATEWAY, {}, ["unknown", "unknown", "unknown"]],
    [
      "the kind of passing through",
      GATEWAY,
      { upstreamCluster: "PassthroughCluster" },
      ["unknown", "PassthroughCluster", "unknown"],
    ],
    [
      "the host too, where the workload beside the proxy names it",
      CALLER,
      { upstreamCluster: "PassthroughCluster" },
      ["evil.example.com", "PassthroughCluster", "unknown"],
    ],
    [
      "what is blocked",
      CALLER,
      { routeName: "block_all" },
      ["evil.example.com", "BlackHoleCluster", "unknown"],
    ],
    [
      "what may be any",
      CALLER,
      { routeName: "allow_any" },
      ["evil.example.com", "PassthroughCluster", "unknown"],
    ],
    [
      "the host, where nothing else is known",
      CALLER,
      {},
      ["evil.example.com", "evil.example.com", "unknown"],
    ],
    [
      "the workload's own service, inbound",
      SIDECAR,
      { upstreamCluster: "inbound|9080||" },
      ["reviews", "reviews", "shop"],
    ],
    [
      "malformed metadata as none",
      GATEWAY,
      { upstreamCluster: "payments", customTags: tags({ "dst.svc": "[{]" }) },
      ["payments", "payments", "unknown"],
    ],
  ];
  for (const [what, identifier, entry, expected] of called) {
    it(`call the service by ${what}`, () => {
      assert.deepEqual(some(one(common(entry), identifier), ...services), expected);
    });
  }

  const reporters: readonly (readonly [
    string,
    DescribedIdentifier | undefined,
    Parameters<typeof common>[0],
    string,
  ])[] = [
    ["the logger's name", { logName: "a-in", id: "sidecar~1" }, outbound, "destination"],
    ["the logger's name", { logName: "a-outbound" }, {}, "source"],
    ["the cluster", { logName: "x", id: "sidecar~1" }, { upstreamCluster: "inbound|80||" }, "destination"],
    ["the cluster", { logName: "x", id: "sidecar~1" }, { upstreamCluster: "outbound|80||a" }, "source"],
    ["the node", { logName: "x", id: "router~1" }, { upstreamCluster: "inbound|80||" }, "source"],
    ["the node", { logName: "x", id: "waypoint~1" }, {}, "waypoint"],
    ["the node", { logName: "x", id: "sidecar~1" }, {}, "destination"],
  ];
  for (const [what, identifier, entry, expected] of reporters) {
    it(`tell by ${what} that ${expected} reports`, () => {
      assert.deepEqual(some(one(common(entry), identifier), "reporter"), [expected]);
    });
  }

  it("of a plain Envoy call its workload as it was started", () => {
    const made = one(plainRequest(), { logName: "mesh-in", id: "reviews-1", cluster: "reviews" });
    assert.deepEqual(
      some(made, "destination_workload", "destination_canonical_service", "destination_service_name"),
      ["reviews", "reviews", "reviews"],
    );
  });

  it("are one array for one label set, whichever proxy beside the workload tells, and no two texts are taken for one", () => {
    const preset = istioPreset();
    const labels = (http: DescribedHttp, identifier: DescribedIdentifier | undefined) =>
      measured({ identifier, http: [http] }, preset)[0]?.labels;
    const first = labels(inboundRequest(1), SIDECAR);
    assert.equal(labels(inboundRequest(2), SIDECAR), first);
    assert.equal(labels(inboundRequest(3), { ...SIDECAR, id: "sidecar~10.0.0.9~other" }), first);
    const two = [tags({ "up.san": "ab", "up.lsan": "c" }), tags({ "up.san": "a", "up.lsan": "bc" })].map(
      (customTags) => labels(common({ ...outbound, customTags }), CALLER),
    );
    assert.notDeepEqual(two[0], two[1]);
  });

  it("are cut where they are longer than any name", () => {
    const made = one(common({ upstreamCluster: "x".repeat(5_000) }), GATEWAY);
    assert.equal(some(made, "destination_service")[0]?.length, 256);
  });
});
