import assert from "node:assert/strict";
import { envoyGateway } from "../../src/envoy/gateway.ts";
import { istio } from "../../src/envoy/istio.ts";
import { plainEnvoy } from "../../src/envoy/plain.ts";
import type { Order } from "../../src/envoy/target.ts";
import { writeYaml } from "../../src/envoy/write.ts";
import { askedBy, ONCE, POLICY } from "./envoys.ts";
import { needsFor } from "./fixture.ts";

const BY_HOST = ONCE.replace("destinations: [shop/orders]", "hosts: [orders.example.com]");
const XFF = "clientAddress: { from: xff, trustedHops: 1 }\n";
const orderOf = (
  server: string,
  { policy = ONCE, ...more }: Partial<Order> & { policy?: string } = {},
): Order => ({
  needs: needsFor({ "orders.yaml": policy, "weir.yaml": server }),
  at: { kind: "tcp", host: "weir.mesh.svc", port: 9191 },
  service: "grpc",
  transport: "als",
  ...more,
});
const HTTP = "listen:\n  http: { address: 127.0.0.1:9192 }\n";

describe("what is charged once, in what weir envoy writes", () => {
  it("comes with what gateways and sidecars have to do, and that their names are to be known", () => {
    for (const write of [plainEnvoy, istio, envoyGateway]) {
      const written = writeYaml(write(orderOf(askedBy("gateway"))));
      assert.match(written, /# once: request is told from gateway to sidecar in x-weir-once/, write.name);
      assert.match(written, /listen\.grpc of weir\.yaml needs tls with clientCa/);
    }
    const known = askedBy(
      "gateway",
      "listen:\n  grpc: { address: 127.0.0.1:9191, tls: { cert: a, key: b, clientCa: c } }\n",
    );
    assert.doesNotMatch(writeYaml(plainEnvoy(orderOf(known))), /needs tls/);
    assert.doesNotMatch(writeYaml(plainEnvoy(orderOf(askedBy("gateway"), { policy: POLICY }))), /once/);
  });

  it("keeps the gateway's request id at a sidecar that has the address of its peer", () => {
    const of = (role: "gateway" | "sidecar", more = ""): string =>
      writeYaml(plainEnvoy(orderOf(askedBy(role, more))));
    assert.match(of("sidecar", XFF), /preserve_external_request_id: true/);
    assert.doesNotMatch(of("sidecar"), /preserve_external_request_id: true/);
    assert.doesNotMatch(of("gateway", XFF), /preserve_external_request_id: true/);
  });

  it("is among the headers that are taken over HTTP", () => {
    const written = writeYaml(
      plainEnvoy(orderOf(askedBy("gateway", HTTP), { service: "http", policy: BY_HOST })),
    );
    assert.match(written, /allowed_upstream_headers:[^]*exact: x-weir-once/);
  });
});
