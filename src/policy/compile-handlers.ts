import type { Adapter } from "../adapter/adapter.ts";
import type { Compiler, Declared } from "../adapter/expressions.ts";
import type { Code } from "./codes.ts";
import { didYouMean, problem, type Diagnostic } from "./diagnostic.ts";
import type { Document } from "./document.ts";
import type { ForeignAdapters } from "./foreign.ts";
import { QUEUE_DEFAULTS, REPORT_DEADLINE_MS, type AdapterSource, type HandlerFile } from "./handlers-file.ts";
import type { ConfiguredHandler } from "./handlers.ts";
import type { Fields, Records } from "./records.ts";
import type { Settings } from "./settings.ts";
import { OWN_SHARE_MS } from "./server-file.ts";

/** What handlers are compiled with. */
export interface HandlerWorld {
  readonly adapters: readonly Adapter[];
  /** Those that weir.yaml names by file or package. */
  readonly foreign: ForeignAdapters;
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
  world: HandlerWorld,
): WrittenHandlers {
  const { records, compiler, diagnostics } = world;
  const handlers = new Map<string, ConfiguredHandler | undefined>();
  if (document === undefined) return handlers;
  const adapterOf = adaptersOf(document, world);
  for (const [name, written] of settings.handlers) {
    handlers.set(name, undefined);
    const found = adapterOf(name, written.source);
    if (found === undefined) continue;
    const { adapter, version } = found;
    if (!isAccepted(document, written, adapter, diagnostics)) continue;
    const own = adapter.declare?.(written.config, compiler) ?? {};
    if ((own.problems ?? []).length > 0) {
      diagnostics.push(...problemsIn(document, written, own));
      continue;
    }
    const declared = {
      inputs: { ...adapter.inputs.check, ...own.inputs },
      outputs: { ...adapter.outputs, ...own.outputs },
    };
    diagnostics.push(...misfits(document, name, { written, adapter, settings }));
    handlers.set(name, {
      name,
      adapter,
      config: written.config,
      place: document.keyAt(["handlers", name]),
      folder: settings.folder,
      key: JSON.stringify([adapter.id, version, settings.folder, written.config]),
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

interface FoundAdapter {
  readonly adapter: Adapter;
  /** Undefined of weir's own, which does not change. */
  readonly version: string | undefined;
}

/** Finds the adapter of a handler; undefined where there is none, which is then among the diagnostics. */
function adaptersOf(
  document: Document,
  { adapters, foreign, diagnostics }: HandlerWorld,
): (handler: string, source: AdapterSource) => FoundAdapter | undefined {
  const byId = new Map(adapters.map((adapter) => [adapter.id, adapter]));
  const names = new Map<string, string>();
  return (handler, { kind, name }) => {
    const place = document.at(["handlers", handler, kind === "package" ? "package" : "adapter"]);
    const refuse = (code: Code, message: string, hint: string): FoundAdapter | undefined => {
      diagnostics.push(problem(place, code, message, hint));
      return undefined;
    };
    if (kind === "own") {
      const adapter = byId.get(name);
      if (adapter !== undefined) return { adapter, version: undefined };
      return refuse("unknown-name", `there is no adapter "${name}"`, didYouMean(name, byId.keys()));
    }
    const found = foreign.get(name) ?? { kind: "refused", reasons: ["it was not imported"] };
    if (found.kind === "refused") {
      for (const reason of found.reasons)
        refuse("adapter-contract", `${name} is no adapter: ${reason}`, CONTRACT);
      return undefined;
    }
    const { id } = found.adapter;
    if (byId.has(id))
      return refuse(
        "adapter-contract",
        `${name} calls itself ${id}, as one of weir's own adapters`,
        "give it another `id`",
      );
    const other = names.get(id) ?? name;
    if (other !== name)
      return refuse(
        "adapter-contract",
        `${name} calls itself ${id}, and so does ${other}`,
        "give one of them another `id`",
      );
    names.set(id, name);
    return found;
  };
}

const CONTRACT = "docs/adapters.md says what an adapter exports";

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
