import type { TraceIds } from "../adapter/report.ts";
import { readTraceContext, type HeaderOf } from "../adapter/trace-context.ts";

/** Which trace a request is part of, by its headers; undefined where they do not say. */
export function traceIdsOf(header: HeaderOf): TraceIds | undefined {
  // Most requests have none of these, and every header has to be looked for.
  if (BEARERS.every((name) => header(name) === undefined)) return undefined;
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

/** One of these is there wherever there are ids. */
const BEARERS = ["traceparent", "b3", "x-b3-traceid"] as const;
