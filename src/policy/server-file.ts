import { z } from "zod";
import type { SecretSource } from "../adapter/host.ts";
import type { ClientAddress } from "../attributes/client-address.ts";
import { CLIENT_ADDRESS } from "./client-address-file.ts";
import { DECISIONS, type DecisionsFile } from "./decisions-file.ts";
import { didYouMean } from "./diagnostic.ts";
import {
  delegate,
  either,
  durationMs,
  integer,
  name,
  refuse,
  TRUST_DOMAIN_FORM,
  version,
  word,
} from "./fields.ts";
import { entries, list, mapping } from "./fields-of-collections.ts";
import { HANDLERS, type HandlerFile } from "./handlers-file.ts";
import {
  ADMIN_LISTENER,
  GRPC_LISTENER,
  HTTP_LISTENER,
  METRICS_LISTENER,
  type AdminListener,
  type HttpCheckListener,
  type Listener,
  type ProxyListener,
} from "./listen-file.ts";
import { parseSpiffePattern, SPIFFE_PATTERN_FORM } from "./caller-pattern.ts";
import { OUTBOUND, OUTBOUND_DEFAULTS, type Outbound } from "./outbound-file.ts";
import { rolesByPrincipal, type ProxyRoles } from "./proxy-role.ts";
import { REPORT, REPORT_DEFAULTS, type ReportFile } from "./report-file.ts";
import { secret, secretOrTwo } from "./secret-field.ts";
import { STORE, STORE_DEFAULTS, type StoreFile } from "./store-file.ts";
import { TEAMS, type TeamFile } from "./teams-file.ts";
import { isMapping } from "./tree.ts";

/** What the operator decides in weir.yaml, with what holds where the file is silent. Paths are as the file writes them. */
export interface ServerFile {
  readonly listen: Listeners;
  readonly mesh: { readonly trustDomains: readonly string[] };
  readonly clientAddress: ClientAddress;
  readonly checkTimeoutMs: number;
  /** The most checks that are decided at one time. */
  readonly maxInFlight: number;
  /** What is answered where no policy that can grant matches. */
  readonly ungoverned: "deny" | "allow";
  readonly proxy: ProxyRoles;
  readonly secrets: Secrets;
  readonly outbound: Outbound;
  /** Undefined: decisions are not written. */
  readonly decisions: DecisionsFile | undefined;
  readonly store: StoreFile;
  readonly report: ReportFile;
  /** By name. */
  readonly handlers: ReadonlyMap<string, HandlerFile>;
  /** By name; empty: the folder is one part. */
  readonly teams: ReadonlyMap<string, TeamFile>;
}

export interface Listeners {
  readonly grpc: ProxyListener;
  readonly metrics: Listener;
  /** Undefined: off. */
  readonly http: HttpCheckListener | undefined;
  /** Undefined: off. */
  readonly admin: AdminListener | undefined;
}

export interface Secrets {
  /** Under which API keys are digested. */
  readonly pepper: SecretSource | undefined;
  /** Under which weir signs what it tells itself: the first signs, all are accepted. Empty, one or two. */
  readonly mac: readonly SecretSource[];
}

const onLoopback = (port: number): Listener => ({
  address: { kind: "tcp", host: "127.0.0.1", port },
  tls: undefined,
});

/** What holds without a weir.yaml. */
export const SERVER_DEFAULTS: ServerFile = {
  listen: {
    grpc: { ...onLoopback(9191), allow: undefined, role: undefined },
    metrics: onLoopback(9194),
    http: undefined,
    admin: undefined,
  },
  mesh: { trustDomains: ["cluster.local"] },
  clientAddress: { from: "peer" },
  checkTimeoutMs: 200,
  maxInFlight: 2000,
  ungoverned: "deny",
  proxy: { kind: "one", role: "gateway" },
  secrets: { pepper: undefined, mac: [] },
  outbound: OUTBOUND_DEFAULTS,
  decisions: undefined,
  store: STORE_DEFAULTS,
  report: REPORT_DEFAULTS,
  handlers: new Map(),
  teams: new Map(),
};

/** What of a check's time weir keeps for itself; handlers have the rest. */
export const OWN_SHARE_MS = 20;

const ROLE = word(["gateway", "sidecar"], "gateway, sidecar, or a mapping with byPrincipal");

const BY_PRINCIPAL = mapping({ byPrincipal: entries(ROLE) }).transform(
  ({ byPrincipal }, context): ProxyRoles => {
    const roles = Array.from(byPrincipal, ([written, role]) => {
      const pattern = parseSpiffePattern(written);
      if (pattern !== undefined) return [pattern, role] as const;
      const message = `${JSON.stringify(written)} is not ${SPIFFE_PATTERN_FORM}`;
      refuse(context, { kind: "refused", code: "wrong-value", message, at: "key" }, ["byPrincipal", written]);
      return z.NEVER;
    });
    return rolesByPrincipal(new Map(roles));
  },
);

const PROXY = mapping({
  role: either([ROLE, BY_PRINCIPAL], (value, context): ProxyRoles =>
    isMapping(value)
      ? delegate(context, BY_PRINCIPAL, value)
      : { kind: "one", role: delegate(context, ROLE, value) },
  ),
});

/** The schema of weir.yaml. */
export const SERVER_FILE = mapping({
  weir: version(),
  listen: mapping({
    grpc: GRPC_LISTENER.optional(),
    metrics: METRICS_LISTENER.optional(),
    http: HTTP_LISTENER.optional(),
    admin: ADMIN_LISTENER.optional(),
  }).optional(),
  mesh: mapping({ trustDomains: list(name(TRUST_DOMAIN_FORM), "trust domains") }).optional(),
  clientAddress: CLIENT_ADDRESS.optional(),
  checkTimeout: durationMs(25, 60_000, "from 25ms to 60s").optional(),
  maxInFlight: integer(1, 1_000_000).optional(),
  ungoverned: word(["deny", "allow"]).optional(),
  proxy: PROXY.optional(),
  secrets: mapping({ pepper: secret().optional(), mac: secretOrTwo().optional() }).optional(),
  outbound: OUTBOUND.optional(),
  decisions: DECISIONS.optional(),
  store: STORE.optional(),
  report: REPORT.optional(),
  handlers: HANDLERS.optional(),
  teams: TEAMS.optional(),
}).transform((found, context): ServerFile => {
  const file: ServerFile = {
    listen: listenersOf(found.listen ?? {}),
    mesh: found.mesh ?? SERVER_DEFAULTS.mesh,
    clientAddress: found.clientAddress ?? SERVER_DEFAULTS.clientAddress,
    checkTimeoutMs: found.checkTimeout ?? SERVER_DEFAULTS.checkTimeoutMs,
    maxInFlight: found.maxInFlight ?? SERVER_DEFAULTS.maxInFlight,
    ungoverned: found.ungoverned ?? SERVER_DEFAULTS.ungoverned,
    proxy: found.proxy?.role ?? SERVER_DEFAULTS.proxy,
    secrets: secretsOf(found.secrets ?? {}),
    outbound: found.outbound ?? SERVER_DEFAULTS.outbound,
    decisions: found.decisions,
    store: found.store ?? SERVER_DEFAULTS.store,
    report: found.report ?? SERVER_DEFAULTS.report,
    handlers: found.handlers ?? SERVER_DEFAULTS.handlers,
    teams: found.teams ?? SERVER_DEFAULTS.teams,
  };
  refuseUnknownHandlers(context, file);
  return file;
});

/** As a mapping has them: what is not there is undefined. */
type Found<T> = { readonly [K in keyof T]?: T[K] | undefined };

const listenersOf = ({ grpc, metrics, http, admin }: Found<Listeners>): Listeners => ({
  grpc: grpc ?? SERVER_DEFAULTS.listen.grpc,
  metrics: metrics ?? SERVER_DEFAULTS.listen.metrics,
  http,
  admin,
});

const secretsOf = ({ pepper, mac = [] }: Found<Secrets>): Secrets => ({ pepper, mac });

function refuseUnknownHandlers(context: z.RefinementCtx, { handlers, teams }: ServerFile): void {
  for (const [id, { mayAsk }] of teams) {
    for (const [index, handler] of [...(mayAsk ?? [])].entries()) {
      if (handlers.has(handler)) continue;
      const message = `there is no handler "${handler}"`;
      const hint = didYouMean(handler, handlers.keys());
      const reason = { kind: "refused", code: "unknown-name", message, hint, at: "value" } as const;
      refuse(context, reason, ["teams", id, "may", "handlers", index]);
    }
  }
}
