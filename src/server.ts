import { ADAPTERS } from "../adapters/index.ts";
import { CandidateTrial } from "./check/candidate.ts";
import { Differences } from "./check/differences.ts";
import { Records } from "./check/records.ts";
import { checkService, type CheckService } from "./check/service.ts";
import { RecentDecisions } from "./check/recent.ts";
import { startGrpcServer, type GrpcServer } from "./grpc/server.ts";
import { startAdminListener } from "./http/admin.ts";
import { startExtAuthz } from "./http/ext-authz.ts";
import type { HttpListener } from "./http/listener.ts";
import { startMetricsListener } from "./http/metrics.ts";
import { compileConfiguration, type Configuration, type World } from "./policy/compile.ts";
import type { Listener } from "./policy/listen-file.ts";
import { loadFiles, loadFolders, type SourceFile } from "./policy/load.ts";
import type { Settings } from "./policy/settings.ts";
import type { Snapshot } from "./policy/snapshot.ts";
import { auditOf } from "./runtime/audit.ts";
import { CandidateFiles } from "./runtime/candidate.ts";
import { Outside } from "./runtime/outside.ts";
import { Runtime, type LoadResult } from "./runtime/runtime.ts";
import { statusOf, type LastLoad } from "./runtime/status.ts";
import { tellResult, warnOfRestart } from "./runtime/tell.ts";
import { watchFolders } from "./runtime/watch.ts";
import { epochClock } from "./std/clock.ts";
import { laterQueue } from "./std/later.ts";
import type { ListenAddress } from "./std/listen-address.ts";
import { openTls, type ListenerTls, type Renewal } from "./std/tls-files.ts";
import type { Log } from "./telemetry/log.ts";
import { createMetrics, type Metrics } from "./telemetry/metrics.ts";

export interface ServerOptions {
  readonly folders: readonly string[];
  readonly log: Log;
  /** The environment's variables, for secrets that weir.yaml says are there. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stance: World["stance"];
  /** Tried on what was decided; undefined: nothing is. */
  readonly candidate?: { readonly folders: readonly string[]; readonly share: number } | undefined;
}

/** A running weir. */
export interface RunningServer {
  readonly listening: Readonly<Record<"grpc" | "metrics", ListenAddress>> &
    Readonly<Partial<Record<"http" | "admin", ListenAddress>>>;
  readonly loaded: Extract<LoadResult, { kind: "live" }>;
  /** Reads the folders again, as a change on disk does. */
  reload(): Promise<LoadResult>;
  /** Says "not ready", finishes what is under way, closes. Safe twice. */
  stop(): Promise<void>;
}

/** A configuration that cannot go live at the start: the diagnostics say why. */
export type Refused = Extract<LoadResult, { kind: "refused" }>;

/** What folders come to, all or nothing, for commands that serve nobody. */
export const readConfiguration = async (folders: readonly string[]): Promise<Configuration> =>
  compileConfiguration(await loadFolders(folders), "", {
    adapters: ADAPTERS,
    nowMs: Date.now(),
    stance: "enforce",
  });

/** The same for files that are at hand. */
export const compileFiles = (files: readonly SourceFile[]): Configuration =>
  compileConfiguration(loadFiles(files), "", { adapters: ADAPTERS, nowMs: Date.now(), stance: "enforce" });

/** Far above what Envoy sends: what is too large for a check is refused by the check, which is an answer and no error. */
const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;
/** Checks whose shadow rules wait to be evaluated. */
const MAX_WAITING_SHADOWS = 1_000;
/** Of the last refusals, which are kept for those who ask why. */
const RECENT = { maxBytes: 16 * 1024 * 1024, maxExplainedPerSecond: 20 } as const;
/** Longer than any check takes, shorter than an orchestrator waits before it kills. */
const DRAIN_GRACE_MS = 5_000;

/**
 * The composition root: configuration, then runtime, then listeners; stopped in reverse.
 * Rejects when a listener cannot be bound; a configuration that is refused is a value.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer | Refused> {
  const opened = new AsyncDisposableStack();
  try {
    const metrics = createMetrics();
    const runtime = await startRuntime(options, metrics, opened);
    const loaded = await runtime.runtime.load();
    if (loaded.kind === "live")
      return await openListeners(
        {
          ...options,
          ...runtime,
          metrics,
          loaded,
          recent: new RecentDecisions(RECENT, runtime.outside.digest),
          differences: new Differences(RECENT, runtime.outside.digest),
          tried: await startCandidate(options, runtime.outside, opened),
        },
        opened,
      );
    await opened.disposeAsync();
    return loaded.kind === "refused" ? loaded : { kind: "refused", diagnostics: [], held: [] };
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}

/** The candidate's files; what is wrong with them stops nobody. */
async function startCandidate(
  { candidate, log }: ServerOptions,
  { verifiers }: Outside,
  opened: AsyncDisposableStack,
): Promise<CandidateFiles | undefined> {
  if (candidate === undefined) return undefined;
  const files = new CandidateFiles({ folders: candidate.folders, adapters: ADAPTERS, verifiers, log });
  opened.defer(() => files.close());
  await files.start();
  return files;
}

interface Started {
  readonly runtime: Runtime;
  readonly outside: Outside;
  readonly lastLoad: () => LastLoad | undefined;
}

/** Watched before anything is read: what changes in between is seen. */
async function startRuntime(
  { folders, log, environment, stance }: ServerOptions,
  metrics: Metrics,
  opened: AsyncDisposableStack,
): Promise<Started> {
  const outside = new Outside({
    log,
    logOf: (handler) => log.child({ handler }),
    nowMs: Date.now,
    environment,
    onFetch: ({ host, outcome, seconds }) => metrics.countFetch(host, outcome, seconds),
    onAnswer: (handler, verdict, seconds) => metrics.countAnswer(handler, verdict, seconds),
    onLine: (result) => metrics.countRecordLine(result),
  });
  opened.defer(() => outside.close());
  const watch = await watchFolders({
    folders,
    onChange: async () => {
      await runtime.load();
    },
    onError: (error) => log.error({ err: error }, "changes in a folder may not be seen"),
  });
  let lastLoad: LastLoad | undefined;
  let before: Snapshot | undefined;
  const audit = (result: LoadResult): void => {
    for (const line of auditOf(result, before, Date.now())) {
      const lines = outside.lines();
      if (lines === undefined) log.info({ audit: line }, "audit");
      else lines.add(JSON.stringify(line));
    }
    if (result.kind === "live") before = result.snapshot;
  };
  const runtime = new Runtime({
    folders,
    adapters: ADAPTERS,
    stance,
    nowMs: Date.now,
    handlers: outside.handlers,
    verifiers: outside.verifiers,
    onFinding: (identity, finding) => metrics.countFinding(identity, finding),
    onSettings: (settings) => {
      warnOfRestart(log, runtime.live?.snapshot.settings, settings);
      return outside.follow(settings);
    },
    onResult(result, phase) {
      lastLoad = { result, atMs: Date.now() };
      tellResult({ metrics, log }, result, phase);
      // What refused the start has changed nothing.
      if (phase === "running" || result.kind === "live") audit(result);
    },
    onError: (error) =>
      log.error({ err: error }, "a configuration was not loaded; what was live before stays"),
    watch: (paths) => watch.alsoWatch(paths),
  });
  opened.defer(() => runtime.close());
  opened.defer(() => watch.close());
  return { runtime, outside, lastLoad: () => lastLoad };
}

interface Parts extends ServerOptions, Started {
  readonly metrics: Metrics;
  readonly recent: RecentDecisions;
  readonly differences: Differences;
  readonly tried: CandidateFiles | undefined;
  readonly loaded: RunningServer["loaded"];
}

/** What is opened here closes in reverse, so that `/readyz` says "draining" for as long as checks are answered. */
async function openListeners(parts: Parts, opened: AsyncDisposableStack): Promise<RunningServer> {
  const { metrics, loaded, runtime } = parts;
  const { settings } = loaded.snapshot;
  const openTlsOf = (name: keyof Settings["listen"], listener: Listener) =>
    tlsOf(name, listener, { ...parts, opened });
  let phase: "starting" | "ready" | "draining" = "starting";
  const watched = await startMetricsListener({
    address: settings.listen.metrics.address,
    tls: await openTlsOf("metrics", settings.listen.metrics),
    metrics,
    notReady: () => (phase === "ready" ? undefined : phase),
  });
  opened.defer(() => watched.close());
  const admin = settings.listen.admin && (await startAdmin(parts, settings.listen.admin, openTlsOf));
  if (admin !== undefined) opened.defer(() => admin.close());
  const service = checksOf(parts);
  const http = settings.listen.http && (await startHttp(parts, settings.listen.http, { service, openTlsOf }));
  if (http !== undefined) opened.defer(() => http.close());
  const grpc = await startGrpc(parts, service, await openTlsOf("grpc", settings.listen.grpc));
  opened.defer(() => grpc.drain(DRAIN_GRACE_MS));
  grpc.setServing("serving");
  phase = "ready";

  return {
    listening: {
      grpc: grpc.address,
      metrics: watched.address,
      ...(http === undefined ? {} : { http: http.address }),
      ...(admin === undefined ? {} : { admin: admin.address }),
    },
    loaded,
    reload: () => runtime.load(),
    stop: () => {
      phase = "draining";
      return opened.disposeAsync();
    },
  };
}

type OpenTls = (name: keyof Settings["listen"], listener: Listener) => Promise<ListenerTls | undefined>;

/** The TLS of a listener, closed after it; undefined where it has none. */
async function tlsOf(
  name: keyof Settings["listen"],
  { tls: paths }: Listener,
  { log, metrics, opened }: Parts & { readonly opened: AsyncDisposableStack },
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
  { runtime, outside, lastLoad, log, recent, differences, tried }: Parts,
  listener: Settings["listen"]["admin"] & {},
  openTlsOf: OpenTls,
): Promise<HttpListener> {
  const { token, address } = listener;
  return startAdminListener({
    address,
    tls: await openTlsOf("admin", listener),
    token: token && (() => outside.secret(token)),
    status: () => statusOf(runtime, lastLoad()),
    decisions: recent,
    differences: {
      list: (query) => differences.list(query),
      counts: () => differences.counts,
      candidate: () => tried && { folders: tried.folders, revision: tried.current?.snapshot.revision },
    },
    onError: (error) => log.error({ err: error }, "a page of the admin listener ended in an exception"),
  });
}

/** Counts and logs what a method threw. */
const exceptionTeller =
  ({ metrics, log }: Pick<Parts, "metrics" | "log">) =>
  (error: unknown, method: string): void => {
    metrics.countInternalError(method);
    log.error({ err: error, method }, "a call ended in an exception");
  };

function checksOf(parts: Parts): CheckService {
  const { runtime, outside, metrics, log, recent, differences, tried, candidate } = parts;
  const onError = exceptionTeller(parts);
  return checkService({
    live: () => runtime.live,
    metrics,
    log,
    nowMs: epochClock(),
    onRefusal: (made) => recent.add(made),
    differences,
    ...(candidate === undefined
      ? {}
      : {
          candidate: new CandidateTrial({
            candidate: () => tried?.current,
            share: candidate.share,
            metrics,
            differences,
          }),
        }),
    records: new Records({ lines: () => outside.lines(), digest: outside.digest }),
    later: laterQueue(MAX_WAITING_SHADOWS, (error) => onError(error, "afterwards")),
  });
}

/** Refusals of what is no check, by the status that the HTTP edge gives them. */
const HTTP_REFUSALS = {
  400: "weir/bad-request",
  403: "weir/caller-not-allowed",
  413: "weir/too-large",
  500: "weir/internal",
} as const;

async function startHttp(
  parts: Parts,
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

function startGrpc(parts: Parts, service: CheckService, tls: ListenerTls | undefined): Promise<GrpcServer> {
  const { metrics, log, loaded } = parts;
  const { listen, maxInFlight } = loaded.snapshot.settings;
  const { address, allow, role } = listen.grpc;
  return startGrpcServer({
    address,
    tls,
    rules: { allow, role },
    services: [
      {
        name: "envoy.service.auth.v3.Authorization",
        operation: "check",
        methods: { Check: (request, deadlineAtMs, caller) => service.check(request, deadlineAtMs, caller) },
      },
    ],
    maxMessageBytes: MAX_MESSAGE_BYTES,
    maxConcurrentCalls: maxInFlight,
    onRefused: ({ principal }, method) => {
      metrics.countRefusedCaller("grpc");
      log.warn({ principal, method }, "a caller whose certificate is not allowed asked");
    },
    onError: exceptionTeller(parts),
  });
}
