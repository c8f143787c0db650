import { once } from "node:events";
import http2 from "node:http2";
import { setTimeout as wait } from "node:timers/promises";
import type { EntriesLoad, EntriesSeen } from "./entries-load.ts";
import { recordedMessages } from "./entries.ts";
import { grpcFrame } from "./request.ts";

/**
 * A process that streams access logs as Envoys do: one stream a connection, messages made before the clock starts. Its one parameter
 * is an EntriesLoad as JSON; it prints an EntriesSeen as JSON once the server has ended every stream with OK.
 */
const load = JSON.parse(process.argv[2] ?? "") as EntriesLoad;
const { first, others } = recordedMessages(load);
const frames = others.map((message) => grpcFrame(message));
const bytes =
  others.reduce((sum, message) => sum + message.length, 0) / others.length / load.entriesPerMessage;

const perStream = Math.ceil(load.entries / load.entriesPerMessage / load.streams);
const startedAtMs = performance.now();
await Promise.all(Array.from({ length: load.streams }, (_, index) => stream(index)));
const seconds = (performance.now() - startedAtMs) / 1_000;
const seen: EntriesSeen = { entries: perStream * load.streams * load.entriesPerMessage, bytes, seconds };
process.stdout.write(`${JSON.stringify(seen)}\n`);

async function stream(index: number): Promise<void> {
  const session = http2.connect(`http://${load.address}`);
  const call = session.request({
    ":method": "POST",
    ":path": "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs",
    "content-type": "application/grpc",
    te: "trailers",
  });
  let status = "none";
  call.on("trailers", (trailers) => (status = String(trailers["grpc-status"])));
  call.on("response", (headers) => {
    if (headers["grpc-status"] !== undefined) status = String(headers["grpc-status"]);
  });
  call.resume();
  const ended = once(call, "end");
  call.write(grpcFrame(first));
  for (let sent = 1; sent < perStream; sent++) {
    const frame = frames[(sent * load.streams + index) % frames.length];
    if (frame !== undefined && !call.write(frame)) await once(call, "drain");
    await keepPace(sent + 1);
  }
  call.end();
  await ended;
  session.close();
  if (status !== "0") throw new Error(`a stream ended with gRPC status ${status}`);
}

/** Where the load has a pace, waits until the next message is due. */
async function keepPace(sent: number): Promise<void> {
  if (load.perSecond === 0) return;
  const dueAtMs = startedAtMs + ((sent * load.entriesPerMessage * load.streams) / load.perSecond) * 1_000;
  const aheadMs = dueAtMs - performance.now();
  if (aheadMs > 1) await wait(aheadMs);
}
