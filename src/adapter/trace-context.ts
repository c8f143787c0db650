/** What a request's headers say of the trace that it is part of. */
export interface TraceContext {
  /** Undefined where the headers decide about sampling alone. */
  readonly ids: ContextIds | undefined;
  readonly sampling: Sampling;
}

export interface ContextIds {
  /** How they came: a B3 span may be shared by both ends of a call, a W3C one is always of the end that sent it. */
  readonly form: "b3" | "w3c";
  /** 32 or 16 lower-case hex digits, as they came. */
  readonly traceId: string;
  /** 16 lower-case hex digits. */
  readonly spanId: string;
  /** Of the span above `spanId`; undefined where it has none, and in W3C, which does not tell. */
  readonly parentId: string | undefined;
}

/** Whether the trace is kept; `debug` is kept whatever anyone's share of samples is, `defer` leaves it to whoever comes next. */
export type Sampling = "debug" | "accept" | "deny" | "defer";

/** Every header that carries a trace's context here, by lower-case name. */
export const CONTEXT_HEADERS = [
  "b3",
  "x-b3-traceid",
  "x-b3-spanid",
  "x-b3-parentspanid",
  "x-b3-sampled",
  "x-b3-flags",
  "traceparent",
] as const;

/** One header by its lower-case name; repeated ones joined with commas. */
export type HeaderOf = (name: (typeof CONTEXT_HEADERS)[number]) => string | undefined;

/**
 * The context in B3's single header, else in B3's several headers, else in `traceparent`; undefined where there is none. What is
 * malformed is none, and of a header that came twice the first value counts.
 * Source: openzipkin/b3-propagation; W3C Trace Context, section 3.2.
 */
export function readTraceContext(header: HeaderOf): TraceContext | undefined {
  return (
    readB3Single(first(header("b3"))) ?? readB3Multi(header) ?? readTraceparent(first(header("traceparent")))
  );
}

function first(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const comma = value.indexOf(",");
  return (comma === -1 ? value : value.slice(0, comma)).trim();
}

const TRACE_ID = /^(?:[0-9a-f]{32}|[0-9a-f]{16})$/;
const SPAN_ID = /^[0-9a-f]{16}$/;
const ONLY_ZEROS = /^0+$/;

const isTraceId = (text: string): boolean => TRACE_ID.test(text) && !ONLY_ZEROS.test(text);
const isSpanId = (text: string): boolean => SPAN_ID.test(text) && !ONLY_ZEROS.test(text);

const STATES: ReadonlyMap<string, Sampling> = new Map([
  ["0", "deny"],
  ["1", "accept"],
  ["d", "debug"],
]);

/** `trace-span`, `trace-span-state`, `trace-span-state-parent`, or a state alone. */
function readB3Single(value: string | undefined): TraceContext | undefined {
  if (value === undefined) return undefined;
  const alone = STATES.get(value);
  if (alone !== undefined) return { ids: undefined, sampling: alone };
  const [traceId = "", spanId = "", state, parentId, ...rest] = value.split("-", 5);
  const sampling = state === undefined ? "defer" : STATES.get(state);
  if (sampling === undefined || rest.length > 0) return undefined;
  return contextOf({ form: "b3", traceId, spanId, parentId }, sampling);
}

/** `true` and `false` are what old tracers wrote for 1 and 0. */
const SAMPLED: ReadonlyMap<string | undefined, Sampling> = new Map([
  ["1", "accept"],
  ["true", "accept"],
  ["0", "deny"],
  ["false", "deny"],
  [undefined, "defer"],
]);

function readB3Multi(header: HeaderOf): TraceContext | undefined {
  const traceId = first(header("x-b3-traceid"));
  const spanId = first(header("x-b3-spanid"));
  const sampled = first(header("x-b3-sampled"));
  const sampling = first(header("x-b3-flags")) === "1" ? "debug" : SAMPLED.get(sampled?.toLowerCase());
  if (sampling === undefined) return undefined;
  if (traceId !== undefined && spanId !== undefined) {
    return contextOf({ form: "b3", traceId, spanId, parentId: first(header("x-b3-parentspanid")) }, sampling);
  }
  const isDecisionAlone = traceId === undefined && spanId === undefined && sampling !== "defer";
  return isDecisionAlone ? { ids: undefined, sampling } : undefined;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** A version that is not known yet is read as far as version 00 goes; ff is none. */
function readTraceparent(value: string | undefined): TraceContext | undefined {
  const [, version, traceId = "", spanId = "", flags = "", more] = TRACEPARENT.exec(value ?? "") ?? [];
  if (version === undefined || version === "ff" || (version === "00" && more !== undefined)) return undefined;
  const isSampled = (parseInt(flags, 16) & 1) === 1;
  return contextOf({ form: "w3c", traceId, spanId, parentId: undefined }, isSampled ? "accept" : "deny");
}

function contextOf(ids: ContextIds, sampling: Sampling): TraceContext | undefined {
  const isWellFormed = isTraceId(ids.traceId) && isSpanId(ids.spanId);
  const hasGoodParent = ids.parentId === undefined || isSpanId(ids.parentId);
  return isWellFormed && hasGoodParent ? { ids, sampling } : undefined;
}
