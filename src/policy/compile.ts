import type { Adapter } from "../adapter/adapter.ts";
import { createEngine } from "../cel/environment.ts";
import { finish, type Steps } from "../std/steps.ts";
import {
  acrossParts,
  emptyTeams,
  foreignFiles,
  overridesWithin,
  refuseForeignVerifiers,
  refuseTrespass,
  type Borders,
} from "./borders.ts";
import { compileDomains } from "./compile-domains.ts";
import { compileDecisions } from "./compile-decisions.ts";
import { compileHandlers, type WrittenHandlers } from "./compile-handlers.ts";
import { byRule, nextChangeMs } from "./compile-overrides.ts";
import { compilePolicy, type CompiledPolicy, type PolicyWorld } from "./compile-policy.ts";
import { settingsOf } from "./compile-settings.ts";
import { compileShared, type SharedPart, type SharedWorld } from "./compile-shared.ts";
import { unknownSubjects } from "./compile-tests.ts";
import { findingConflicts } from "./conflicts.ts";
import { findingCountedTwice } from "./counted-twice.ts";
import { Environments } from "./declarations.ts";
import { inOrder, isClean, type Diagnostic } from "./diagnostic.ts";
import type { Document } from "./document.ts";
import type { ForeignAdapters } from "./foreign.ts";
import { LentCompiler } from "./lent-compiler.ts";
import type { Loaded } from "./load.ts";
import { buildLookup } from "./lookup.ts";
import { credentialHeadersOf } from "./identity.ts";
import { NamedFiles } from "./named-files.ts";
import { ownersOf } from "./ownership.ts";
import { parsingAll, type Read } from "./parse-files.ts";
import type { PolicyFile } from "./policy-file.ts";
import { Records } from "./records.ts";
import { reportingOf } from "./reporting.ts";
import { SERVER_DEFAULTS } from "./server-file.ts";
import type { Settings } from "./settings.ts";
import type { SharedFile } from "./shared-file.ts";
import type { Ownership, Policy, Snapshot } from "./snapshot.ts";
import { hasPart } from "./telemetry.ts";
import type { TestsFile } from "./tests-file.ts";
import type { Unread } from "./unread.ts";

/** What files come to: a snapshot when nothing is wrong with them, and every finding. */
export interface Configuration {
  readonly snapshot: Snapshot | undefined;
  readonly tests: readonly TestsOf[];
  /** The policies as they are written, by their files' paths; those of `snapshot` are made of them. */
  readonly policies: readonly CompiledPolicy[];
  readonly diagnostics: readonly Diagnostic[];
}

/** A file of tests that could be read. */
export interface TestsOf {
  readonly document: Document;
  readonly file: TestsFile;
}

/** What configurations are compiled for. */
export interface World {
  readonly adapters: readonly Adapter[];
  /** What files and packages came to that weir.yaml names as adapters; absent: none was imported. */
  readonly foreign?: ForeignAdapters;
  readonly nowMs: number;
  /** `observe`: everything is in shadow, and every request passes. */
  readonly stance: "enforce" | "observe";
  /** What is owned by teams whose files have never been good. */
  readonly unloaded?: readonly Ownership[];
}

/**
 * Files to snapshot, all or nothing: one error anywhere and there is none. All findings come at once.
 * `revision` names the files.
 */
export const compileConfiguration = (loaded: Loaded, revision: string, world: World): Configuration =>
  finish(compilingConfiguration(loaded, revision, world));

/** The same, a file a step. */
export function* compilingConfiguration(
  loaded: Loaded,
  revision: string,
  world: World,
): Steps<Configuration> {
  const diagnostics = [...loaded.diagnostics];
  const { server, sharedFiles, files, overrides, tests, domainFiles, unread } = yield* parsingAll(
    loaded,
    diagnostics,
  );
  const weir = server[0];
  const settings = settingsOf(weir?.file ?? SERVER_DEFAULTS, weir?.document.file);
  const records = new Records();
  const engine = createEngine();
  const { adapters, foreign = new Map() } = world;
  const lent = { adapters, foreign, records, compiler: new LentCompiler(engine), diagnostics };
  const written = compileHandlers(weir?.document, settings, lent);
  const handlers = new Map([...unread.handlers, ...written]);
  const owners = ownersOf(settings);
  const borders: Borders = { settings, owners, diagnostics };
  const active = overridesWithin(overrides, { files, unread: unread.policies }, world.nowMs, borders);
  const parts = {
    settings,
    records,
    handlers,
    environments: new Environments(engine),
    files: new NamedFiles(loaded.companions, diagnostics),
    diagnostics,
    nowMs: world.nowMs,
    overrides: byRule(active),
    owners,
    ...provisionsOf(settings, unread),
  };
  const selections = weir && compileDecisions(weir.document, weir.file.decisions, parts);
  const shared = yield* compilingShared(sharedFiles, parts, borders);
  // What a shared file has that could not be read is not known, so what uses it waits until it is mended.
  const [ready, waiting] = divide(files, ({ file }) => file.use.every((name) => !unread.shared.has(name)));
  const policies = yield* compilingPolicies(ready, { ...parts, shared }, borders);
  const skipped = new Set([...unread.policies, ...waiting.map(({ file }) => file.policy)]);
  diagnostics.push(
    ...acrossParts(unknownSubjects(tests, { policies, skipped, handlers }), borders),
    ...foreignFiles(loaded.references, borders.owners),
    ...emptyTeams(loaded, world.unloaded ?? [], borders),
  );
  const common = {
    revision,
    settings,
    domains: compileDomains(domainFiles, parts, borders),
    handlers: faultless(handlers),
    overrides: active,
    selections,
    unloaded: world.unloaded ?? [],
    changesAtMs: nextChangeMs(active),
    stance: world.stance,
  };
  const snapshot = isClean(diagnostics) ? snapshotOf(common, policies) : undefined;
  return { snapshot, tests, policies, diagnostics: inOrder(diagnostics) };
}

/** What weir.yaml provides for policies. Where it could not be read, nobody is told that something is missing. */
const provisionsOf = ({ secrets, decisions }: Settings, unread: Unread) => ({
  hasPepper: unread.hasPepper || secrets.pepper !== undefined,
  hasMac: unread.hasMac || secrets.mac.length > 0,
  hasDecisions: unread.hasDecisions || decisions !== undefined,
});

function* compilingShared(
  files: readonly Read<SharedFile>[],
  world: SharedWorld,
  borders: Borders,
): Steps<ReadonlyMap<string, SharedPart>> {
  const shared = new Map<string, SharedPart>();
  for (const { file, document } of files) {
    shared.set(file.shared, compileShared(file, document, world));
    refuseForeignVerifiers(document, file.identities, borders);
    yield;
  }
  return shared;
}

function* compilingPolicies(
  files: readonly Read<PolicyFile>[],
  world: PolicyWorld,
  borders: Borders,
): Steps<readonly CompiledPolicy[]> {
  const policies: CompiledPolicy[] = [];
  for (const read of files) {
    const policy = compilePolicy(read, world);
    policies.push(policy);
    refuseTrespass(policy, world, borders);
    yield;
  }
  const matched = policies.map(({ file, document, draft }) => ({
    file,
    document,
    match: draft.match,
    enforced: new Set(draft.mode === "shadow" ? [] : [...draft.allows, ...draft.asks].map(({ id }) => id)),
  }));
  world.diagnostics.push(...(yield* findingConflicts(matched)), ...(yield* findingCountedTwice(policies)));
  return policies;
}

/** Those that are so, and the others. */
function divide<T>(items: readonly T[], isSo: (item: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [items.filter(isSo), items.filter((item) => !isSo(item))];
}

type Common = Omit<
  Snapshot,
  "policies" | "lookup" | "connections" | "once" | "reporting" | "identities" | "credentialHeaders"
>;

function snapshotOf(common: Common, compiled: readonly CompiledPolicy[]): Snapshot {
  const policies = compiled
    .map(({ draft }) => draft)
    .toSorted((left, right) => (left.id < right.id ? -1 : 1))
    .map((draft, order): Policy => ({
      ...draft,
      ...(common.stance === "observe" ? { mode: "shadow" as const, ownedHeaders: new Set<string>() } : {}),
      order,
    }));
  const identities = policies.flatMap((one) => [
    ...one.identities.values(),
    ...one.shadowIdentities.values(),
    ...(one.telemetry?.identities.values() ?? []),
    ...one.asks.flatMap(({ identity }) => identity ?? []),
  ]);
  // Telemetry that reads nothing of checks has no part in them.
  const asked = policies.filter(({ telemetry }) => telemetry === undefined || hasPart(telemetry));
  const of = (protocol: "http" | "tcp") => asked.filter(({ match }) => match.protocol === protocol);
  return {
    ...common,
    policies,
    lookup: buildLookup(of("http")),
    connections: buildLookup(of("tcp")),
    once: policies.some(({ asks, quotas }) => [...asks, ...quotas].some((one) => one.once === "request"))
      ? "used"
      : "unused",
    reporting: policies.some(({ telemetry }) => telemetry !== undefined) ? reportingOf(policies) : undefined,
    identities: [...new Set(identities)],
    credentialHeaders: new Set(identities.flatMap(({ proof }) => credentialHeadersOf(proof))),
  };
}

const faultless = (handlers: WrittenHandlers): Snapshot["handlers"] =>
  new Map([...handlers].flatMap(([name, one]) => (one === undefined ? [] : [[name, one] as const])));
