import type { Call, Handler, HandlerStatus } from "./adapter.ts";
import type { Host, LineDestination, LineTarget } from "./host.ts";
import { jsonLine } from "./json-line.ts";
import type { Delivery, ReportRecord } from "./report.ts";

export interface LineHandlerOptions {
  readonly to: LineDestination;
  /** What a status calls it: `standard output`, or the path. */
  readonly name: string;
  readonly maxLineBytes: number;
  readonly host: Host;
}

/** Nothing that is written at once is larger, so that a rotation comes near its bound. */
const MAX_CHUNK_BYTES = 256 * 1024;

const DELIVERED: Delivery = { kind: "delivered" };

/** Appends records as lines of JSON. What was given to the system is never written a second time, unless the system said that it failed. */
export class LineHandler implements Handler {
  readonly #options: LineHandlerOptions;
  #target: LineTarget | undefined;
  #isClosed = false;
  #countCut: (by: number) => void = () => undefined;
  #batch: WrittenBatch | undefined;
  #lines = 0;
  #reason = "";

  constructor(options: LineHandlerOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    if (this.#target !== undefined || this.#isClosed) return;
    const { to, host } = this.#options;
    this.#target = await host.openLines(to);
    const help = "Lines of which fields were shortened or left out, because they were too long.";
    this.#countCut = host.metrics.counter({ name: "cut_lines_total", help });
  }

  async report(records: readonly ReportRecord[], { signal }: Call): Promise<Delivery> {
    const target = this.#target;
    if (target === undefined) return { kind: "retry", reason: "it is not started" };
    const before = this.#batch;
    if (before !== undefined && before.first !== records[0]) {
      // Given up by whoever sent it, while the system still holds it: lines keep their order.
      if (before.outcome !== undefined && (await ended(before.outcome, signal)) === undefined) return LATE;
      this.#batch = undefined;
    }
    const batch = (this.#batch ??= this.#begin(records));
    batch.outcome ??= this.#write(batch, target);
    const delivery = await ended(batch.outcome, signal);
    if (delivery === undefined) return LATE;
    if (delivery.kind === "retry") batch.outcome = undefined;
    else this.#batch = undefined;
    return delivery;
  }

  #begin(records: readonly ReportRecord[]): WrittenBatch {
    const { maxLineBytes } = this.#options;
    const lines = records.flatMap((record) =>
      record.kind === "fields" ? [jsonLine(record, maxLineBytes)] : [],
    );
    const cut = lines.filter((line) => line.cut > 0).length;
    if (cut > 0) this.#countCut(cut);
    const dropped = records.length - lines.length;
    const delivery: Delivery =
      dropped === 0 ? DELIVERED : { kind: "refused", dropped, reason: "a line is made of fields alone" };
    return { first: records[0], lines: lines.length, chunks: chunksOf(lines), delivery, outcome: undefined };
  }

  /** What of the batch is not written yet. Never rejects. */
  async #write(batch: WrittenBatch, target: LineTarget): Promise<Delivery> {
    try {
      for (let [chunk] = batch.chunks; chunk !== undefined; [chunk] = batch.chunks) {
        await target.append(chunk);
        batch.chunks.shift();
      }
    } catch (error) {
      return { kind: "retry", reason: this.#failed(error) };
    }
    this.#lines += batch.lines;
    this.#reason = "";
    return batch.delivery;
  }

  #failed(error: unknown): string {
    const reason = error instanceof Error ? error.message : String(error);
    if (this.#reason === "") this.#options.host.log.warn({ reason }, "lines cannot be written");
    this.#reason = reason;
    return reason;
  }

  status(): HandlerStatus {
    const { name } = this.#options;
    if (this.#target === undefined)
      return { state: "starting", detail: this.#isClosed ? "closed" : `opens ${name}` };
    if (this.#reason !== "") return { state: "failing", detail: `${name}: ${oneLine(this.#reason)}` };
    return { state: "ready", detail: `${this.#lines} lines written to ${name}` };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const target = this.#target;
    this.#target = undefined;
    await target?.close();
  }
}

interface WrittenBatch {
  /** Tells it from others: whoever sends a batch again, sends the same records. */
  readonly first: ReportRecord | undefined;
  readonly lines: number;
  /** What is still to be written. */
  readonly chunks: Buffer[];
  /** What becomes of it when all is written. */
  readonly delivery: Delivery;
  /** Of the attempt that is under way, or of which nobody has heard yet. */
  outcome: Promise<Delivery> | undefined;
}

const LATE: Delivery = { kind: "retry", reason: "what was written before is not taken yet" };

/** What a promise yields; undefined when nobody waits any more. */
async function ended(outcome: Promise<Delivery>, signal: AbortSignal): Promise<Delivery | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const onAbort = (): void => resolve(undefined);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([outcome, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function chunksOf(lines: readonly { readonly text: string }[]): Buffer[] {
  const chunks: Buffer[] = [];
  let text = "";
  for (const line of lines) {
    // Whole lines only; a line is far smaller than a chunk.
    if (text.length + line.text.length > MAX_CHUNK_BYTES) {
      chunks.push(Buffer.from(text));
      text = "";
    }
    text += `${line.text}\n`;
  }
  return text === "" ? chunks : [...chunks, Buffer.from(text)];
}

const oneLine = (text: string): string => text.replace(/\s+/g, " ");
