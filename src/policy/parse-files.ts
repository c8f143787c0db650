import type { Steps } from "../std/steps.ts";
import { problem, type Diagnostic } from "./diagnostic.ts";
import type { Document } from "./document.ts";
import type { DomainFile } from "./domain-file.ts";
import type { Loaded } from "./load.ts";
import type { OverridesFile } from "./overrides-file.ts";
import { serverFirst } from "./parts.ts";
import type { PolicyFile } from "./policy-file.ts";
import {
  parseDomain,
  parseOverrides,
  parsePolicy,
  parseServer,
  parseShared,
  parseTests,
  type Parsed,
} from "./schema.ts";
import type { ServerFile } from "./server-file.ts";
import type { SharedFile } from "./shared-file.ts";
import type { TestsFile } from "./tests-file.ts";
import { unreadOf, type Unread } from "./unread.ts";

/** One file, as far as it could be read. */
export interface Read<T> {
  readonly document: Document;
  readonly file: T;
  /** Whether `file` is all of it. */
  readonly isWhole: boolean;
}

/** Reads the files of all kinds, a file a step; what is wrong with their form, and with their names, is added to `diagnostics`. */
export function* parsingAll(loaded: Loaded, diagnostics: Diagnostic[]): Steps<AllFiles> {
  const broken: Document[] = [];
  const found = { diagnostics, broken };
  const server = serverFirst(yield* parsing(loaded, "server", parseServer, found));
  const sharedFiles = yield* parsing(loaded, "shared", parseShared, found);
  const files = yield* parsing(loaded, "policy", parsePolicy, found);
  const overrides = yield* parsing(loaded, "overrides", parseOverrides, found);
  const tests = yield* parsing(loaded, "tests", parseTests, found);
  const domainFiles = yield* parsing(loaded, "domain", parseDomain, found);
  diagnostics.push(
    ...refuseSecond(server),
    ...refuseNamesakes(files, "policy"),
    ...refuseNamesakes(sharedFiles, "shared"),
  );
  return { server, sharedFiles, files, overrides, tests, domainFiles, unread: unreadOf(broken) };
}

/** The files of a configuration by their kinds, and what is named by those of which nothing can be made. */
export interface AllFiles {
  readonly server: readonly Read<ServerFile>[];
  readonly sharedFiles: readonly Read<SharedFile>[];
  readonly files: readonly Read<PolicyFile>[];
  readonly overrides: readonly Read<OverridesFile>[];
  readonly tests: readonly Read<TestsFile>[];
  readonly domainFiles: readonly Read<DomainFile>[];
  readonly unread: Unread;
}

/** What reading adds to: what is wrong with files, and those of which nothing can be made. */
interface Found {
  readonly diagnostics: Diagnostic[];
  readonly broken: Document[];
}

/** Reads the files of one kind; what is wrong with their form is added to what was found. */
function* parsing<T>(
  { documents }: Loaded,
  kind: Document["kind"],
  parse: (document: Document) => Parsed<T>,
  found: Found,
): Steps<readonly Read<T>[]> {
  const read: Read<T>[] = [];
  for (const document of documents) {
    if (document.kind !== kind) continue;
    const { value, isWhole, diagnostics } = parse(document);
    found.diagnostics.push(...diagnostics);
    if (value === undefined) found.broken.push(document);
    else read.push({ document, file: value, isWhole });
    yield;
  }
  return read;
}

const refuseSecond = ([first, ...others]: readonly Read<unknown>[]): readonly Diagnostic[] =>
  others.map(({ document }) => {
    const message = `the server is configured in ${first?.document.file ?? ""} already`;
    return problem(document.keyAt(["weir"]), "duplicate-name", message, "keep one weir.yaml");
  });

function refuseNamesakes<K extends "policy" | "shared">(
  files: readonly Read<Readonly<Record<K, string>>>[],
  key: K,
): readonly Diagnostic[] {
  const known = new Map<string, Document>();
  const what = key === "policy" ? "policy" : "shared file";
  return files.flatMap(({ file, document }) => {
    const name = file[key];
    const other = known.get(name);
    if (other === undefined) known.set(name, document);
    if (other === undefined) return [];
    const message = `the ${what} "${name}" is in ${other.file} already`;
    return [problem(document.at([key]), "duplicate-name", message, "rename one of the two")];
  });
}
