import { SeverityNumber } from "@opentelemetry/api";
import type { ProtobufLogsSerializer } from "@opentelemetry/otlp-transformer";
import type { FieldRecord } from "../../src/adapter/report.ts";
import { attributesOf, isTime, SCOPE, timeOf, wholeTraceId, type Resource } from "./values.ts";

type LogRecord = Parameters<typeof ProtobufLogsSerializer.serializeRequest>[0][number];

/** OpenTelemetry's logs data model, field SeverityNumber. */
const SEVERITIES: Readonly<Record<FieldRecord["severity"], readonly [number: SeverityNumber, text: string]>> =
  {
    info: [SeverityNumber.INFO, "INFO"],
    warning: [SeverityNumber.WARN, "WARN"],
    error: [SeverityNumber.ERROR, "ERROR"],
  };

/** One record of a log. Its body is the name of the rule, what is said are attributes. */
export function logRecordOf(record: FieldRecord, resource: Resource): LogRecord {
  const [severityNumber, severityText] = SEVERITIES[record.severity];
  const { timeMs, observedAtMs, trace, rule, fields, added } = record;
  return {
    hrTime: timeOf(isTime(timeMs) ? timeMs : observedAtMs),
    hrTimeObserved: timeOf(observedAtMs),
    severityNumber,
    severityText,
    body: rule,
    attributes: attributesOf(new Map([["weir.rule", rule]]), fields, added),
    ...(trace && {
      spanContext: {
        traceId: wholeTraceId(trace.traceId),
        spanId: trace.spanId,
        traceFlags: trace.sampled === true ? 1 : 0,
      },
    }),
    resource,
    instrumentationScope: SCOPE,
    droppedAttributesCount: 0,
  };
}
