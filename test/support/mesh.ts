import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { Found } from "../servers/ensure.ts";
import { envoyBootstrap, type ExtAuthz, type Listener, type Mesh as Bootstrap } from "./bootstrap.ts";
import { type Envoy, startEnvoy } from "./envoy.ts";
import { type Answer, callGrpc, type CallAnswer, type Outgoing, type Target } from "./http.ts";
import { until } from "./until.ts";
import { type ReceivedRequest, startUpstream, type Upstream } from "./upstream.ts";
import { removeFolder, type ServeOptions, serverFile, startWeir, type Weir, writeFolder } from "./weir.ts";

/** A real weir, asked by a real Envoy, in front of a real upstream. */
export interface Mesh {
  /** What weir serves; a test may change it. */
  folder: string;
  weir: Weir;
  upstream: Upstream;
  envoy: Envoy;
}

export interface MeshSetup {
  program: Found;
  /** Text by path; weir.yaml is added where it is missing. */
  files: Readonly<Record<string, string>>;
  /** Absent: one listener, `web`. */
  listeners?: readonly Listener[];
  /** What Envoy's filter is told beside the server. */
  filter?: Omit<ExtAuthz, "server">;
  filtersBefore?: NonNullable<Bootstrap["filtersBefore"]>;
  /** Fields of Envoy's access log beside those that `ask` reads. */
  logged?: Readonly<Record<string, string>>;
  /** Whether weir is told of every request. */
  logs?: "sent";
  serve?: ServeOptions;
}

/** Starts the three; `open` stops them in reverse. */
export async function startMesh(setup: MeshSetup, open: AsyncDisposableStack): Promise<Mesh> {
  const files = { "weir.yaml": serverFile(), ...setup.files };
  const folder = open.adopt(await writeFolder(files), removeFolder);
  const weir = open.adopt(await startWeir(folder, setup.serve), (started) => started.process.stop());
  const upstream = open.adopt(await startUpstream(), (started) => started.stop());
  const envoy = await startAskingEnvoy({ ...setup, weir, upstream }, open);
  return { folder, weir, upstream, envoy };
}

/** Starts an Envoy, perhaps one of several, that asks a weir and stands before an upstream. */
export async function startAskingEnvoy(
  setup: Omit<MeshSetup, "files" | "serve"> & Pick<Mesh, "weir" | "upstream">,
  open: AsyncDisposableStack,
): Promise<Envoy> {
  const { program, weir, upstream, listeners, filter, filtersBefore, logged, logs } = setup;
  const config = envoyBootstrap({
    listeners: listeners ?? [{ name: "web", check: "asked" }],
    // Longer than Envoy's 200 ms: a busy machine must not decide what a test sees.
    extAuthz: { server: weir.checks, timeoutMs: 5000, headers: "raw", ...filter },
    upstream: { host: upstream.host, port: upstream.port },
    grpcUpstream: { host: upstream.host, port: upstream.http2Port },
    ...(filtersBefore === undefined ? {} : { filtersBefore }),
    ...(logs === undefined ? {} : { logs }),
    accessLog: {
      ...logged,
      ask: "%REQ(X-ASK)%",
      status: "%RESPONSE_CODE%",
      weir: "%DYNAMIC_METADATA(envoy.filters.http.ext_authz:weir)%",
    },
  });
  return open.adopt(await startEnvoy({ program, config }), (started) => started.stop());
}

/** One of the `request…` functions of http.ts, or `requestGrpc`. */
export type Send<T extends Answer> = (target: Target, outgoing: Outgoing) => Promise<T>;

/** A gRPC call that says hello. */
export const requestGrpc: Send<CallAnswer> = (target, outgoing) =>
  callGrpc(target, { ...outgoing, message: Buffer.from("hello") });

/** What weir told Envoy's access log. */
export type Logged = z.output<typeof loggedFields>;

/** One request, and all that is known of it afterwards. */
export interface Asked<T extends Answer> {
  answer: T;
  logged: Logged;
  /** `policy/rule`, as it was logged. */
  by: string;
  /** What the upstream saw; undefined when the request was refused. */
  received: ReceivedRequest | undefined;
  /** The whole entry of Envoy's access log. */
  entry: Readonly<Record<string, unknown>>;
}

const loggedFields = z.strictObject({
  decision: z.string().regex(/^d_[a-z2-7]{16}$/),
  policy: z.string(),
  rule: z.string(),
  verdict: z.string(),
  /** What settles costs that were reserved. */
  settle: z.string().optional(),
  /** What telemetry rules need. */
  policies: z.unknown().optional(),
  carried: z.unknown().optional(),
});

/** Sends a request through an Envoy, marked so that log and upstream can be asked for it. */
export async function ask<T extends Answer>(
  { envoy, upstream }: Pick<Mesh, "envoy" | "upstream">,
  send: Send<T>,
  { to, ...outgoing }: Outgoing & { to?: Omit<Target, "port"> & { listener: string } },
): Promise<Asked<T>> {
  const mark = randomUUID();
  const { listener, ...connection } = to ?? { listener: "web" };
  const headers = [...(outgoing.headers ?? []), ["x-ask", mark] as const];
  const answer = await send({ port: envoy.port(listener), ...connection }, { ...outgoing, headers });
  const entry = await entryOf(envoy, mark);
  const logged = loggedFields.parse(entry["weir"]);
  const received = upstream.received.find((one) => one.headers["x-ask"] === mark);
  return { answer, logged, by: `${logged.policy}/${logged.rule}`, received, entry };
}

/** What weir said of the request whose header `x-ask` is this mark. */
export const loggedOf = async (envoy: Envoy, mark: string): Promise<Logged> =>
  loggedFields.parse((await entryOf(envoy, mark))["weir"]);

const entryOf = (envoy: Envoy, mark: string) =>
  until(() => envoy.accessLog().find((one) => one["ask"] === mark), {
    what: "the request's access-log entry",
  });
