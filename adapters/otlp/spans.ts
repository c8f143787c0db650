import { SpanKind, SpanStatusCode, TraceFlags } from "@opentelemetry/api";
import type { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import type { Exchange, FieldValue, Interval } from "../../src/adapter/report.ts";
import { isInShare, placesOf, type Place } from "../../src/adapter/span-places.ts";
import { readTraceContext } from "../../src/adapter/trace-context.ts";
import { attributesOf, SCOPE, timeOf, wholeTraceId, type Resource } from "./values.ts";

export type Span = Parameters<typeof ProtobufTraceSerializer.serializeRequest>[0][number];

/**
 * The spans of an exchange: a caller's proxy tells of a CLIENT span, the called one's of a SERVER span, a gateway of both. Ids are new
 * ones below those of the headers, and the same when an exchange is told again. None where the trace is not kept.
 */
export function spansOf(
  exchange: Exchange,
  share: number,
  resourceFor: (service: string) => Resource,
): readonly Span[] {
  const context = readTraceContext((name) => exchange.context.get(name));
  const { traceId, server, client } = placesOf(exchange, context?.ids, "child");
  const sampling = context?.sampling ?? "defer";
  if (sampling === "deny" || (sampling === "defer" && !isInShare(traceId, share))) return [];
  const { side, called } = exchange;
  const common = { exchange, traceId: wholeTraceId(traceId), resource: resourceFor(exchange.local.service) };
  const calledAt = side === "gateway" ? called : exchange;
  return [
    ...(server === undefined ? [] : [spanOf(SpanKind.SERVER, server, exchange, common)]),
    ...(client === undefined || calledAt === undefined
      ? []
      : [spanOf(SpanKind.CLIENT, client, calledAt, common)]),
  ];
}

interface Common {
  readonly exchange: Exchange;
  readonly traceId: string;
  readonly resource: Resource;
}

function spanOf(
  kind: SpanKind,
  { id, parentId }: Place,
  { startedAtUs, durationUs = 0 }: Interval,
  { exchange, traceId, resource }: Common,
): Span {
  const { name, failure, attributes, added } = exchange;
  const contextOf = (spanId: string) => ({ traceId, spanId, traceFlags: TraceFlags.SAMPLED });
  return {
    name,
    kind,
    spanContext: () => contextOf(id),
    ...(parentId === undefined ? {} : { parentSpanContext: contextOf(parentId) }),
    startTime: timeOf(startedAtUs / 1_000),
    endTime: timeOf((startedAtUs + durationUs) / 1_000),
    duration: timeOf(durationUs / 1_000),
    ended: true,
    status:
      failure === undefined
        ? { code: SpanStatusCode.UNSET }
        : { code: SpanStatusCode.ERROR, message: failure },
    attributes: attributesOf(peerOf(exchange, kind), attributes, added),
    links: [],
    events: [],
    resource,
    instrumentationScope: SCOPE,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

/** The other end, by OpenTelemetry's names. Who calls a gateway is not among the ends that it tells of. */
function peerOf({ side, remote }: Exchange, kind: SpanKind): ReadonlyMap<string, FieldValue> {
  const peer = new Map<string, FieldValue>();
  if (side === "gateway" && kind === SpanKind.SERVER) return peer;
  if (remote.service !== "") peer.set("peer.service", remote.service);
  if (remote.ip !== undefined) peer.set("network.peer.address", remote.ip);
  if (remote.port !== undefined) peer.set("network.peer.port", remote.port);
  return peer;
}
