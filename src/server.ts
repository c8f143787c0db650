import { checkMethod } from "./check/service.ts";
import type { Settings } from "./policy/settings.ts";
import { startGrpcServer, type GrpcServer } from "./grpc/server.ts";
import { startMetricsListener } from "./http/metrics.ts";
import { Runtime, type LoadResult } from "./runtime/runtime.ts";
import { watchFolders } from "./runtime/watch.ts";
import { laterQueue } from "./std/later.ts";
import type { ListenAddress } from "./std/listen-address.ts";
import type { Log } from "./telemetry/log.ts";
import { createMetrics, type Metrics } from "./telemetry/metrics.ts";

export interface ServerOptions {
  readonly folders: readonly string[];
  readonly log: Log;
}

/** A running weir. */
export interface RunningServer {
  readonly listening: { readonly grpc: ListenAddress; readonly metrics: ListenAddress };
  readonly loaded: Extract<LoadResult, { kind: "live" }>;
  /** Reads the folders again, as a change on disk does. */
  reload(): Promise<LoadResult>;
  /** Says "not ready", finishes what is under way, closes. Safe twice. */
  stop(): Promise<void>;
}

/** A configuration that cannot go live at the start: the diagnostics say why. */
export type Refused = Extract<LoadResult, { kind: "refused" }>;

/** One check with its headers; Envoy's own bound on headers is 60 KiB. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/** Checks whose shadow rules wait to be evaluated. */
const MAX_WAITING_SHADOWS = 1_000;
/** Longer than any check takes, shorter than an orchestrator waits before it kills. */
const DRAIN_GRACE_MS = 5_000;

/**
 * The composition root: configuration, then runtime, then listeners; stopped in reverse.
 * Rejects when a listener cannot be bound; a configuration that is refused is a value.
 */
export async function startServer({ folders, log }: ServerOptions): Promise<RunningServer | Refused> {
  const opened = new AsyncDisposableStack();
  try {
    const metrics = createMetrics();
    const runtime = new Runtime({ folders, metrics, log });
    // Watched before they are read: what changes in between is seen.
    await watchAndReload(runtime, { folders, log }, opened);
    const loaded = await runtime.load();
    if (loaded.kind === "live") return await openListeners({ log, runtime, metrics, loaded }, opened);
    await opened.disposeAsync();
    return loaded.kind === "refused" ? loaded : { kind: "refused", diagnostics: [] };
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}

async function watchAndReload(
  runtime: Runtime,
  { folders, log }: ServerOptions,
  opened: AsyncDisposableStack,
): Promise<void> {
  const onError = (error: unknown): void => log.error({ err: error }, "changes in a folder may not be seen");
  const onChange = async (): Promise<void> => {
    await runtime.load();
  };
  const watch = await watchFolders({ folders, onChange, onError });
  opened.defer(() => watch.close());
}

interface Parts {
  readonly log: Log;
  readonly runtime: Runtime;
  readonly metrics: Metrics;
  readonly loaded: RunningServer["loaded"];
}

/** What is opened here closes in reverse, so that `/readyz` says "draining" for as long as checks are answered. */
async function openListeners(
  { log, runtime, metrics, loaded }: Parts,
  opened: AsyncDisposableStack,
): Promise<RunningServer> {
  const { settings } = loaded.snapshot;
  let phase: "starting" | "ready" | "draining" = "starting";
  const notReady = (): string | undefined => (phase === "ready" ? undefined : phase);
  const http = await startMetricsListener({ address: settings.listen.metrics, metrics, notReady });
  opened.defer(() => http.close());
  const grpc = await startChecks(runtime, metrics, log, settings);
  opened.defer(() => grpc.drain(DRAIN_GRACE_MS));
  grpc.setServing("serving");
  phase = "ready";

  return {
    listening: { grpc: grpc.address, metrics: http.address },
    loaded,
    reload: () => runtime.load(),
    stop: () => {
      phase = "draining";
      return opened.disposeAsync();
    },
  };
}

function startChecks(runtime: Runtime, metrics: Metrics, log: Log, settings: Settings): Promise<GrpcServer> {
  const onError = (error: unknown, method: string): void => {
    metrics.countInternalError(method);
    log.error({ err: error, method }, "a call ended in an exception");
  };
  const check = checkMethod({
    snapshot: () => runtime.snapshot,
    metrics,
    log,
    nowMs: () => performance.timeOrigin + performance.now(),
    later: laterQueue(MAX_WAITING_SHADOWS, (error) => onError(error, "shadow")),
  });
  return startGrpcServer({
    address: settings.listen.grpc,
    services: [{ name: "envoy.service.auth.v3.Authorization", methods: { Check: check } }],
    maxMessageBytes: MAX_MESSAGE_BYTES,
    maxConcurrentCalls: settings.maxInFlight,
    onError,
  });
}
