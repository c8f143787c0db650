import { OTLP_ATTRIBUTES, type OtlpField } from "../../src/attributes/otlp.ts";
import { ExportLogsServiceRequest } from "../../src/wire/opentelemetry/proto/collector/logs/v1/logs_service.ts";
import type { AnyValue, KeyValue } from "../../src/wire/opentelemetry/proto/common/v1/common.ts";

type Attributes = Readonly<Record<string, string | number | AnyValue>>;

/** One record of an export: its attributes by their keys, and when it began in nanoseconds of the epoch. */
export interface DescribedRecord {
  readonly attributes: Attributes;
  readonly timeNanos?: bigint;
}

/** The encoded export of one resource. */
export function exportOf(resource: Attributes, ...records: readonly DescribedRecord[]): Buffer {
  const logRecords = records.map(({ attributes, timeNanos = 0n }) => ({
    timeUnixNano: timeNanos,
    observedTimeUnixNano: 0n,
    severityNumber: 0 as const,
    severityText: "",
    body: undefined,
    attributes: keyValues(attributes),
    droppedAttributesCount: 0,
    flags: 0,
    traceId: Buffer.alloc(0),
    spanId: Buffer.alloc(0),
    eventName: "",
  }));
  const request = {
    resourceLogs: [
      {
        resource: { attributes: keyValues(resource), droppedAttributesCount: 0, entityRefs: [] },
        scopeLogs: [{ scope: undefined, logRecords, schemaUrl: "" }],
        schemaUrl: "",
      },
    ],
  };
  return Buffer.from(ExportLogsServiceRequest.encode(request).finish());
}

const keyValues = (attributes: Attributes): KeyValue[] =>
  Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) }));

function anyValue(value: string | number | AnyValue): AnyValue {
  if (typeof value === "string") return { stringValue: value };
  return typeof value === "number" ? { intValue: BigInt(value) } : value;
}

/** Attributes by the fields that they are for, as Envoy writes them. */
export const attributesOf = (fields: Readonly<Partial<Record<OtlpField, string>>>): Attributes =>
  Object.fromEntries(
    Object.entries(fields).map(([field, value]) => [OTLP_ATTRIBUTES[field as OtlpField].key, value]),
  );
