import {
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from "@opentelemetry/otlp-transformer";
import type { ReportRecord } from "../../src/adapter/report.ts";
import type { OtlpConfig, Signal } from "./config.ts";
import { logRecordOf } from "./logs.ts";
import { metricsOf, type Period } from "./metrics.ts";
import type { Encoded } from "./send.ts";
import { spansOf } from "./spans.ts";
import { resourceOf, SCOPE, type Resource } from "./values.ts";

/** What a batch is encoded with. */
export interface Encoding {
  readonly config: OtlpConfig;
  readonly period: Period;
}

const PREFIXES: Readonly<Record<OtlpConfig["names"], string>> = { istio: "istio_", weir: "weir_mesh_" };

const NO_BYTES = new Uint8Array();

/** One request for each signal that a batch has something of and that has an address. */
export function encode(
  batch: readonly ReportRecord[],
  { config, period }: Encoding,
): readonly (readonly [Signal, Encoded])[] {
  const { logs, traces, metrics } = config.urls;
  const resource = resourceOf(config.resource);
  return [
    ...(logs === undefined ? [] : encodeLogs(batch, logs, resource)),
    ...(traces === undefined ? [] : encodeSpans(batch, traces, config)),
    ...(metrics === undefined ? [] : encodeMetrics(batch, metrics, { config, period, resource })),
  ];
}

type Made = readonly (readonly [Signal, Encoded])[];

function encodeLogs(batch: readonly ReportRecord[], url: string, resource: Resource): Made {
  const records = batch.filter((record) => record.kind === "fields");
  if (records.length === 0) return [];
  const body = ProtobufLogsSerializer.serializeRequest(
    records.map((record) => logRecordOf(record, resource)),
  );
  const rejectedIn = (answer: Uint8Array) => {
    const { partialSuccess } = ProtobufLogsSerializer.deserializeResponse(answer);
    return said(partialSuccess?.rejectedLogRecords, partialSuccess?.errorMessage);
  };
  return [["logs", { url, body: body ?? NO_BYTES, records: records.length, rejectedIn }]];
}

function encodeSpans(batch: readonly ReportRecord[], url: string, { resource, share }: OtlpConfig): Made {
  const exchanges = batch.filter((record) => record.kind === "exchange");
  const resources = new Map<string, Resource>();
  // One object for each service, by which the encoder puts spans together.
  const resourceFor = (service: string): Resource => {
    let found = resources.get(service);
    if (found === undefined) {
      found = resourceOf(service === "" ? resource : new Map([...resource, ["service.name", service]]));
      resources.set(service, found);
    }
    return found;
  };
  const spans = exchanges.flatMap((exchange) => spansOf(exchange, share, resourceFor));
  if (spans.length === 0) return [];
  const body = ProtobufTraceSerializer.serializeRequest(spans);
  const rejectedIn = (answer: Uint8Array) => {
    const { partialSuccess } = ProtobufTraceSerializer.deserializeResponse(answer);
    return said(partialSuccess?.rejectedSpans, partialSuccess?.errorMessage);
  };
  return [["traces", { url, body: body ?? NO_BYTES, records: exchanges.length, rejectedIn }]];
}

interface MetricsEncoding extends Encoding {
  readonly resource: Resource;
}

function encodeMetrics(
  batch: readonly ReportRecord[],
  url: string,
  { config, period, resource }: MetricsEncoding,
): Made {
  const measurements = batch.filter((record) => record.kind === "measurement");
  if (measurements.length === 0) return [];
  const metrics = metricsOf(measurements, PREFIXES[config.names], period);
  const body = ProtobufMetricsSerializer.serializeRequest({
    resource,
    scopeMetrics: [{ scope: SCOPE, metrics: [...metrics] }],
  });
  const rejectedIn = (answer: Uint8Array) => {
    const { partialSuccess } = ProtobufMetricsSerializer.deserializeResponse(answer);
    return said(partialSuccess?.rejectedDataPoints, partialSuccess?.errorMessage);
  };
  return [["metrics", { url, body: body ?? NO_BYTES, records: measurements.length, rejectedIn }]];
}

const said = (rejected: unknown, why: unknown) => ({
  rejected: Math.max(0, Number(rejected ?? 0)) || 0,
  why: typeof why === "string" ? why : "",
});
