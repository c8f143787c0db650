import { hash } from "node:crypto";
import { readAddress } from "../../src/adapter/addresses.ts";
import type { FieldRecord, FieldValue } from "../../src/adapter/report.ts";

/** One record as Apigee's analytics take it, with times in epoch milliseconds. Source: apigee-remote-service-golib, record.go. */
export type AnalyticsRecord = Readonly<Record<string, string | number | boolean>> & {
  readonly environment: string;
  readonly client_received_start_timestamp: number;
};

/** A record, or why there is none of an entry. */
export type Recorded =
  | { readonly kind: "record"; readonly record: AnalyticsRecord }
  /** `unchecked`: no check of this handler's; `unfinished`: another entry of the request follows; `invalid`: Apigee would refuse it. */
  | { readonly kind: "none"; readonly why: "unchecked" | "unfinished" | "invalid" };

/** The names in the `with` of a rule that are times since the request began; the last four are those of the target. */
export const TIMES = [
  ...(["client_received_end", "client_sent_start", "client_sent_end"] as const),
  ...(["target_sent_start", "target_sent_end", "target_received_start", "target_received_end"] as const),
] as const;

const OWN_NAMES: ReadonlySet<string> = new Set(["analytics", "uri", ...TIMES]);
const MAX_CAPTURED = 100;
const MAX_CAPTURED_BYTES = 400;
const FUTURE_MS = 60_000;
const OLD_MS = 90 * 86_400_000;

/** Makes a record of an entry that a rule has joined with what the check answered. Names that are not its own are captured data. */
export function recordOf(entry: FieldRecord, organization: string, nowMs: number): Recorded {
  if (/(?:Start|Periodic|Connected|PoolReady)$/.test(text(entry.fields.get("access_log_type"))))
    return { kind: "none", why: "unfinished" };
  const checked = checkedOf(entry.added.get("analytics"));
  if (checked === undefined) return { kind: "none", why: "unchecked" };
  const startMs = entry.timeMs === undefined ? 0 : Math.floor(entry.timeMs);
  if (startMs <= 0 || startMs > nowMs + FUTURE_MS || startMs < nowMs - OLD_MS)
    return { kind: "none", why: "invalid" };
  const path = text(entry.fields.get("path"));
  const record = {
    ...capturedOf(entry),
    ...checked,
    ...timesOf(entry),
    client_received_start_timestamp: startMs,
    recordType: "APIAnalytics",
    request_uri: text(entry.added.get("uri")) || path,
    request_path: path,
    request_verb: text(entry.fields.get("method")),
    ...clientOf(entry),
    useragent: text(entry.fields.get("user_agent")),
    apiproxy_revision: 0,
    response_status_code: number(entry.fields.get("response_code")) ?? 0,
    organization,
    gateway_source: "envoy",
    gateway_flow_id: flowOf(entry),
  };
  return { kind: "record", record };
}

/** What the check has answered: texts under names of the record. */
function checkedOf(
  written: FieldValue | undefined,
): (Readonly<Record<string, string>> & { environment: string }) | undefined {
  if (typeof written !== "string") return undefined;
  try {
    const entries = Object.entries(JSON.parse(written) as object).filter(
      (one): one is [string, string] => CHECKED.has(one[0]) && typeof one[1] === "string",
    );
    const { environment, ...rest } = Object.fromEntries(entries) as Record<string, string>;
    return environment === undefined ? undefined : { ...rest, environment };
  } catch {
    return undefined;
  }
}

const CHECKED: ReadonlySet<string> = new Set([
  ...[
    "apiproxy",
    "environment",
    "developer_email",
    "developer_app",
    "access_token",
    "client_id",
    "api_product",
  ],
]);

function timesOf({ added, fields, timeMs: startMs = 0 }: FieldRecord): Readonly<Record<string, number>> {
  const duration = number(fields.get("duration"));
  const times: Record<string, number> = {};
  for (const name of TIMES) {
    // What the client saw is always there; a target may never have been called.
    const isOfClient = name.startsWith("client_");
    const fallback = name.startsWith("client_sent_") ? duration : undefined;
    const sinceMs = durationMs(added.get(name)) ?? fallback;
    if (sinceMs !== undefined || isOfClient)
      times[`${name}_timestamp`] = Math.floor(startMs + (sinceMs ?? 0));
  }
  return times;
}

/** The text of a duration, such as `0.0125s`, as rules give it; undefined for anything else. */
function durationMs(value: FieldValue | undefined): number | undefined {
  const [, seconds] = /^(\d{1,9}(?:\.\d{1,9})?)s$/.exec(text(value)) ?? [];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}

/** The nearest caller that proxies tell, where that is shown and not its digest. */
function clientOf({ fields }: FieldRecord): { readonly client_ip?: string } {
  const forwarded = text(fields.get("x_forwarded_for"));
  const first = forwarded.split(",", 1)[0]?.trim() ?? "";
  if (readAddress(first) !== undefined) return { client_ip: forwarded };
  const ip = text(fields.get("client_ip"));
  return readAddress(ip) === undefined ? {} : { client_ip: ip };
}

/** The same of an entry that is told again. */
function flowOf({ fields, timeMs }: FieldRecord): string {
  const id = ["stream_id", "decision", "request_id"].map((name) => text(fields.get(name))).join("\0");
  return uuidOf(`${timeMs ?? 0}\0${id}`);
}

/** A UUID of version 8 that is the same of equal texts. Source: RFC 9562, section 5.8. */
export function uuidOf(content: string | Buffer): string {
  const hex = hash("sha256", content);
  const variant = "89ab".charAt(parseInt(hex.charAt(16), 16) % 4);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20, 32),
  ].join("-");
}

function capturedOf({ added }: FieldRecord): Readonly<Record<string, string | number | boolean>> {
  const captured: Record<string, string | number | boolean> = {};
  let count = 0;
  for (const [name, value] of added) {
    if (OWN_NAMES.has(name) || count >= MAX_CAPTURED) continue;
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") continue;
    captured[name.startsWith("dc.") ? name : `dc.${name}`] = typeof value === "string" ? cut(value) : value;
    count++;
  }
  return captured;
}

/** No more bytes than Apigee keeps, and no half of a character. */
function cut(value: string): string {
  const bytes = Buffer.from(value);
  if (bytes.length <= MAX_CAPTURED_BYTES) return value;
  let end = MAX_CAPTURED_BYTES;
  // A byte that continues a character begins with the bits 10.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end).toString("utf8");
}

const text = (value: FieldValue | undefined): string => (typeof value === "string" ? value : "");
const number = (value: FieldValue | undefined): number | undefined =>
  typeof value === "number" ? value : undefined;
