import assert from "node:assert/strict";
import { parseServer } from "../../src/policy/schema.ts";
import { documentOf, wholeOf } from "./parsed.ts";

describe("weir.yaml", () => {
  it("has a default for everything", () => {
    assert.deepEqual(wholeOf(parseServer(documentOf("weir: 1\n"))), {
      listen: {
        grpc: { kind: "tcp", host: "127.0.0.1", port: 9191 },
        metrics: { kind: "tcp", host: "127.0.0.1", port: 9194 },
      },
      mesh: { trustDomains: ["cluster.local"] },
      clientAddress: { from: "peer" },
      checkTimeoutMs: 200,
      maxInFlight: 2000,
      ungoverned: "deny",
      store: { type: "memory" },
    });
  });

  it("is read whole", () => {
    const text = `weir: 1
listen:
  grpc: { address: "unix:/run/weir.sock" }
  metrics: { address: "0.0.0.0:9194", insecure: true }
mesh: { trustDomains: [prod.example.com] }
clientAddress: { from: peer }
checkTimeout: 1.5s
maxInFlight: 10
ungoverned: allow
store: { type: memory }
`;
    assert.deepEqual(wholeOf(parseServer(documentOf(text))), {
      listen: {
        grpc: { kind: "unix", path: "/run/weir.sock" },
        metrics: { kind: "tcp", host: "0.0.0.0", port: 9194 },
      },
      mesh: { trustDomains: ["prod.example.com"] },
      clientAddress: { from: "peer" },
      checkTimeoutMs: 1500,
      maxInFlight: 10,
      ungoverned: "allow",
      store: { type: "memory" },
    });
  });
});
