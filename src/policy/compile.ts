import { canonicalHost } from "../attributes/host.ts";
import { parseSpiffeId } from "../attributes/spiffe.ts";
import { remember } from "../std/remember.ts";
import { createEngine } from "../cel/environment.ts";
import { finish, type Steps } from "../std/steps.ts";
import { compilePolicy, type Draft } from "./compile-policy.ts";
import { unknownSubjects } from "./compile-tests.ts";
import { findingConflicts, type Matched } from "./conflicts.ts";
import { Environments } from "./declarations.ts";
import { inOrder, isClean, problem, type Diagnostic } from "./diagnostic.ts";
import type { Document } from "./document.ts";
import type { Loaded } from "./load.ts";
import { buildLookup } from "./lookup.ts";
import type { PolicyFile } from "./policy-file.ts";
import { parsePolicy, parseServer, parseTests, type Parsed } from "./schema.ts";
import { SERVER_DEFAULTS, type ServerFile } from "./server-file.ts";
import type { Settings } from "./settings.ts";
import type { Policy, Snapshot } from "./snapshot.ts";
import type { TestsFile } from "./tests-file.ts";

/** What files come to: a snapshot when nothing is wrong with them, and every finding. */
export interface Configuration {
  readonly snapshot: Snapshot | undefined;
  readonly tests: readonly TestsOf[];
  readonly diagnostics: readonly Diagnostic[];
}

/** A file of tests that could be read. */
export interface TestsOf {
  readonly document: Document;
  readonly file: TestsFile;
}

/** One file, as far as it could be read. */
interface Read<T> {
  readonly document: Document;
  readonly file: T;
  /** Whether `file` is all of it. */
  readonly isWhole: boolean;
}

/**
 * Files to snapshot, all or nothing: one error anywhere and there is none. All findings come at once.
 * `revision` names the files.
 */
export const compileConfiguration = (loaded: Loaded, revision: string): Configuration =>
  finish(compilingConfiguration(loaded, revision));

/** The same, a file a step. */
export function* compilingConfiguration(loaded: Loaded, revision: string): Steps<Configuration> {
  const diagnostics = [...loaded.diagnostics];
  const server = yield* parsing(loaded, "server", parseServer, diagnostics);
  const files = yield* parsing(loaded, "policy", parsePolicy, diagnostics);
  const tests = yield* parsing(loaded, "tests", parseTests, diagnostics);
  diagnostics.push(...refuseSecond(server), ...refuseNamesakes(files));
  const policies = yield* compilingPolicies(files, diagnostics);
  const written = files.map(({ file }) => file);
  diagnostics.push(...unknownSubjects(tests, written));
  const settings = settingsOf(server[0]?.file ?? SERVER_DEFAULTS);
  const snapshot = isClean(diagnostics) ? snapshotOf(settings, policies, revision) : undefined;
  return { snapshot, tests, diagnostics: inOrder(diagnostics) };
}

/** Reads the files of one kind; what is wrong with their form is added to `diagnostics`. */
function* parsing<T>(
  { documents }: Loaded,
  kind: Document["kind"],
  parse: (document: Document) => Parsed<T>,
  diagnostics: Diagnostic[],
): Steps<readonly Read<T>[]> {
  const read: Read<T>[] = [];
  for (const document of documents) {
    if (document.kind !== kind) continue;
    const { value, isWhole, diagnostics: found } = parse(document);
    diagnostics.push(...found);
    if (value !== undefined) read.push({ document, file: value, isWhole });
    yield;
  }
  return read;
}

function* compilingPolicies(
  files: readonly Read<PolicyFile>[],
  diagnostics: Diagnostic[],
): Steps<readonly Draft[]> {
  const environments = new Environments(createEngine());
  const drafts: Draft[] = [];
  const matched: Matched[] = [];
  for (const read of files) {
    const draft = compilePolicy(read, environments, diagnostics);
    drafts.push(draft);
    matched.push({ ...read, match: draft.match });
    yield;
  }
  diagnostics.push(...(yield* findingConflicts(matched)));
  return drafts;
}

function snapshotOf(settings: Settings, drafts: readonly Draft[], revision: string): Snapshot {
  const policies: readonly Policy[] = drafts
    .toSorted((left, right) => (left.id < right.id ? -1 : 1))
    .map((draft, order) => ({ ...draft, order }));
  return { revision, settings, policies, lookup: buildLookup(policies) };
}

/** Peers and hosts that come again and again; with more, all are forgotten and it starts anew. */
const MAX_REMEMBERED = 1_000;

const settingsOf = (server: ServerFile): Settings => ({
  listen: server.listen,
  trustDomains: new Set(server.mesh.trustDomains),
  spiffeId: remember(MAX_REMEMBERED, parseSpiffeId),
  host: remember(MAX_REMEMBERED, canonicalHost),
  checkTimeoutMs: server.checkTimeoutMs,
  maxInFlight: server.maxInFlight,
  ungoverned: server.ungoverned,
});

const refuseSecond = ([first, ...others]: readonly Read<ServerFile>[]): readonly Diagnostic[] =>
  others.map(({ document }) => {
    const message = `the server is configured in ${first?.document.file ?? ""} already`;
    return problem(document.keyAt(["weir"]), "duplicate-name", message, "keep one weir.yaml");
  });

function refuseNamesakes(files: readonly Read<PolicyFile>[]): readonly Diagnostic[] {
  const known = new Map<string, Document>();
  return files.flatMap(({ file, document }) => {
    const other = known.get(file.policy);
    if (other === undefined) known.set(file.policy, document);
    if (other === undefined) return [];
    const message = `the policy "${file.policy}" is in ${other.file} already`;
    return [problem(document.at(["policy"]), "duplicate-name", message, "rename one of the two")];
  });
}
