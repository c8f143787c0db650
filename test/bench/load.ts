import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Found } from "../servers/ensure.ts";
import { runCommand } from "../support/command.ts";
import { CHECK_PATH, grpcFrame } from "./request.ts";
import { LOAD_CORE, pinned } from "./target.ts";

/** How a server is loaded: always `requests` of them, however long they take. */
export interface Load {
  readonly connections: number;
  /** In flight at a time on each connection. */
  readonly streams: number;
  readonly requests: number;
}

/** What h2load saw. */
export interface Seen {
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Bytes of answers without HTTP/2's own, frames' headers and headers. */
  readonly bodyBytes: number;
}

/** No run takes longer: a server that hangs ends the measurement instead of stopping it. */
const PATIENCE_MS = 60_000;

/** Sends one message again and again. Throws unless every answer has the status 200. */
export async function runLoad(
  h2load: Found,
  address: string,
  message: Uint8Array,
  load: Load,
): Promise<Seen> {
  const folder = await mkdtemp(join(tmpdir(), "weir-bench-"));
  try {
    const [body, log] = [join(folder, "body"), join(folder, "log")];
    await writeFile(body, grpcFrame(message));
    const [program, ...before] = await pinned(LOAD_CORE, h2load.binary);
    const answer = await runCommand(
      program,
      [...before, ...options(load, body, log), `http://${address}${CHECK_PATH}`],
      {
        environment: h2load.environment,
        timeoutMs: PATIENCE_MS,
      },
    );
    if (answer.kind !== "succeeded") throw new Error(`h2load did not succeed: ${JSON.stringify(answer)}`);
    return { ...readSummary(answer.stdout, load), ...latencies(await readFile(log, "utf8")) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function options({ connections, streams, requests }: Load, body: string, log: string): readonly string[] {
  return [
    ...["-c", String(connections), "-m", String(streams), "-n", String(requests)],
    ...["-d", body, "--log-file", log],
    ...["-H", "content-type: application/grpc", "-H", "te: trailers"],
    // Envoy sends the time that it will wait, and it costs the server a timer.
    ...["-H", "grpc-timeout: 5S"],
  ];
}

function readSummary(output: string, { requests }: Load): Pick<Seen, "perSecond" | "bodyBytes"> {
  const perSecond = /^finished in [^,]+, ([\d.]+) req\/s/m.exec(output)?.[1];
  const good = /^status codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx$/m.exec(output)?.[1];
  const bodyBytes = /^traffic: .* \((\d+)\) data$/m.exec(output)?.[1];
  if (perSecond === undefined || bodyBytes === undefined || Number(good) !== requests) {
    throw new Error(`not all of ${requests} requests were answered with 200:\n${output}`);
  }
  return { perSecond: Number(perSecond), bodyBytes: Number(bodyBytes) };
}

/** The log has a line a request: start, status, and the microseconds until the answer's end. */
function latencies(log: string): Pick<Seen, "p50Us" | "p99Us"> {
  const lines = log.trimEnd().split("\n");
  const sortedUs = Float64Array.from(lines, (line) => Number(line.split("\t")[2])).sort();
  return { p50Us: percentile(sortedUs, 0.5), p99Us: percentile(sortedUs, 0.99) };
}

/** By nearest rank. */
function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
