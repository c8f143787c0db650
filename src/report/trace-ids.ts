import type { TraceIds } from "../adapter/report.ts";
import { readTraceContext, type HeaderOf } from "../adapter/trace-context.ts";

/** Which trace a request is part of, by its headers; undefined where they do not say. */
export function traceIdsOf(header: HeaderOf): TraceIds | undefined {
  // Most requests have none of these or the last alone, and every header has to be looked for.
  if (header("b3") === undefined && header("x-b3-traceid") === undefined) {
    const traceparent = header("traceparent");
    if (traceparent === undefined) return undefined;
    const known = idsOf(traceparent);
    if (known !== undefined) return known;
  }
  const context = readTraceContext(header);
  if (context?.ids === undefined) return undefined;
  const { traceId, spanId } = context.ids;
  switch (context.sampling) {
    case "defer":
      return { traceId, spanId };
    case "deny":
      return { traceId, spanId, sampled: false };
    case "accept":
    case "debug":
      return { traceId, spanId, sampled: true };
  }
}

/** A usual traceparent at once: every entry may have one. */
function idsOf(traceparent: string): TraceIds | undefined {
  if (traceparent.length !== 55 || !USUAL.test(traceparent)) return undefined;
  const [traceId, spanId] = [traceparent.slice(3, 35), traceparent.slice(36, 52)];
  return { traceId, spanId, sampled: traceparent.endsWith("1") };
}

/** Version 00, ids that do not begin with four zeros, and no flags but that of sampling. */
const USUAL = /^00-(?!0000)[0-9a-f]{32}-(?!0000)[0-9a-f]{16}-0[01]$/;
