import { checkFacts } from "../../src/check/attributes.ts";
import { encodeResponse } from "../../src/check/response.ts";
import { startGrpcServer } from "../../src/grpc/server.ts";
import { startMetricsListener } from "../../src/http/metrics.ts";
import { formatAddress } from "../../src/std/listen-address.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { DECIDING } from "./policies.ts";

/**
 * What weir is compared with: the same server, which decodes a request with the same code, its headers too,
 * and answers a constant of the size of weir's own answer. Between the two stand rules, verdict, answer, counting.
 */
const answer = encodeResponse(
  {
    kind: "allow",
    by: DECIDING,
    grants: [DECIDING],
    requestSet: [["x-caller", "spiffe://cluster.local/ns/shop/sa/web"]],
    requestRemove: [],
    querySet: [],
    queryRemove: [],
    responseSet: [],
    responseAppend: [],
    metadata: [],
  },
  { decisionId: "d_aaaaaaaaaaaaaaaa", dialect: "http" },
);

function answerConstant(request: Buffer): Uint8Array {
  const headers = checkFacts(request).request?.headers().joined;
  if (headers === undefined || headers.size === 0) throw new Error("the measured request has headers");
  return answer;
}

const loopback = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
const grpc = await startGrpcServer({
  address: loopback,
  services: [
    { name: "envoy.service.auth.v3.Authorization", operation: "check", methods: { Check: answerConstant } },
  ],
  maxMessageBytes: 4 * 1024 * 1024,
  maxConcurrentCalls: 2_000,
  onError: (error) => console.error(error),
});
const metrics = createMetrics();
const http = await startMetricsListener({
  address: loopback,
  metrics,
  exposed: () => new Map(),
  notReady: () => undefined,
  onError: (error) => console.error(error),
});

// The lines that `weir serve` prints: whoever starts either learns the addresses in the same way.
console.log(`checks   ${formatAddress(grpc.address)}\nmetrics  ${formatAddress(http.address)}`);
process.once("SIGTERM", () => process.exit(0));
