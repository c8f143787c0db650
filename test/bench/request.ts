import { CheckRequest } from "../../src/wire/envoy/service/auth/v3/external_auth.ts";

/** The host that every measured request asks for. */
export const MEASURED_HOST = "shop-000.example.com";

/** The full name of the method that is measured, as gRPC's path. */
export const CHECK_PATH = "/envoy.service.auth.v3.Authorization/Check";

export interface Asked {
  readonly method: string;
  readonly path: string;
}

export const MEASURED: Asked = { method: "GET", path: "/orders/4711/items?page=2&sort=created" };

/**
 * An encoded CheckRequest (envoy.service.auth.v3) as a sidecar in a mesh sends it, about 1.4 KB: a browser's
 * headers behind a gateway, and both ends by their SPIFFE ids.
 */
export function checkRequest({ method, path }: Asked = MEASURED): Buffer {
  const headers = new Map(Object.entries({ ":method": method, ":path": path, ...HEADERS }));
  const message = CheckRequest.fromPartial({
    attributes: {
      source: {
        address: { socketAddress: { address: "10.42.3.17", portValue: 48_212 } },
        principal: "spiffe://cluster.local/ns/shop/sa/web",
      },
      destination: {
        address: { socketAddress: { address: "10.42.7.4", portValue: 8_080 } },
        principal: "spiffe://cluster.local/ns/orders/sa/orders",
      },
      request: {
        time: { seconds: 1_767_225_600n, nanos: 123_456_000 },
        http: {
          id: "13804918023184921673",
          method,
          headers,
          path,
          host: MEASURED_HOST,
          scheme: "https",
          size: -1n,
          protocol: "HTTP/2",
        },
      },
    },
  });
  return Buffer.from(CheckRequest.encode(message).finish());
}

const HEADERS = {
  ":authority": MEASURED_HOST,
  ":scheme": "https",
  accept: "application/json, text/plain;q=0.9, */*;q=0.8",
  "accept-encoding": "gzip, deflate, br, zstd",
  "accept-language": "en-GB,en;q=0.9,de;q=0.8",
  "cache-control": "no-cache",
  cookie: "session=9f8b2c1d7e6a4f3b8c2d1e0f9a8b7c6d; theme=dark; consent=necessary",
  origin: "https://shop.example.com",
  referer: "https://shop.example.com/account/orders?page=2",
  "sec-ch-ua": '"Chromium";v="140", "Not=A?Brand";v="24"',
  "sec-fetch-mode": "cors",
  traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  "user-agent":
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
  "x-client-version": "7.14.2",
  "x-envoy-attempt-count": "1",
  "x-forwarded-client-cert":
    "By=spiffe://cluster.local/ns/orders/sa/orders;Hash=468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688;URI=spiffe://cluster.local/ns/shop/sa/web",
  "x-forwarded-for": "203.0.113.42",
  "x-forwarded-proto": "https",
  "x-request-id": "5f7a3c1e-94d2-4b7e-8f61-2a90d3c5b8e7",
};

/** A message as gRPC sends it: not compressed, its length, itself (github.com/grpc/grpc PROTOCOL-HTTP2.md). */
export function grpcFrame(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(GRPC_PREFIX_BYTES + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, GRPC_PREFIX_BYTES);
  return frame;
}

export const GRPC_PREFIX_BYTES = 5;
