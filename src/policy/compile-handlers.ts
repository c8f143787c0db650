import type { Adapter } from "../adapter/adapter.ts";
import type { Compiler, Declared } from "../adapter/expressions.ts";
import { didYouMean, problem, type Diagnostic } from "./diagnostic.ts";
import type { Document } from "./document.ts";
import { QUEUE_DEFAULTS, REPORT_DEADLINE_MS, type HandlerFile } from "./handlers-file.ts";
import type { ConfiguredHandler } from "./handlers.ts";
import type { Fields, Records } from "./records.ts";
import type { Settings } from "./settings.ts";
import { OWN_SHARE_MS } from "./server-file.ts";

/** What handlers are compiled with. */
export interface HandlerWorld {
  readonly adapters: readonly Adapter[];
  readonly records: Records;
  readonly compiler: Compiler;
  readonly diagnostics: Diagnostic[];
}

/** The handlers that weir.yaml names; one that is at fault, of which there is a diagnostic, is undefined. */
export type WrittenHandlers = ReadonlyMap<string, ConfiguredHandler | undefined>;

/** The handlers of weir.yaml, each with what its adapter makes of the configuration. */
export function compileHandlers(
  document: Document | undefined,
  settings: Settings,
  { adapters, records, compiler, diagnostics }: HandlerWorld,
): WrittenHandlers {
  const handlers = new Map<string, ConfiguredHandler | undefined>();
  if (document === undefined) return handlers;
  const byId = new Map(adapters.map((adapter) => [adapter.id, adapter]));
  for (const [name, written] of settings.handlers) {
    handlers.set(name, undefined);
    const adapter = byId.get(written.adapter);
    if (adapter === undefined) {
      const message = `there is no adapter "${written.adapter}"`;
      const place = document.at(["handlers", name, "adapter"]);
      diagnostics.push(problem(place, "unknown-name", message, didYouMean(written.adapter, byId.keys())));
      continue;
    }
    if (!isAccepted(document, written, adapter, diagnostics)) continue;
    const found = adapter.declare?.(written.config, compiler) ?? {};
    if ((found.problems ?? []).length > 0) {
      diagnostics.push(...problemsIn(document, written, found));
      continue;
    }
    const declared = {
      inputs: { ...adapter.inputs.check, ...found.inputs },
      outputs: { ...adapter.outputs, ...found.outputs },
    };
    diagnostics.push(...misfits(document, name, { written, adapter, settings }));
    handlers.set(name, {
      name,
      adapter,
      config: written.config,
      place: document.keyAt(["handlers", name]),
      folder: settings.folder,
      key: JSON.stringify([adapter.id, settings.folder, written.config]),
      deadlineMs: written.deadlineMs ?? settings.checkTimeoutMs - OWN_SHARE_MS,
      queue: adapter.inputs.report && {
        ...(written.queue ?? QUEUE_DEFAULTS),
        deadlineMs: written.deadlineMs ?? REPORT_DEADLINE_MS,
      },
      declared,
      outputs: records.of(typesOf(declared)),
    });
  }
  return handlers;
}

const typesOf = ({ outputs }: Pick<ConfiguredHandler["declared"], "outputs">): Fields =>
  Object.fromEntries(Object.entries(outputs).map(([name, { type }]) => [name, type]));

/** What is wrong with expressions of a configuration. */
const problemsIn = (
  document: Document,
  { configPath }: HandlerFile,
  { problems = [] }: Declared,
): readonly Diagnostic[] =>
  problems.map(({ path, start, end, message, hint }) =>
    problem(document.at([...configPath, ...path], { start, end }), "handler-config", message, hint),
  );

/** What beside the configuration cannot be meant of an adapter of this kind. */
function misfits(
  document: Document,
  name: string,
  { written: { deadlineMs = 0, queue }, adapter, settings: { checkTimeoutMs } }: Written,
): readonly Diagnostic[] {
  const found: Diagnostic[] = [];
  const mostMs = checkTimeoutMs - OWN_SHARE_MS;
  if (adapter.inputs.check !== undefined && deadlineMs > mostMs) {
    const message = `a check has ${checkTimeoutMs}ms, of which weir keeps ${OWN_SHARE_MS}ms: no handler can take ${deadlineMs}ms`;
    const hint = `write at most ${mostMs}ms, or raise checkTimeout and Envoy's own timeout with it`;
    found.push(problem(document.at(["handlers", name, "deadline"]), "wrong-value", message, hint));
  }
  if (adapter.inputs.report === undefined && queue !== undefined) {
    const message = `handlers of the adapter ${adapter.id} take no records, so none wait for them`;
    const place = document.keyAt(["handlers", name, "queue"]);
    found.push(problem(place, "wrong-value", message, "remove `queue`"));
  }
  return found;
}

interface Written {
  readonly written: HandlerFile;
  readonly adapter: Adapter;
  readonly settings: Settings;
}

/** Whether the adapter takes the configuration; why not is added to the diagnostics. */
function isAccepted(
  document: Document,
  { config, configPath }: HandlerFile,
  adapter: Adapter,
  diagnostics: Diagnostic[],
): boolean {
  const result = adapter.config.safeParse(config);
  if (result.success) return true;
  for (const issue of result.error.issues) {
    const path = [...configPath, ...issue.path.filter((step) => typeof step !== "symbol")];
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys)
        diagnostics.push(problem(document.keyAt([...path, key]), "unknown-key", issue.message));
    } else {
      diagnostics.push(problem(document.at(path), "handler-config", issue.message));
    }
  }
  return false;
}
