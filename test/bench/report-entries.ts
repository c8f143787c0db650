import { EntryAttributes } from "../../src/attributes/entry.ts";
import { readEntries } from "../../src/report/attributes.ts";
import { Connections } from "../../src/report/connections.ts";
import { istioPreset } from "../../src/report/istio.ts";
import { READING } from "../attributes/fixture.ts";
import { median } from "./report.ts";
import { encodeMessage, type DescribedHttp } from "../report/encode.ts";
import { inboundRequest, peerAny, plainRequest, SIDECAR } from "../report/entries.ts";

/**
 * How many access-log entries a second one core reads, counts and makes measurements of with the preset istio: `node
 * test/bench/report-entries.ts`. Processor time counts, so that a busy machine changes little.
 */

const ENTRIES_A_MESSAGE = 170;
const MESSAGES = 40;
const ROUNDS = 50;
const ROUND_ENTRIES = 20_000;

const CODES = [200, 200, 200, 404, 503];
const CALLERS = Array.from({ length: 40 }, (_, index) => peerAny(`client-${index}`, "shop"));

/** With the browser's usual headers, as a gateway sees them: some 658 bytes. */
function plain(index: number): DescribedHttp {
  const { request, ...entry } = plainRequest(index);
  const userAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0";
  return {
    ...entry,
    request: {
      ...request,
      userAgent,
      referer: "https://shop.example.com/reviews",
      forwardedFor: "203.0.113.7",
    },
  };
}

/** With everything that labels and spans are made of, of 200 label sets: some 1.5 KB. */
function whole(index: number): DescribedHttp {
  const { commonProperties, request, response } = inboundRequest(index);
  const headers: [string, string][] = [
    ["content-type", "application/json"],
    ["x-b3-traceid", "0af7651916cd43dd8448eb211c80319c"],
    ["x-b3-spanid", "b7ad6b7169203331"],
    ["x-b3-sampled", "1"],
    ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
  ];
  return {
    protocolVersion: 2,
    commonProperties: {
      ...commonProperties,
      filterStateObjects: new Map([
        ["downstream_peer", CALLERS[index % CALLERS.length] ?? peerAny("client", "shop")],
      ]),
    },
    request: { ...request, requestHeaders: new Map(headers) },
    response: { ...response, responseCode: CODES[index % CODES.length] ?? 200 },
  };
}

const SIZES: Readonly<Record<string, (index: number) => DescribedHttp>> = {
  "plain Envoy": plain,
  "all labels": whole,
};

function messagesOf(make: (index: number) => DescribedHttp): readonly Buffer[] {
  return Array.from({ length: MESSAGES }, (_, message) =>
    encodeMessage({
      identifier: SIDECAR,
      http: Array.from({ length: ENTRIES_A_MESSAGE }, (_entry, index) =>
        make(message * ENTRIES_A_MESSAGE + index),
      ),
    }),
  );
}

/** Processor time of one round in microseconds an entry. */
function round(messages: readonly Buffer[], measure: (message: Buffer) => number): number {
  const before = process.cpuUsage();
  let entries = 0;
  while (entries < ROUND_ENTRIES) for (const message of messages) entries += measure(message);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / entries;
}

for (const [name, make] of Object.entries(SIZES)) {
  const messages = messagesOf(make);
  const bytes = messages.reduce((sum, { length }) => sum + length, 0) / MESSAGES / ENTRIES_A_MESSAGE;
  const preset = istioPreset();
  const connections = new Connections({
    most: 10_000,
    idleMs: 3_600_000,
    onExpired: () => undefined,
    onFull: () => undefined,
  });
  let origin = readEntries(messages[0] ?? Buffer.alloc(0), undefined).origin;
  const seen = new Set<readonly string[]>();
  const decode = (message: Buffer): number => readEntries(message, origin).entries.length;
  const measureWhole = (message: Buffer): number => {
    const read = readEntries(message, origin);
    ({ origin } = read);
    for (const facts of read.entries) {
      const made = preset(new EntryAttributes(facts, READING), connections.count(facts, 1_780_000_000_000));
      if (made !== undefined) seen.add(made.labels);
    }
    return read.entries.length;
  };
  for (const [what, measure] of Object.entries({ decode, "decode + istio": measureWhole })) {
    const rounds = Array.from({ length: ROUNDS }, () => round(messages, measure));
    const best = Math.min(...rounds);
    process.stdout.write(
      `${name} (${Math.round(bytes)} B), ${what}: ${best.toFixed(2)} µs an entry at best, ${median(rounds).toFixed(2)} in the middle (${Math.round(1e6 / median(rounds))}/s)\n`,
    );
  }
  process.stdout.write(`${name}: ${seen.size} label sets\n`);
}
