import { structMessage, type StructValue } from "../../src/std/struct.ts";
import { bytesOf } from "../../src/std/wire-writer.ts";
import { RequestMethod } from "../../src/wire/envoy/config/core/v3/base.ts";
import {
  AccessLogType,
  HTTPAccessLogEntry,
  HTTPAccessLogEntry_HTTPVersion,
  TLSProperties_TLSVersion,
} from "../../src/wire/envoy/data/accesslog/v3/accesslog.ts";
import { Struct } from "../../src/wire/google/protobuf/struct.ts";
import { StreamAccessLogsMessage } from "../../src/wire/envoy/service/accesslog/v3/als.ts";
import type { EntriesLoad } from "./entries-load.ts";

/** The messages of a stream, all with entries; the first says who logs. */
export interface Recorded {
  readonly first: Uint8Array;
  readonly others: readonly Uint8Array[];
}

/** As many as hold every label set at least once, and no fewer than this. */
const LEAST_MESSAGES = 64;

/**
 * What the inbound listener of a sidecar logs of one service's callers, each caller with statuses of its own: `labelSets` different
 * label sets in turn. Addresses, ids, paths and times differ from entry to entry as they do in life.
 */
export function recordedMessages({
  entriesPerMessage,
  labelSets,
}: Pick<EntriesLoad, "entriesPerMessage" | "labelSets">): Recorded {
  const count = Math.max(LEAST_MESSAGES, Math.ceil(labelSets / entriesPerMessage));
  const messages = Array.from({ length: count }, (_, message) => {
    const entries = Array.from({ length: entriesPerMessage }, (_one, index) =>
      entryOf(message * entriesPerMessage + index, labelSets),
    );
    return { httpLogs: { logEntry: entries } };
  });
  const node = {
    id: "sidecar~10.1.2.3~orders-1.shop~shop.svc.cluster.local",
    cluster: "orders.shop",
    metadata: structOf({
      WORKLOAD_NAME: "orders",
      NAMESPACE: "shop",
      CLUSTER_ID: "bench",
      LABELS: {
        app: "orders",
        version: "v1",
        "service.istio.io/canonical-name": "orders",
        "service.istio.io/canonical-revision": "v1",
      },
    }),
  };
  const identifier = { node, logName: "mesh-in" };
  return { first: encoded({ identifier, ...messages[0] }), others: messages.map(encoded) };
}

type Fields = { readonly [name: string]: string | Fields };

const structOf = (fields: Fields): Struct => Struct.decode(bytesOf(structMessage(mapOf(fields))));

const mapOf = (fields: Fields): ReadonlyMap<string, StructValue> =>
  new Map(
    Object.entries(fields).map(([name, value]) => [name, typeof value === "string" ? value : mapOf(value)]),
  );

const encoded = (message: Parameters<typeof StreamAccessLogsMessage.fromPartial>[0]): Uint8Array =>
  StreamAccessLogsMessage.encode(StreamAccessLogsMessage.fromPartial(message)).finish();

const STATUSES = [200, 200, 200, 201, 204, 301, 404, 500];

function entryOf(number: number, labelSets: number): HTTPAccessLogEntry {
  const set = number % labelSets;
  const caller = `caller-${set}`;
  const seconds = BigInt(1_790_000_000 + Math.floor(number / 1_000));
  const after = (ms: number) => ({ seconds: 0n, nanos: Math.round(ms * 1e6) });
  const address = (last: number, port: number) => ({
    socketAddress: { address: `10.1.${last % 256}.${set % 256}`, portValue: port },
  });
  return HTTPAccessLogEntry.fromPartial({
    commonProperties: {
      downstreamRemoteAddress: address(number, 30_000 + (number % 30_000)),
      downstreamLocalAddress: address(3, 8_080),
      downstreamDirectRemoteAddress: address(number, 30_000 + (number % 30_000)),
      tlsProperties: {
        tlsVersion: TLSProperties_TLSVersion.TLSv1_3,
        tlsSniHostname: "outbound_.8080_._.orders.shop.svc.cluster.local",
        localCertificateProperties: { subjectAltName: [sanOf("orders")] },
        peerCertificateProperties: { subjectAltName: [sanOf(caller)] },
      },
      startTime: { seconds, nanos: (number % 1_000) * 1_000_000 },
      timeToLastRxByte: after(0.2),
      timeToFirstUpstreamTxByte: after(0.6),
      timeToLastUpstreamTxByte: after(0.7),
      timeToFirstUpstreamRxByte: after(3 + (number % 40)),
      timeToLastUpstreamRxByte: after(3.2 + (number % 40)),
      timeToFirstDownstreamTxByte: after(3.3 + (number % 40)),
      timeToLastDownstreamTxByte: after(3.4 + (number % 40)),
      duration: after(3.5 + (number % 40)),
      upstreamRemoteAddress: address(9, 8_080),
      upstreamLocalAddress: address(9, 41_000),
      upstreamCluster: "inbound|8080||",
      routeName: "default",
      upstreamRequestAttemptCount: 1,
      streamId: `9f1c6a4e-0000-4000-8000-${number.toString(16).padStart(12, "0")}`,
      downstreamWireBytesSent: BigInt(400 + (number % 900)),
      downstreamWireBytesReceived: BigInt(700 + (number % 500)),
      upstreamWireBytesSent: 812n,
      upstreamWireBytesReceived: 512n,
      accessLogType: AccessLogType.DownstreamEnd,
    },
    protocolVersion: HTTPAccessLogEntry_HTTPVersion.HTTP11,
    request: {
      requestMethod: RequestMethod.GET,
      scheme: "http",
      authority: "orders.shop.svc.cluster.local:8080",
      path: `/orders/${number}?page=${number % 7}`,
      userAgent: "checkout/1.4 (linux; node)",
      requestId: `9f1c6a4e-1111-4000-8000-${number.toString(16).padStart(12, "0")}`,
      requestHeadersBytes: 640n,
      requestHeaders: new Map([["content-type", "application/json"]]),
    },
    response: {
      responseCode: STATUSES[set % STATUSES.length] ?? 200,
      responseHeadersBytes: 210n,
      responseBodyBytes: BigInt(number % 900),
      responseCodeDetails: "via_upstream",
    },
  });
}

const sanOf = (account: string) => ({
  uri: `spiffe://cluster.local/ns/shop/sa/${account}`,
});
