import { isDeepStrictEqual } from "node:util";
import { problem, type Diagnostic } from "../policy/diagnostic.ts";
import type { ConfiguredHandler } from "../policy/handlers.ts";
import { within } from "../std/within.ts";
import { openQueue } from "./queues.ts";
import { messageOf, RunningHandler, type Handlers, type HandlerWorld } from "./handlers.ts";

/** Handlers that are made for a configuration which is not live yet; without `handlers` it must not become so. */
export type PreparedHandlers =
  | { readonly handlers: Handlers; readonly fresh: readonly RunningHandler[] }
  | { readonly diagnostics: readonly Diagnostic[] };

/**
 * The handlers of a new configuration: those that have not changed go on as they are, the others are made and started.
 * A handler that cannot start, for a fault of this machine, keeps the configuration from going live; then none is left
 * running that was not before.
 */
export async function prepareHandlers(
  configured: ReadonlyMap<string, ConfiguredHandler>,
  current: Handlers,
  world: HandlerWorld,
): Promise<PreparedHandlers> {
  const made = await Promise.all(
    Array.from(configured.values(), (one) => prepareHandler(one, current.get(one.name), world)),
  );
  const fresh = made.filter(({ isFresh }) => isFresh).flatMap(({ running }) => running ?? []);
  const diagnostics = made.flatMap(({ diagnostic }) => diagnostic ?? []);
  if (diagnostics.length > 0) {
    await closeHandlers(fresh, world);
    return { diagnostics };
  }
  const handlers = new Map(
    made.flatMap(({ running }) => (running ? [[running.configured.name, running]] : [])),
  );
  return { handlers, fresh };
}

/** One handler, or why there is none. One that was made and could not start is there, to be closed. */
interface Made {
  readonly running?: RunningHandler;
  readonly isFresh: boolean;
  readonly diagnostic?: Diagnostic;
}

async function prepareHandler(
  configured: ConfiguredHandler,
  current: RunningHandler | undefined,
  world: HandlerWorld,
): Promise<Made> {
  const { name, adapter, config, key, place, deadlineMs } = configured;
  if (current?.configured.key === key) {
    const { configured: before } = current;
    const isSame = before.deadlineMs === deadlineMs && isDeepStrictEqual(before.queue, configured.queue);
    return {
      running: isSame ? current : new RunningHandler(configured, current, world),
      isFresh: false,
    };
  }
  let running: RunningHandler | undefined;
  try {
    const previous = current?.configured.adapter.id === adapter.id ? current.handler : undefined;
    const host = world.hostFor(configured);
    const handler = adapter.create(config, host, previous);
    const queue = openQueue(configured, handler, host.log, world.metrics);
    running = new RunningHandler(configured, { handler, queue }, world);
    await inTime(() => handler.start(), world);
    return { running, isFresh: true };
  } catch (error) {
    const message = `the handler ${name} cannot start: ${messageOf(error)}`;
    const diagnostic = problem(place, "handler-config", message);
    return { ...(running === undefined ? {} : { running }), isFresh: true, diagnostic };
  }
}

/** Closes handlers when what waits for them is delivered, or dropped, each whatever the others do. Never rejects. */
export const closeHandlers = async (
  running: Iterable<RunningHandler>,
  world: Pick<HandlerWorld, "patienceMs">,
): Promise<void> => {
  const drainMs = (world.patienceMs ?? PATIENCE_MS) / 2;
  const close = async ({ handler, queue }: RunningHandler): Promise<void> => {
    await queue?.close(drainMs);
    await inTime(() => handler.close(), world);
  };
  await Promise.allSettled(Array.from(running, close));
};

const PATIENCE_MS = 10_000;

/** A handler that never answers must not keep configurations from going live, nor weir from ending. */
async function inTime(
  task: () => Promise<void>,
  { patienceMs = PATIENCE_MS }: Pick<HandlerWorld, "patienceMs">,
): Promise<void> {
  const run = async (): Promise<"done"> => {
    await task();
    return "done";
  };
  const outcome = run().catch((error: unknown) => ({ error }));
  const ended = await within<"done" | { readonly error: unknown } | undefined>(
    outcome,
    patienceMs,
    undefined,
  );
  if (ended === undefined) throw new Error(`it was not done within ${patienceMs} ms`);
  if (typeof ended === "object") throw ended.error;
}
