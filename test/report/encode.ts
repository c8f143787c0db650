import { structMessage, type StructValue } from "../../src/std/struct.ts";
import { bytesOf, numberField, textField } from "../../src/std/wire-writer.ts";
import type {
  HTTPAccessLogEntry,
  TCPAccessLogEntry,
} from "../../src/wire/envoy/data/accesslog/v3/accesslog.ts";
import { StreamAccessLogsMessage } from "../../src/wire/envoy/service/accesslog/v3/als.ts";
import { Struct } from "../../src/wire/google/protobuf/struct.ts";

/** As much of an entry as a test says; the rest is empty. */
export type DescribedHttp = Parameters<typeof HTTPAccessLogEntry.fromPartial>[0];
export type DescribedTcp = Parameters<typeof TCPAccessLogEntry.fromPartial>[0];

/** Who sends it. */
export interface DescribedIdentifier {
  readonly logName?: string;
  readonly id?: string;
  readonly cluster?: string;
  readonly metadata?: Readonly<Record<string, StructValue>>;
}

/** One message of a stream. */
export interface DescribedMessage {
  /** Undefined: as in all messages but the first. */
  readonly identifier?: DescribedIdentifier | undefined;
  readonly http?: readonly DescribedHttp[];
  readonly tcp?: readonly DescribedTcp[];
}

/** The message as an Envoy would send it. */
export function encodeMessage({ identifier, http, tcp }: DescribedMessage): Buffer {
  const message = StreamAccessLogsMessage.fromPartial({
    ...(http === undefined ? {} : { httpLogs: { logEntry: [...http] } }),
    ...(tcp === undefined ? {} : { tcpLogs: { logEntry: [...tcp] } }),
  });
  if (identifier !== undefined) {
    const { logName = "", id = "", cluster = "", metadata } = identifier;
    const node = { id, cluster, metadata: metadata && struct(metadata) };
    message.identifier = StreamAccessLogsMessage.fromPartial({ identifier: { logName, node } }).identifier;
  }
  return Buffer.from(StreamAccessLogsMessage.encode(message).finish());
}

/** A google.protobuf.Struct with these fields. */
export const struct = (fields: Readonly<Record<string, StructValue>>): Struct =>
  Struct.decode(structBytes(fields));

/** An object of the filter state, of the named message. */
export const anyOf = (type: string, value: Buffer) => ({ typeUrl: `type.googleapis.com/${type}`, value });

export const structAny = (fields: Readonly<Record<string, StructValue>>) =>
  anyOf("google.protobuf.Struct", structBytes(fields));

export const textAny = (text: string) => anyOf("google.protobuf.StringValue", bytesOf(textField(1, text)));

/** What Envoy's filter grpc_stats writes. */
export const grpcStatsAny = (request: number, response: number) =>
  anyOf(
    "envoy.extensions.filters.http.grpc_stats.v3.FilterObject",
    bytesOf(numberField(1, request) + numberField(2, response)),
  );

/** Milliseconds as a Duration or a Timestamp. */
export const time = (ms: number) => ({
  seconds: BigInt(Math.floor(ms / 1_000)),
  nanos: Math.round((ms % 1_000) * 1_000_000),
});

/** An IP address and port. */
export const socket = (address: string, portValue: number) => ({ socketAddress: { address, portValue } });

function structBytes(fields: Readonly<Record<string, StructValue>>): Buffer {
  return bytesOf(structMessage(new Map(Object.entries(fields))));
}
