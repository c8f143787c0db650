import { dirname, resolve } from "node:path";
import type { SecretSource } from "../adapter/host.ts";
import { readCertificate } from "../attributes/certificate.ts";
import { canonicalHost } from "../attributes/host.ts";
import { parseSpiffeId } from "../attributes/spiffe.ts";
import { durationValue } from "../cel/time.ts";
import { remember } from "../std/remember.ts";
import type { WrittenTarget } from "./decisions-file.ts";
import type { Listener, TlsFiles } from "./listen-file.ts";
import { proxyRole } from "./proxy-role.ts";
import type { Listeners, ServerFile } from "./server-file.ts";
import type { Settings } from "./settings.ts";
import type { RedisPlace, RedisStoreFile } from "./store-file.ts";

/** Peers and hosts that come again and again; with more, all are forgotten and it starts anew. */
const MAX_REMEMBERED = 1_000;

/** What weir.yaml says, with the paths in it resolved from the folder of `path`, its own; undefined where there is none. */
export function settingsOf(file: ServerFile, path: string | undefined): Settings {
  const folder = path === undefined ? "." : dirname(path);
  const secrets = {
    pepper: file.secrets.pepper && withinSecret(folder, file.secrets.pepper),
    mac: file.secrets.mac.map((source) => withinSecret(folder, source)),
  };
  const { caFile } = file.outbound;
  return {
    folder,
    listen: resolveListeners(folder, file.listen),
    trustDomains: new Set(file.mesh.trustDomains),
    spiffeId: remember(MAX_REMEMBERED, parseSpiffeId),
    host: remember(MAX_REMEMBERED, canonicalHost),
    certificate: remember(MAX_REMEMBERED, readCertificate),
    clientAddress: file.clientAddress,
    duration: durationValue,
    proxyRole: (proxy) => proxyRole(file.proxy, proxy),
    checkTimeoutMs: file.checkTimeoutMs,
    maxInFlight: file.maxInFlight,
    ungoverned: file.ungoverned,
    proxy: file.proxy,
    secrets,
    outbound: { ...file.outbound, caFile: caFile && within(folder, caFile) },
    decisions: file.decisions && { ...file.decisions, to: withinTarget(folder, file.decisions.to) },
    report: file.report,
    store: file.store.type === "memory" ? file.store : withinStore(folder, file.store),
    handlers: file.handlers,
    teams: file.teams,
  };
}

const resolveListeners = (folder: string, { grpc, http, admin, metrics }: Listeners): Listeners => ({
  grpc: resolveListener(folder, grpc),
  metrics: resolveListener(folder, metrics),
  http: http && resolveListener(folder, http),
  admin: admin && {
    ...resolveListener(folder, admin),
    token: admin.token && withinSecret(folder, admin.token),
  },
});

const resolveListener = <L extends Listener>(folder: string, listener: L): L => ({
  ...listener,
  tls: listener.tls && withinTls(folder, listener.tls),
});

const withinTls = (folder: string, { cert, key, clientCa }: TlsFiles): TlsFiles => ({
  cert: within(folder, cert),
  key: within(folder, key),
  clientCa: clientCa && within(folder, clientCa),
});

const withinSecret = (folder: string, source: SecretSource): SecretSource =>
  "file" in source ? { file: within(folder, source.file) } : source;

const withinTarget = (folder: string, target: WrittenTarget): WrittenTarget =>
  target.kind === "file" ? { ...target, path: within(folder, target.path) } : target;

const withinStore = (folder: string, { at, password, tls, ...store }: RedisStoreFile): RedisStoreFile => ({
  ...store,
  at: withinPlace(folder, at),
  password: password && withinSecret(folder, password),
  tls: tls && {
    ca: tls.ca && within(folder, tls.ca),
    cert: tls.cert && within(folder, tls.cert),
    key: tls.key && within(folder, tls.key),
  },
});

function withinPlace(folder: string, at: RedisPlace): RedisPlace {
  switch (at.kind) {
    case "url":
      return typeof at.url === "string" ? at : { ...at, url: withinSecret(folder, at.url) };
    case "sentinel":
      return { ...at, password: at.password && withinSecret(folder, at.password) };
    case "cluster":
      return at;
  }
}

/** The absolute form of a path that weir.yaml writes, which counts from its folder. */
export const within = (folder: string, path: string): string => resolve(folder, path);
