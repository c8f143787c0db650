import type { ListenAddress } from "../std/listen-address.ts";
import { ADDRESS_FORM, addressHint, isLocal, parseAddress } from "./address.ts";
import {
  durationMs,
  flag,
  integer,
  list,
  mapping,
  name,
  notYet,
  parsedText,
  refuse,
  TRUST_DOMAIN_FORM,
  version,
  word,
} from "./fields.ts";

/** What the operator decides in weir.yaml, with what holds where the file is silent. */
export interface ServerFile {
  readonly listen: { readonly grpc: ListenAddress; readonly metrics: ListenAddress };
  readonly mesh: { readonly trustDomains: readonly string[] };
  readonly clientAddress: { readonly from: "peer" };
  readonly checkTimeoutMs: number;
  /** The most checks that are decided at one time. */
  readonly maxInFlight: number;
  /** What is answered where no policy that can grant matches. */
  readonly ungoverned: "deny" | "allow";
  readonly store: { readonly type: "memory" };
}

/** What holds without a weir.yaml. */
export const SERVER_DEFAULTS: ServerFile = {
  listen: {
    grpc: { kind: "tcp", host: "127.0.0.1", port: 9191 },
    metrics: { kind: "tcp", host: "127.0.0.1", port: 9194 },
  },
  mesh: { trustDomains: ["cluster.local"] },
  clientAddress: { from: "peer" },
  checkTimeoutMs: 200,
  maxInFlight: 2000,
  ungoverned: "deny",
  store: { type: "memory" },
};

const LISTENER = mapping({
  address: parsedText(ADDRESS_FORM, parseAddress, addressHint),
  insecure: flag().optional(),
  tls: notYet("TLS of its own listeners"),
  allow: notYet("lists of allowed callers"),
}).transform(({ address, insecure }, context): ListenAddress => {
  if (!isLocal(address) && insecure !== true) {
    const message = "other machines can reach this listener, and nothing proves who they are";
    const hint = "listen on 127.0.0.1 or unix:/…, or add `insecure: true` if the network itself is trusted";
    refuse(context, { kind: "refused", code: "insecure-listener", message, hint, at: "value" }, ["address"]);
  }
  return address;
});

/** The schema of weir.yaml. */
export const SERVER_FILE = mapping({
  weir: version(),
  listen: mapping({
    grpc: LISTENER.optional(),
    metrics: LISTENER.optional(),
    http: notYet("HTTP ext_authz"),
    admin: notYet("the admin listener"),
  }).optional(),
  mesh: mapping({ trustDomains: list(name(TRUST_DOMAIN_FORM), "trust domains") }).optional(),
  clientAddress: mapping({
    from: word(["peer"], { words: ["xff"] }),
    trustedHops: notYet("addresses from X-Forwarded-For"),
    trustedProxies: notYet("addresses from X-Forwarded-For"),
  }).optional(),
  checkTimeout: durationMs(25, 60_000, "from 25ms to 60s").optional(),
  maxInFlight: integer(1, 1_000_000).optional(),
  ungoverned: word(["deny", "allow"]).optional(),
  store: mapping({
    type: word(["memory"], { words: ["redis"] }),
    url: notYet("Redis"),
    replicas: notYet("Redis"),
  }).optional(),
  proxy: notYet("the role of proxies"),
  secrets: notYet("secrets"),
  handlers: notYet("handlers"),
  teams: notYet("teams"),
}).transform((file): ServerFile => ({
  listen: {
    grpc: file.listen?.grpc ?? SERVER_DEFAULTS.listen.grpc,
    metrics: file.listen?.metrics ?? SERVER_DEFAULTS.listen.metrics,
  },
  mesh: file.mesh ?? SERVER_DEFAULTS.mesh,
  clientAddress: { from: file.clientAddress?.from ?? SERVER_DEFAULTS.clientAddress.from },
  checkTimeoutMs: file.checkTimeout ?? SERVER_DEFAULTS.checkTimeoutMs,
  maxInFlight: file.maxInFlight ?? SERVER_DEFAULTS.maxInFlight,
  ungoverned: file.ungoverned ?? SERVER_DEFAULTS.ungoverned,
  store: { type: file.store?.type ?? SERVER_DEFAULTS.store.type },
}));
