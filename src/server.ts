import { ADAPTERS } from "../adapters/index.ts";
import type { Adapter } from "./adapter/adapter.ts";
import { Differences } from "./check/differences.ts";
import { RecentDecisions } from "./check/recent.ts";
import { openListeners, type Listening, type Tried } from "./listeners.ts";
import { compileConfiguration, type Configuration, type World } from "./policy/compile.ts";
import { loadFiles, loadFolders, type Loaded as LoadedFiles, type SourceFile } from "./policy/load.ts";
import type { ForeignAdapters } from "./policy/foreign.ts";
import type { Snapshot } from "./policy/snapshot.ts";
import { sumsAtEnd } from "./runtime/account.ts";
import { auditOf, type AuditLine } from "./runtime/audit.ts";
import { CandidateFiles } from "./runtime/candidate.ts";
import { importAdapters } from "./runtime/foreign-adapters.ts";
import { Outside } from "./runtime/outside.ts";
import { Runtime, type LoadResult } from "./runtime/runtime.ts";
import type { LastLoad } from "./runtime/status.ts";
import type { StoreEvents } from "./runtime/store.ts";
import { tellResult, warnOfRestart } from "./runtime/tell.ts";
import { watchFolders } from "./runtime/watch.ts";
import { SERVICE_NAMES, type ServiceName } from "./services.ts";
import type { Log } from "./telemetry/log.ts";
import { createMetrics, type Metrics } from "./telemetry/metrics.ts";

export interface ServerOptions {
  readonly folders: readonly string[];
  readonly log: Log;
  /** The environment's variables, for secrets that weir.yaml says are there. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stance: World["stance"];
  /** What proxies are answered; undefined: all of it. */
  readonly serves?: ReadonlySet<ServiceName>;
  /** Tried on what was decided; undefined: nothing is. */
  readonly candidate?: { readonly folders: readonly string[]; readonly share: number } | undefined;
}

/** A running weir. */
export interface RunningServer {
  readonly listening: Listening["addresses"];
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
  compileLoaded(await loadFolders(folders));

/** The same for files that are at hand, and name no others. */
export const compileFiles = (files: readonly SourceFile[]): Configuration =>
  compileConfiguration(loadFiles(files), "", worldNow());

/** The same for files that have been loaded. Adapters that they name are those on the disk, whatever the files were read from. */
export const compileLoaded = async (loaded: LoadedFiles): Promise<Configuration> =>
  compileConfiguration(loaded, "", { ...worldNow(), foreign: await importAdapters(loaded) });

/** Every adapter that a handler may be of: weir's own, and those that weir.yaml in the folders names. */
export const readAdapters = async (
  folders: readonly string[],
): Promise<{ readonly own: readonly Adapter[]; readonly foreign: ForeignAdapters }> => ({
  own: ADAPTERS,
  foreign: await importAdapters(await loadFolders(folders)),
});

const worldNow = (): World => ({ adapters: ADAPTERS, nowMs: Date.now(), stance: "enforce" });

/** Of the last refusals, which are kept for those who ask why. */
const RECENT = { maxBytes: 16 * 1024 * 1024, maxExplainedPerSecond: 20 } as const;

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
    if (loaded.kind === "live") return await startListening(options, { ...runtime, metrics, loaded }, opened);
    await opened.disposeAsync();
    return loaded.kind === "refused" ? loaded : { kind: "refused", diagnostics: [], held: [] };
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}

interface Loaded extends Started {
  readonly metrics: Metrics;
  readonly loaded: RunningServer["loaded"];
}

async function startListening(
  options: ServerOptions,
  { loaded, ...started }: Loaded,
  opened: AsyncDisposableStack,
): Promise<RunningServer> {
  const { outside, runtime } = started;
  const parts = {
    ...started,
    log: options.log,
    settings: loaded.snapshot.settings,
    serves: options.serves ?? new Set(SERVICE_NAMES),
    recent: new RecentDecisions(RECENT, outside.digest),
    differences: new Differences(RECENT, outside.digest),
    tried: await startCandidate(options, outside, opened),
  };
  const { addresses, drain } = await openListeners(parts, opened);
  return {
    listening: addresses,
    loaded,
    reload: () => runtime.load(),
    stop: () => {
      drain();
      return opened.disposeAsync();
    },
  };
}

/** The candidate's files; what is wrong with them stops nobody. */
async function startCandidate(
  { candidate, log }: ServerOptions,
  { verifiers }: Outside,
  opened: AsyncDisposableStack,
): Promise<Tried | undefined> {
  if (candidate === undefined) return undefined;
  const files = new CandidateFiles({ folders: candidate.folders, adapters: ADAPTERS, verifiers, log });
  opened.defer(() => files.close());
  await files.start();
  return { files, share: candidate.share };
}

interface Started {
  readonly runtime: Runtime;
  readonly outside: Outside;
  readonly lastLoad: () => LastLoad | undefined;
  readonly audit: (line: AuditLine) => void;
}

/** Audit lines stand beside decisions, and in the log where those are not written. */
const auditOn =
  (outside: Outside, log: Log) =>
  (line: AuditLine): void => {
    const lines = outside.lines();
    if (lines === undefined) log.info({ audit: line }, "audit");
    else lines.add(JSON.stringify(line));
  };

/** When handlers have delivered what they could: nobody can ask for it any more. */
function tellAccount({ report }: Metrics, log: Log): void {
  if (report.received.sum > 0) log.info({ account: sumsAtEnd(report) }, "what became of access logs");
}

function storeEvents(metrics: Metrics, log: Log): StoreEvents {
  return {
    onTaken: (result) => metrics.countTake(result),
    onCall: (items, seconds) => metrics.observeStoreCall(items, seconds),
    onEvicted: () => metrics.countEvicted(),
    onConnection: ({ name, state, reason }) => {
      metrics.setStoreNode(name, state);
      if (state === "ready") log.info({ node: name }, "the store is connected");
      if (state === "away") log.warn({ node: name, reason }, "the store is away");
    },
  };
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
    metricsOf: (adapter, handler) => metrics.ofHandler(adapter, handler),
    nowMs: Date.now,
    environment,
    onFetch: ({ host, outcome, seconds }) => metrics.countFetch(host, outcome, seconds),
    metrics,
    onAnswer: (handler, verdict, seconds) => metrics.countAnswer(handler, verdict, seconds),
    onLine: (result) => metrics.countRecordLine(result),
    store: storeEvents(metrics, log),
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
  const audit = auditOn(outside, log);
  const auditLoad = (result: LoadResult): void => {
    for (const line of auditOf(result, before, Date.now())) audit(line);
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
      if (phase === "running" || result.kind === "live") auditLoad(result);
    },
    onError: (error) =>
      log.error({ err: error }, "a configuration was not loaded; what was live before stays"),
    watch: (paths) => watch.alsoWatch(paths),
  });
  opened.defer(() => tellAccount(metrics, log));
  opened.defer(() => runtime.close());
  opened.defer(() => watch.close());
  return { runtime, outside, lastLoad: () => lastLoad, audit };
}
