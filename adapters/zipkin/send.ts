import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Call } from "../../src/adapter/adapter.ts";
import { retryAfterMs } from "../../src/adapter/posting.ts";
import type { FetchAnswer, Host } from "../../src/adapter/host.ts";
import type { Delivery } from "../../src/adapter/report.ts";
import type { ZipkinConfig } from "./config.ts";

/** The spans of one exchange as JSON, apart by commas: they arrive together or not at all. */
export interface Item {
  readonly json: string;
  readonly spans: number;
}

/** One POST's worth; `taken` hears how many spans have arrived. */
export interface Sending {
  readonly config: ZipkinConfig;
  readonly host: Host;
  readonly call: Call;
  readonly taken: (spans: number) => void;
}

type Posted =
  | { readonly kind: "taken" }
  | { readonly kind: "too-large" }
  | { readonly kind: "refused"; readonly reason: string }
  | Extract<Delivery, { kind: "retry" }>;

/**
 * Posts items in bodies of bounded size, one after the other; what Zipkin finds too large, in halves. Where it has to be tried again,
 * all of it is: spans that came twice have the same ids, and are one to Zipkin.
 */
export async function send(items: readonly Item[], sending: Sending): Promise<Delivery> {
  const waiting = batchesOf(items, sending.config.maxBatchBytes);
  let [dropped, reason] = [0, ""];
  for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) {
    const posted = await post(batch, sending);
    switch (posted.kind) {
      case "taken":
        sending.taken(batch.reduce((sum, { spans }) => sum + spans, 0));
        break;
      case "retry":
        return posted;
      case "too-large":
        if (batch.length > 1) {
          const half = Math.ceil(batch.length / 2);
          waiting.unshift(batch.slice(0, half), batch.slice(half));
          break;
        }
        [dropped, reason] = [dropped + 1, "Zipkin answers 413 for a single exchange"];
        break;
      case "refused":
        [dropped, reason] = [dropped + batch.length, posted.reason];
    }
  }
  return dropped === 0 ? { kind: "delivered" } : { kind: "refused", dropped, reason };
}

/** An item that is larger than a batch may be is one by itself: whether it can be taken is Zipkin's to say. */
function batchesOf(items: readonly Item[], maxBytes: number): (readonly Item[])[] {
  const batches: Item[][] = [];
  let [present, size]: [Item[], number] = [[], 0];
  for (const item of items) {
    const bytes = Buffer.byteLength(item.json) + 1;
    if (present.length === 0 || size + bytes > maxBytes) {
      [present, size] = [[], 1];
      batches.push(present);
    }
    present.push(item);
    size += bytes;
  }
  return batches;
}

const COMPRESSED_FROM_BYTES = 1_024;
const MAX_ANSWER_BYTES = 1_048_576;
const MAX_TIMEOUT_MS = 60_000;
const compress = promisify(gzip);

async function post(items: readonly Item[], { config, host, call }: Sending): Promise<Posted> {
  try {
    const json = Buffer.from(`[${items.map((item) => item.json).join(",")}]`);
    const isCompressed = json.length > COMPRESSED_FROM_BYTES;
    const headers: Record<string, string> = { "content-type": "application/json" };
    if (isCompressed) headers["content-encoding"] = "gzip";
    for (const [name, source] of config.headers) headers[name] = await host.secret(source);
    const answer = await host.fetch({
      url: config.url,
      method: "POST",
      headers,
      body: isCompressed ? await compress(json) : json,
      maxBytes: MAX_ANSWER_BYTES,
      timeoutMs: Math.min(MAX_TIMEOUT_MS, Math.max(1, call.deadlineAtMs - host.nowMs())),
      signal: call.signal,
    });
    return outcomeOf(answer, host.nowMs());
  } catch (error) {
    return { kind: "retry", reason: error instanceof Error ? error.message : String(error) };
  }
}

function outcomeOf({ status, headers }: FetchAnswer, nowMs: number): Posted {
  if (status >= 200 && status < 300) return { kind: "taken" };
  const reason = `Zipkin answers ${status}`;
  if (status === 413) return { kind: "too-large" };
  if (status === 429 || status >= 500) {
    const afterMs = retryAfterMs(headers.get("retry-after"), nowMs);
    return afterMs === undefined ? { kind: "retry", reason } : { kind: "retry", reason, afterMs };
  }
  return {
    kind: "refused",
    reason: status < 400 || status === 404 ? `${reason}: is the URL right?` : reason,
  };
}
