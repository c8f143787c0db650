import { readFile, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { hash } from "node:crypto";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { examine } from "../adapter/contract.ts";
import { KIT } from "../adapter/kit.ts";
import type { ForeignAdapter, ForeignAdapters } from "../policy/foreign.ts";
import { reasonOf } from "../policy/folders.ts";
import { parseServer } from "../policy/schema.ts";
import type { Loaded } from "../policy/load.ts";
import type { HandlerFile } from "../policy/handlers-file.ts";
import { within } from "../std/within.ts";

/** A module that waits for something at its top is given up. */
const PATIENCE_MS = 10_000;
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Imports the adapters that weir.yaml names by file or package, each once. A file whose content has changed is imported anew; what it
 * imports itself, and packages, stay as they were first imported, for as long as the process runs. Never rejects.
 */
export async function importAdapters({ documents }: Pick<Loaded, "documents">): Promise<ForeignAdapters> {
  const wanted = new Map<string, () => Promise<ForeignAdapter>>();
  for (const document of documents) {
    if (document.kind !== "server") continue;
    const { value } = parseServer(document);
    for (const { source } of value?.handlers.values() ?? []) {
      const folder = dirname(resolve(document.file));
      if (source.kind !== "own") wanted.set(source.name, () => importOne(source, folder));
    }
  }
  const imported = await Promise.all(
    Array.from(wanted, async ([name, load]): Promise<[string, ForeignAdapter]> => {
      const failed = (error: unknown): ForeignAdapter => refused(firstLine(error));
      return [name, await within(load().catch(failed), PATIENCE_MS, refused("it was not imported in time"))];
    }),
  );
  return new Map(imported);
}

/** What is behind it of modules and their places is nobody's help. */
const firstLine = (error: unknown): string => reasonOf(error).split("\n", 1)[0] ?? "";

const refused = (reason: string): ForeignAdapter => ({ kind: "refused", reasons: [reason] });

async function importOne({ kind, name }: HandlerFile["source"], folder: string): Promise<ForeignAdapter> {
  const { url, version } = await (kind === "file" ? fileAt(resolve(folder, name)) : packageAt(name, folder));
  let exported: unknown;
  try {
    const module: unknown = await import(url);
    exported = typeof module === "object" && module !== null ? Reflect.get(module, "default") : undefined;
    if (exported === undefined) return refused("it has no default export");
    if (typeof exported === "function") exported = await (exported as (kit: typeof KIT) => unknown)(KIT);
  } catch (error) {
    return refused(`importing it fails: ${firstLine(error)}`);
  }
  const examined = examine(exported);
  return examined.kind === "refused" ? examined : { ...examined, version };
}

interface Module {
  readonly url: string;
  /** Another one is another adapter. */
  readonly version: string;
}

async function fileAt(path: string): Promise<Module> {
  const { size } = await stat(path);
  if (size > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`);
  const version = hash("sha256", await readFile(path)).slice(0, 16);
  return { url: `${pathToFileURL(path).href}?weir=${version}`, version };
}

/** As `require` finds it from the folder of weir.yaml. */
function packageAt(name: string, folder: string): Promise<Module> {
  const path = createRequire(join(folder, "weir.yaml")).resolve(name);
  return Promise.resolve({ url: pathToFileURL(path).href, version: path });
}
