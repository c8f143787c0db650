import assert from "node:assert/strict";
import { ownFolder, run } from "../cli/fixture.ts";
import { kindsIn, policyOf } from "./fixture.ts";

const AT = ["--for", "istio", "--at", "weir.edge.svc.cluster.local:9191"];
const ALL =
  'size(request.body) > 1 || "a" in request.headers_all || !has(source.principal) || connection.requested_server_name == "a"';
const OWNED = "    request: { set: { x-user: someone } }\n";

describe("weir envoy --for istio", () => {
  const folderOf = ownFolder();
  const printing = async (files: Readonly<Record<string, string>>): Promise<string> => {
    const { code, printed, complained } = await run(["envoy", folderOf(files), ...AT]);
    assert.deepEqual([code, complained], [0, ""]);
    return printed;
  };

  it("prints a provider and a policy where the provider can say it all", async () => {
    const printed = await printing({ "orders.yaml": policyOf("size(request.body) > 10") });
    assert.deepEqual(kindsIn(printed), ["MeshConfig", "AuthorizationPolicy"]);
    assert.match(printed, /maxRequestBytes: 65536/);
    assert.match(printed, /timeout: 0\.25s # longer than weir's checkTimeout of 200ms/);
  });

  it("prints an EnvoyFilter for what the provider has no field for", async () => {
    const routes = policyOf(ALL).replace("match:\n", "match:\n  routes: [orders]\n") + OWNED;
    const printed = await printing({ "orders.yaml": routes });
    assert.deepEqual(kindsIn(printed), ["MeshConfig", "AuthorizationPolicy", "EnvoyFilter"]);
    for (const words of [
      "encode_raw_headers: true",
      "include_peer_certificate: true",
      "include_tls_session: true",
    ])
      assert.ok(printed.includes(words), words);
    assert.match(printed, /weir\.route: orders/);
    assert.match(printed, /INSERT_BEFORE[^]*x\[-_\]user/);
  });

  it("prints what TCP needs too", async () => {
    const tcp = `weir: 1
policy: database
match: { protocol: tcp }
rules:
  - id: named
    allow: connection.requested_server_name == "db" && has(source.principal)
`;
    const printed = await printing({ "database.yaml": tcp });

    assert.match(printed, /applyTo: NETWORK_FILTER[^]*include_tls_session: true/);
  });

  it("prints a DestinationRule where weir's listener has TLS", async () => {
    const server = `weir: 1
listen:
  grpc: { address: 0.0.0.0:9191, tls: { cert: a.crt, key: a.key, clientCa: ca.crt } }
`;
    const printed = await printing({ "weir.yaml": server, "orders.yaml": policyOf("false") });
    assert.deepEqual(kindsIn(printed), ["MeshConfig", "AuthorizationPolicy", "DestinationRule"]);
    assert.match(printed, /mode: MUTUAL/);
  });

  it("is for sidecars where weir.yaml says that they ask", async () => {
    const server = "weir: 1\nproxy: { role: sidecar }\n";
    const text = policyOf(ALL).replace("match:\n", "match:\n  destinations: [shop/orders]\n");
    const printed = await printing({ "weir.yaml": server, "orders.yaml": text });

    assert.match(printed, /context: SIDECAR_INBOUND/);
    assert.doesNotMatch(printed, /selector/i);
  });

  const LOGGED = "weir: 1\nhandlers: { console: { adapter: stdout } }\nproxy: { role: sidecar }\n";
  const entries = (more: string): string => `weir: 1
policy: mesh
match: everything
telemetry:
  - id: all
    to: console
${more}`;

  it("prints providers of logs and who uses them, of telemetry alone nothing else", async () => {
    const rule = entries("    when: response.grpc_status == 14\n    with: { method: '${request.method}' }\n");
    const folder = folderOf({ "weir.yaml": LOGGED, "mesh.yaml": rule });
    for (const [more, provider] of [
      [
        [],
        /envoyHttpAls:[^]*logName: weir-in[^]*additionalResponseTrailersToLog:\n +- grpc-status[^]*envoyTcpAls/,
      ],
      [
        ["--otlp"],
        /envoyOtelAls:[^]*labels:\n +log\.type: "?%ACCESS_LOG_TYPE%[^]*response\.trailers\.grpc-status/,
      ],
    ] as const) {
      const { code, printed, complained } = await run(["envoy", folder, ...AT, ...more]);
      assert.deepEqual([code, complained], [0, ""]);
      assert.deepEqual(kindsIn(printed), ["MeshConfig", "Telemetry"]);
      assert.match(printed, provider);
      assert.match(printed, /mode: SERVER\n +providers:\n +- name: weir-in\n/);
    }
  });

  it("prints whole loggers where the providers have no field for what rules read", async () => {
    const files = { "weir.yaml": LOGGED, "mesh.yaml": entries("    preset: access-log\n") };
    const printed = await printing(files);
    assert.deepEqual(kindsIn(printed), ["EnvoyFilter"]);
    assert.match(
      printed,
      /SIDECAR_INBOUND[^]*log_name: weir-in[^]*outbound\|9191\|\|weir\.edge\.svc\.cluster\.local/,
    );
    assert.match(
      printed,
      /SIDECAR_OUTBOUND[^]*log_name: weir-out[^]*tag: up\.cluster\n +value: "?%UPSTREAM_CLUSTER_RAW%/,
    );
  });

  const refused: readonly (readonly [
    what: string,
    files: Readonly<Record<string, string>>,
    complaint: RegExp,
  ])[] = [
    [
      "claims of jwt_authn",
      { "orders.yaml": policyOf('metadata["envoy.filters.http.jwt_authn"].sub == "a"') },
      /orders\.yaml:6:9 {2}cannot-be-sent {2}orders\/asked reads metadata, and Istio puts jwt_authn behind[^]*`jwt:` identity/,
    ],
    [
      "metadata without a name",
      { "orders.yaml": policyOf('metadata[request.method].a == "a"') },
      /orders\/asked reads metadata, and the namespace is not a constant/,
    ],
    [
      "a proxy's name where nobody asks for it",
      { "orders.yaml": policyOf('proxy.principal == "a"') },
      /orders\/asked reads proxy\.principal, and weir's listener asks Envoys for no certificate/,
    ],
    [
      "routes of sidecars",
      {
        "weir.yaml": "weir: 1\nproxy: { role: sidecar }\n",
        "orders.yaml": policyOf("false").replace(
          "match:\n",
          "match:\n  routes: [a]\n  destinations: [a/b]\n",
        ),
      },
      /orders\.yaml:2:9 {2}cannot-be-sent {2}orders reads match\.routes/,
    ],
  ];
  for (const [what, files, complaint] of refused) {
    it(`refuses ${what}, and prints nothing`, async () => {
      const { code, printed, complained } = await run(["envoy", folderOf(files), ...AT]);
      assert.deepEqual([code, printed], [1, ""]);
      assert.match(complained, complaint);
    });
  }
});
