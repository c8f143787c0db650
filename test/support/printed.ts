import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import type { Found } from "../servers/ensure.ts";
import { type Address, envoyBootstrap, type Json, type Listener } from "./bootstrap.ts";
import { type Envoy, startEnvoy } from "./envoy.ts";
import type { Upstream } from "./upstream.ts";
import { removeFolder, runWeir, serverFile, startWeir, type Weir, writeFolder } from "./weir.ts";

const json = z.record(z.string(), z.unknown());

/** What `weir envoy --for envoy` prints, read as YAML. */
export const printedShape = z.object({
  http_connection_manager: json.optional(),
  routes: z.array(json.and(z.object({ name: z.string() }))).optional(),
  network_filters: z.array(json).optional(),
  tcp_proxy: json.optional(),
  clusters: z.array(json),
});
export type Printed = z.output<typeof printedShape>;

/** What a bootstrap is made of beside the tests' own. */
export interface Frame {
  printed: Printed;
  upstream: Upstream;
  filtersBefore?: readonly Json[];
  tls?: { certificate: string; key: string; clientCa: string };
}

/** A bootstrap of the tests' own into which what was printed is put, each part where its key says. */
export function framed({ printed, upstream, filtersBefore = [], tls }: Frame) {
  const { host, port } = upstream;
  const listeners: readonly Listener[] = [
    { name: "web", check: "skipped", ...(tls && { tls }) },
    { name: "tcp", check: "skipped", speaks: "tcp", ...(tls && { tls }) },
  ];
  const frame = bootstrapShape.parse(envoyBootstrap({ listeners, upstream: { host, port } }));
  const [web = [], tcp = []] = frame.static_resources.listeners.map(
    ({ filter_chains: [chain] }) => chain?.filters ?? [],
  );
  const own = web[0]?.typed_config ?? assert.fail("no connection manager");
  const manager = structuredClone(printed.http_connection_manager ?? {});
  manager["http_filters"] = [...filtersBefore, ...z.array(json).parse(manager["http_filters"] ?? [])];
  manager["access_log"] = z
    .array(logShape)
    .parse(manager["access_log"] ?? [])
    .map(withMark);
  const routes = (printed.routes ?? []).map((route) => ({
    ...route,
    match: { prefix: `/${route.name}` },
    route: { cluster: "upstream" },
  }));
  const rest = { match: { prefix: "/" }, route: { cluster: "upstream" } };
  Object.assign(own, manager, {
    route_config: { virtual_hosts: [{ name: "all", domains: ["*"], routes: [...routes, rest] }] },
  });
  Object.assign(tcp.at(-1)?.typed_config ?? {}, printed.tcp_proxy);
  tcp.unshift(...filterList.parse(printed.network_filters ?? []));
  frame.static_resources.clusters.push(...printed.clusters);
  return frame;
}

const logShape = z.looseObject({
  typed_config: z.looseObject({
    log_format: z.object({ json_format: z.record(z.string(), z.string()) }).optional(),
  }),
});
/** The tests look for an entry by its mark. */
const withMark = (log: z.output<typeof logShape>) => {
  const { log_format: format } = log.typed_config;
  if (format !== undefined) format.json_format["ask"] = "%REQ(X-ASK)%";
  return log;
};
/** Filters with their configuration. */
export const filterList = z.array(z.looseObject({ name: z.string(), typed_config: json }));
const bootstrapShape = z.looseObject({
  static_resources: z.object({
    listeners: z.array(z.looseObject({ filter_chains: z.array(z.looseObject({ filters: filterList })) })),
    clusters: z.array(json),
  }),
});

/** A weir that serves these files, and their folder; `open` ends both. */
export async function serveFiles(
  files: Readonly<Record<string, string>>,
  open: AsyncDisposableStack,
): Promise<{ folder: string; weir: Weir }> {
  const folder = open.adopt(await writeFolder({ "weir.yaml": serverFile(), ...files }), removeFolder);
  const weir = open.adopt(await startWeir(folder), (started) => started.process.stop());
  return { folder, weir };
}

/** What `weir envoy --for envoy` prints for a folder whose weir is reached at an address; `rewrite` may change its text. */
export async function printedFor(
  folder: string,
  { at, parameters = [], rewrite = (text) => text }: Printing,
): Promise<Printed> {
  const address = "unix" in at ? `unix:${at.unix}` : `${at.host}:${at.port}`;
  const ended = await runWeir(["envoy", folder, "--for", "envoy", "--at", address, ...parameters]);
  assert.equal(ended.kind, "succeeded", JSON.stringify(ended));
  return printedShape.parse(parse(rewrite(ended.stdout)));
}

interface Printing {
  at: Address;
  parameters?: readonly string[];
  rewrite?: (text: string) => string;
}

/** An Envoy with this bootstrap; `open` ends it. */
export async function startFramed(
  setup: { program: Found; config: unknown },
  open: AsyncDisposableStack,
): Promise<Envoy> {
  return open.adopt(await startEnvoy(setup), (started) => started.stop());
}

/** What `weir envoy --check` says of a configuration, with its exit code. */
export async function checkWith(folder: string, config: unknown): Promise<{ code: number; said: string }> {
  const file = join(folder, `${randomUUID()}.json`);
  await writeFile(file, JSON.stringify(config, undefined, 2));
  const ended = await runWeir(["envoy", folder, "--check", file]);
  assert.ok(ended.kind !== "absent" && !("code" in ended && ended.code === "timeout"));
  return { code: ended.kind === "failed" && ended.code !== "timeout" ? ended.code : 0, said: ended.stdout };
}

/** What it says where all is well. */
export const ALL_WELL = { code: 0, said: "ok: 0 errors, 0 warnings\n" };
