import { importAdapters } from "./foreign-adapters.ts";
import type { Backends } from "./backends.ts";
import { compilingConfiguration, type World } from "../policy/compile.ts";
import { printDiagnostic } from "../policy/diagnostic.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import { finishInTurns } from "../std/steps.ts";
import type { Log } from "../telemetry/log.ts";
import { WatchedReading, type Reading } from "./reading.ts";
import { VerifierPool, type Verifiers, type VerifierWorld } from "./verifiers.ts";
import { watchFolders, type FolderWatch } from "./watch.ts";

export interface CandidateFilesOptions {
  readonly folders: readonly string[];
  readonly adapters: World["adapters"];
  readonly verifiers: VerifierWorld;
  readonly log: Log;
}

/** The snapshot of a candidate's folders, and what verifies credentials for it. Its handlers are never started. */
export interface CandidateSnapshot {
  readonly snapshot: Snapshot;
  readonly find: Backends["find"];
}

/** Checks wait no longer than this for a reload, file by file. */
const SLICE_MS = 5;

/** The files of a candidate: read again when they change; where they have an error, the last good ones stay. */
export class CandidateFiles {
  readonly folders: readonly string[];
  readonly #options: CandidateFilesOptions;
  readonly #pool: VerifierPool;
  #current: CandidateSnapshot | undefined;
  readonly #files: WatchedReading;
  #lastRevision: string | undefined;
  #watch: FolderWatch | undefined;

  constructor(options: CandidateFilesOptions) {
    this.folders = options.folders;
    this.#options = options;
    this.#pool = new VerifierPool(options.verifiers);
    this.#files = new WatchedReading({
      folders: options.folders,
      sliceMs: SLICE_MS,
      watch: async (paths) => this.#watch?.alsoWatch(paths),
    });
  }

  /** Undefined before the first good files. */
  get current(): CandidateSnapshot | undefined {
    return this.#current;
  }

  /** Reads the files and watches them from now on. Never rejects on what is wrong with them: the log says it. */
  async start(): Promise<void> {
    const { folders, log } = this.#options;
    this.#watch = await watchFolders({
      folders,
      onChange: () => this.#load(),
      onError: (error) => log.error({ err: error }, "changes in the candidate's folder may not be seen"),
    });
    await this.#load();
  }

  close(): void {
    this.#watch?.close();
    this.#pool.close();
  }

  async #load(): Promise<void> {
    const reading = await this.#files.read();
    if (reading.revision === this.#lastRevision) return;
    this.#lastRevision = reading.revision;
    await this.#compile(reading);
  }

  async #compile({ loaded, revision }: Reading): Promise<void> {
    const { adapters, log } = this.#options;
    const foreign = await importAdapters(loaded);
    const world = { adapters, foreign, nowMs: Date.now(), stance: "enforce" } as const;
    const { snapshot, diagnostics } = await finishInTurns(
      compilingConfiguration(loaded, revision, world),
      SLICE_MS,
    );
    if (snapshot === undefined) {
      log.error(
        { diagnostics: diagnostics.map(printDiagnostic) },
        "the candidate was refused; the last good one stays",
      );
      return;
    }
    const prepared = this.#pool.prepare(snapshot.identities);
    // A trial that is under way may still ask an old one: it has what it fetched, and fetches no more.
    for (const verifier of this.#pool.use(prepared)) verifier.close();
    this.#current = { snapshot, find: findBy(prepared.verifiers) };
    log.info({ revision, policies: snapshot.policies.length }, "a candidate is tried");
  }
}

const findBy =
  (verifiers: Verifiers): Backends["find"] =>
  (identity, presented, nowMs) =>
    verifiers.get(identity)?.find(presented, nowMs) ?? { kind: "unavailable", reason: "nothing verifies it" };
