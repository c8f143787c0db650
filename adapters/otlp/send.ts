import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Call } from "../../src/adapter/adapter.ts";
import type { FetchAnswer, Host } from "../../src/adapter/host.ts";
import { retryAfterMs } from "../../src/adapter/posting.ts";
import type { Delivery } from "../../src/adapter/report.ts";
import type { OtlpConfig } from "./config.ts";

/** One request's worth, encoded. */
export interface Encoded {
  readonly url: string;
  readonly body: Uint8Array;
  /** How many records it stands for. */
  readonly records: number;
  /** How many of them the other end says it has rejected, of what it answers; throws where that cannot be read. */
  readonly rejectedIn: (answer: Uint8Array) => { readonly rejected: number; readonly why: string };
}

export interface Sender {
  readonly config: OtlpConfig;
  readonly host: Host;
}

const COMPRESSED_FROM_BYTES = 1_024;
const MAX_ANSWER_BYTES = 1_048_576;
const MAX_TIMEOUT_MS = 60_000;
const compress = promisify(gzip);

/** Posts one request of OTLP/HTTP. Source: OTLP specification 1.9, "OTLP/HTTP". */
export async function send(encoded: Encoded, { config, host }: Sender, call: Call): Promise<Delivery> {
  try {
    const isCompressed = encoded.body.length > COMPRESSED_FROM_BYTES;
    const headers: Record<string, string> = { "content-type": "application/x-protobuf" };
    if (isCompressed) headers["content-encoding"] = "gzip";
    for (const [name, source] of config.headers) headers[name] = await host.secret(source);
    const answer = await host.fetch({
      url: encoded.url,
      method: "POST",
      headers,
      body: isCompressed ? await compress(encoded.body) : Buffer.from(encoded.body),
      maxBytes: MAX_ANSWER_BYTES,
      timeoutMs: Math.min(MAX_TIMEOUT_MS, Math.max(1, call.deadlineAtMs - host.nowMs())),
      signal: call.signal,
    });
    return outcomeOf(answer, encoded, host.nowMs());
  } catch (error) {
    return { kind: "retry", reason: error instanceof Error ? error.message : String(error) };
  }
}

/** What may be sent again, by the specification; 413 and all others may not. */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504]);

function outcomeOf({ status, headers, body }: FetchAnswer, encoded: Encoded, nowMs: number): Delivery {
  const reason = `the collector answers ${status}`;
  if (RETRYABLE.has(status)) {
    const afterMs = retryAfterMs(headers.get("retry-after"), nowMs);
    return afterMs === undefined ? { kind: "retry", reason } : { kind: "retry", reason, afterMs };
  }
  if (status < 200 || status >= 300) {
    const hint = status < 400 || status === 404 ? ": is the URL right?" : "";
    return { kind: "refused", dropped: encoded.records, reason: reason + hint };
  }
  const { rejected, why } = rejectedIn(body, encoded);
  if (rejected === 0) return { kind: "delivered" };
  // What one record becomes may be several spans or points.
  return { kind: "refused", dropped: Math.min(rejected, encoded.records), reason: `rejected: ${why}` };
}

/** An answer that is no message of the protocol says nothing, and the status said that all is well. */
function rejectedIn(body: Buffer, encoded: Encoded): { readonly rejected: number; readonly why: string } {
  if (body.length === 0) return { rejected: 0, why: "" };
  try {
    const { rejected, why } = encoded.rejectedIn(body);
    return { rejected, why: why.replace(/\s+/g, " ").slice(0, 200) };
  } catch {
    return { rejected: 0, why: "" };
  }
}
