import { CandidateTrial } from "./check/candidate.ts";
import type { Differences } from "./check/differences.ts";
import { explainLive } from "./check/explanation.ts";
import type { RecentDecisions } from "./check/recent.ts";
import { Records } from "./check/records.ts";
import { checkService, type CheckService } from "./check/service.ts";
import { openCounting, type Counting } from "./counting.ts";
import { startGrpcServer, type GrpcServer } from "./grpc/server.ts";
import { startAdminListener } from "./http/admin.ts";
import { startExtAuthz } from "./http/ext-authz.ts";
import type { HttpListener } from "./http/listener.ts";
import { startMetricsListener } from "./http/metrics.ts";
import type { Listener } from "./policy/listen-file.ts";
import type { Settings } from "./policy/settings.ts";
import type { CandidateFiles } from "./runtime/candidate.ts";
import type { Outside } from "./runtime/outside.ts";
import type { AuditLine } from "./runtime/audit.ts";
import type { Runtime } from "./runtime/runtime.ts";
import { exposedBy } from "./runtime/handlers.ts";
import { accountOf } from "./runtime/account.ts";
import { statusOf, type LastLoad } from "./runtime/status.ts";
import { openReporting } from "./reporting.ts";
import { grpcServices, type ServiceName, type Services } from "./services.ts";
import { epochClock } from "./std/clock.ts";
import { laterQueue } from "./std/later.ts";
import type { ListenAddress } from "./std/listen-address.ts";
import { within } from "./std/within.ts";
import { openTls, type ListenerTls, type Renewal } from "./std/tls-files.ts";
import type { Log } from "./telemetry/log.ts";
import type { Metrics } from "./telemetry/metrics.ts";

/** Far above what Envoy sends: what is too large for a check is refused by the check, which is an answer and no error. */
const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;
/** Checks of which something follows their answer, and waits. */
const MAX_WAITING_SHADOWS = 1_000;
/** Longer than any check takes, shorter than an orchestrator waits before it kills. */
const DRAIN_GRACE_MS = 5_000;

/** What listeners are opened over. */
export interface ListenerParts {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly runtime: Runtime;
  readonly outside: Outside;
  readonly lastLoad: () => LastLoad | undefined;
  readonly audit: (line: AuditLine) => void;
  readonly recent: RecentDecisions;
  readonly differences: Differences;
  /** Undefined: no candidate is tried. */
  readonly tried: Tried | undefined;
  readonly settings: Settings;
  /** What proxies are answered here; others of their calls are UNIMPLEMENTED. */
  readonly serves: ReadonlySet<ServiceName>;
}

/** A candidate, and the share of checks that it is tried on. */
export interface Tried {
  readonly files: CandidateFiles;
  readonly share: number;
}

/** Where listeners are, and how it is said that weir ends. */
export interface Listening {
  readonly addresses: Readonly<Record<"grpc" | "metrics", ListenAddress>> &
    Readonly<Partial<Record<"http" | "admin", ListenAddress>>>;
  /** From now on `/readyz` says so. */
  readonly drain: () => void;
}

/** What is opened here closes in reverse, so that `/readyz` says "draining" for as long as checks are answered. */
export async function openListeners(parts: ListenerParts, opened: AsyncDisposableStack): Promise<Listening> {
  const { metrics, settings } = parts;
  const openTlsOf = (name: keyof Settings["listen"], listener: Listener) =>
    tlsOf(name, listener, { ...parts, opened });
  let phase: "starting" | "ready" | "draining" = "starting";
  const watched = await startMetricsListener({
    address: settings.listen.metrics.address,
    tls: await openTlsOf("metrics", settings.listen.metrics),
    metrics,
    exposed: () => exposedBy(parts.runtime.live?.handlers ?? new Map()),
    notReady: () => (phase === "ready" ? undefined : phase),
    onError: (error) =>
      parts.log.error({ err: error }, "a page of the metrics listener ended in an exception"),
  });
  opened.defer(() => watched.close());
  const { limits, quotas, shown, settler } = openCounting(parts);
  const admin =
    settings.listen.admin && (await startAdmin(parts, settings.listen.admin, { shown, openTlsOf }));
  if (admin !== undefined) opened.defer(() => admin.close());
  const service = checksOf(parts, limits);
  const http =
    settings.listen.http && parts.serves.has("check")
      ? await startHttp(parts, settings.listen.http, { service, openTlsOf })
      : undefined;
  if (http !== undefined) opened.defer(() => http.close());
  const report = openReporting({ ...parts, settler, onError: exceptionTeller(parts) });
  // When no stream brings more, and before handlers are closed.
  opened.defer(() => within(report.emptied(), DRAIN_GRACE_MS, undefined));
  const services = { check: service, quota: quotas, report };
  const grpc = await startGrpc(parts, services, await openTlsOf("grpc", settings.listen.grpc));
  opened.defer(() => grpc.drain(DRAIN_GRACE_MS));
  grpc.setServing("serving");
  phase = "ready";

  return {
    addresses: {
      grpc: grpc.address,
      metrics: watched.address,
      ...(http === undefined ? {} : { http: http.address }),
      ...(admin === undefined ? {} : { admin: admin.address }),
    },
    drain: () => {
      phase = "draining";
    },
  };
}

type OpenTls = (name: keyof Settings["listen"], listener: Listener) => Promise<ListenerTls | undefined>;

/** The TLS of a listener, closed after it; undefined where it has none. */
async function tlsOf(
  name: keyof Settings["listen"],
  { tls: paths }: Listener,
  { log, metrics, opened }: ListenerParts & { readonly opened: AsyncDisposableStack },
): Promise<ListenerTls | undefined> {
  if (paths === undefined) return undefined;
  const onRenewal = (renewal: Renewal): void => {
    metrics.countRenewal(name, renewal.kind === "renewed" ? "renewed" : "refused");
    if (renewal.kind === "renewed") log.info({ listener: name }, "new certificates are used");
    else
      log.error(
        { listener: name, reason: renewal.reason },
        "new certificates are no good; the old ones stay",
      );
  };
  const tls = await openTls({ paths, onRenewal });
  opened.defer(() => tls.close());
  return tls;
}

async function startAdmin(
  { runtime, outside, metrics, lastLoad, log, recent, differences, tried }: ListenerParts,
  listener: Settings["listen"]["admin"] & {},
  { shown, openTlsOf }: Pick<Counting, "shown"> & { readonly openTlsOf: OpenTls },
): Promise<HttpListener> {
  const { token, address } = listener;
  return startAdminListener({
    address,
    tls: await openTlsOf("admin", listener),
    token: token && (() => outside.secret(token)),
    status: () => statusOf(runtime, { store: outside.store, report: metrics.report }, lastLoad()),
    account: () => accountOf(metrics.report, runtime.live?.handlers ?? new Map()),
    decisions: recent,
    differences: {
      list: (query) => differences.list(query),
      counts: () => differences.counts,
      candidate: () =>
        tried && { folders: tried.files.folders, revision: tried.files.current?.snapshot.revision },
    },
    explain: (text) =>
      explainLive(text, {
        live: runtime.live,
        nowMs: Date.now(),
        // The digests of /decisions, so that what is explained can be compared with what was decided.
        proved: outside.digest,
      }),
    quotas: shown,
    onError: (error) => log.error({ err: error }, "a page of the admin listener ended in an exception"),
  });
}

/** Counts and logs what a method threw. */
const exceptionTeller =
  ({ metrics, log }: Pick<ListenerParts, "metrics" | "log">) =>
  (error: unknown, method: string): void => {
    metrics.countInternalError(method);
    log.error({ err: error, method }, "a call ended in an exception");
  };

function checksOf(parts: ListenerParts, limits: Counting["limits"]): CheckService {
  const { runtime, outside, metrics, log, recent, differences } = parts;
  const onError = exceptionTeller(parts);
  return checkService({
    live: () => runtime.live,
    metrics,
    log,
    nowMs: epochClock(),
    limits,
    signer: outside.signer,
    onRefusal: (made) => recent.add(made),
    differences,
    candidate: trialOf(parts),
    records: new Records({
      lines: () => outside.lines(),
      digest: outside.digest,
      live: () => runtime.live?.snapshot,
    }),
    later: laterQueue(MAX_WAITING_SHADOWS, (error) => onError(error, "afterwards")),
  });
}

const trialOf = ({ tried, metrics, differences }: ListenerParts): CandidateTrial | undefined =>
  tried &&
  new CandidateTrial({ candidate: () => tried.files.current, share: tried.share, metrics, differences });

/** Refusals of what is no check, by the status that the HTTP edge gives them. */
const HTTP_REFUSALS = {
  400: "weir/bad-request",
  403: "weir/caller-not-allowed",
  413: "weir/too-large",
  500: "weir/internal",
} as const;

async function startHttp(
  parts: ListenerParts,
  listener: Settings["listen"]["http"] & {},
  { service, openTlsOf }: { readonly service: CheckService; readonly openTlsOf: OpenTls },
): Promise<HttpListener> {
  const { metrics, log } = parts;
  const { address, allow, role, pathPrefix } = listener;
  const onError = exceptionTeller(parts);
  return startExtAuthz({
    address,
    tls: await openTlsOf("http", listener),
    rules: { allow, role },
    pathPrefix,
    check: {
      decide: (facts) => service.answer(() => facts, Number.POSITIVE_INFINITY),
      refuse: ({ status }) => service.refuse(HTTP_REFUSALS[status]),
    },
    onError: (error) => onError(error, "http"),
    onRefused: ({ principal }) => {
      metrics.countRefusedCaller("http");
      log.warn({ principal }, "a caller whose certificate is not allowed asked");
    },
    graceMs: DRAIN_GRACE_MS,
  });
}

function startGrpc(
  parts: ListenerParts,
  services: Services,
  tls: ListenerTls | undefined,
): Promise<GrpcServer> {
  const { metrics, log, settings } = parts;
  const { listen, maxInFlight, report } = settings;
  const { address, allow, role } = listen.grpc;
  return startGrpcServer({
    address,
    tls,
    rules: { allow, role },
    services: grpcServices(services, parts.serves),
    streamBounds: { maxAgeMs: report.maxStreamAgeMs },
    maxMessageBytes: MAX_MESSAGE_BYTES,
    maxConcurrentCalls: maxInFlight,
    onRefused: ({ principal }, method) => {
      metrics.countRefusedCaller("grpc");
      log.warn({ principal, method }, "a caller whose certificate is not allowed asked");
    },
    onError: exceptionTeller(parts),
  });
}
