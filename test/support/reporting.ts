import assert from "node:assert/strict";
import { encodeMessage } from "../report/encode.ts";
import { inboundRequest, SIDECAR } from "../report/entries.ts";
import { requestHttp1 } from "./http.ts";
import { openLogs, type LogStream } from "./log-stream.ts";
import { until } from "./until.ts";
import { removeFolder, type ServeOptions, startWeir, type Weir, writeFolder } from "./weir.ts";

/** A weir that takes access logs, as a process of its own, with what a test sends it. */
export interface Reporting {
  readonly folder: string;
  readonly weir: Weir;
  /** The port for checks and logs. */
  readonly port: number;
  /** One more stream, as an Envoy has it. */
  stream(): LogStream;
  account(): Promise<Account>;
  /** Waits until nothing is under way any more and every handler's account balances; yields it. */
  settled(received: number, timeoutMs?: number): Promise<Account>;
}

/** What /account shows, as far as tests look at it. */
export interface Account {
  readonly received: Sums;
  readonly invalid: Sums;
  readonly shed: Sums;
  readonly streams: Sums;
  readonly handlers: readonly (Balance & { readonly handler: string; readonly state: string })[];
}

export type Sums = Readonly<Record<string, number>>;

/** What became of the entries for one handler. */
export interface Balance {
  readonly unwanted: number;
  readonly sampledOut: number;
  readonly delivered: number;
  readonly dropped: Sums;
  readonly queued: number;
  readonly additional: number;
  readonly imbalance: number;
}

export const sumOf = (sums: Sums): number => Object.values(sums).reduce((sum, one) => sum + one, 0);

const LISTEN = `weir: 1
listen:
  grpc: { address: "127.0.0.1:0" }
  admin: { address: "127.0.0.1:0" }
  metrics: { address: "127.0.0.1:0" }
outbound: { allowPrivate: [127.0.0.1] }
`;

export interface Reported {
  readonly handlers: string;
  readonly telemetry: string;
  readonly serve?: ServeOptions;
}

/** Starts it with `handlers` of weir.yaml and the items of one `telemetry:`; whoever asks to pass may. */
export async function startReporting(
  { handlers, telemetry, serve }: Reported,
  open: AsyncDisposableStack,
): Promise<Reporting> {
  const files = {
    "weir.yaml": `${LISTEN}handlers:\n${handlers}`,
    "telemetry.yaml": `weir: 1\npolicy: telemetry\nmatch: everything\ntelemetry:\n${telemetry}`,
    "open.yaml": `weir: 1
policy: open
match:
  methods: [GET]
rules:
  - id: anyone
    allow: request.method == "GET"
`,
  };
  const folder = open.adopt(await writeFolder(files), removeFolder);
  const weir = open.adopt(await startWeir(folder, serve), (started) => started.process.stop());
  if ("unix" in weir.checks) throw new Error("it listens on TCP");
  const { port } = weir.checks;
  const account = () => accountOf(weir);
  return {
    ...{ folder, weir, port, account },
    stream: () => openLogs(port, open),
    settled: (received, timeoutMs = 20_000) =>
      until(
        async () => {
          const now = await account();
          return sumOf(now.received) >= received && now.handlers.every(({ queued }) => queued === 0) && now;
        },
        { what: `${received} entries to be settled`, timeoutMs },
      ).then((now) => {
        assert.equal(sumOf(now.received), received);
        for (const { handler, imbalance } of now.handlers) assert.equal(imbalance, 0, handler);
        return now;
      }),
  };
}

async function accountOf({ adminPort = 0 }: Weir): Promise<Account> {
  const { body } = await requestHttp1({ port: adminPort }, { path: "/account", authority: "localhost" });
  return JSON.parse(body.toString()) as Account;
}

/** A message of `count` requests that differ, from `first` on. */
export const requests = (count: number, first = 0): Buffer =>
  encodeMessage({
    identifier: SIDECAR,
    http: Array.from({ length: count }, (_, index) => inboundRequest(first + index)),
  });
