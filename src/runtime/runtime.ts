import { isDeepStrictEqual } from "node:util";
import { compilingConfiguration, type Configuration } from "../policy/compile.ts";
import { printDiagnostic, type Diagnostic } from "../policy/diagnostic.ts";
import { readFolders, type FolderContent } from "../policy/folders.ts";
import { loadingContent } from "../policy/load.ts";
import { revisionOf } from "../policy/revision.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import { finishInTurns, type Steps } from "../std/steps.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";

/** What one attempt to load came to. A refused configuration changes nothing. */
export type LoadResult =
  | { readonly kind: "live"; readonly snapshot: Snapshot; readonly diagnostics: readonly Diagnostic[] }
  | { readonly kind: "unchanged" }
  | { readonly kind: "refused"; readonly diagnostics: readonly Diagnostic[] };

export interface RuntimeOptions {
  readonly folders: readonly string[];
  readonly metrics: Metrics;
  readonly log: Log;
}

/** Holds the live snapshot: loads, compiles and swaps it, or keeps the old one and says why. */
export class Runtime {
  readonly #options: RuntimeOptions;
  #snapshot: Snapshot | undefined;
  #lastRevision: string | undefined;
  #loading: Promise<unknown> = Promise.resolve();

  constructor(options: RuntimeOptions) {
    this.#options = options;
  }

  /** The live configuration; undefined before the first good one. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /** Loads the folders as they are now. Loads follow one another, so the newest files win. */
  load(): Promise<LoadResult> {
    const loaded = this.#loading.then(() => this.#load());
    // A load that failed must not stop the next one; its caller has the error.
    this.#loading = loaded.catch(() => undefined);
    return loaded;
  }

  async #load(): Promise<LoadResult> {
    const content = await readSettled(this.#options.folders);
    const result = await this.#compile(content);
    tell(this.#options, result, this.#snapshot === undefined ? "starting" : "running");
    return result;
  }

  async #compile(content: FolderContent): Promise<LoadResult> {
    const revision = revisionOf(content.files);
    if (revision === this.#lastRevision && content.diagnostics.length === 0) return { kind: "unchanged" };
    const { snapshot, diagnostics } = await finishInTurns(configuring(content, revision), SLICE_MS);
    // What could not be read is no part of the revision: when it is away, the same files are looked at anew.
    this.#lastRevision = content.diagnostics.length === 0 ? revision : undefined;
    if (snapshot === undefined) return { kind: "refused", diagnostics };
    this.#warnOfRestart(snapshot);
    this.#snapshot = snapshot;
    return { kind: "live", snapshot, diagnostics };
  }

  #warnOfRestart(next: Snapshot): void {
    const fixed = ({ settings: { listen, maxInFlight } }: Snapshot): unknown => ({ listen, maxInFlight });
    const current = this.#snapshot;
    if (current === undefined || isDeepStrictEqual(fixed(current), fixed(next))) return;
    this.#options.log.warn("`listen` or `maxInFlight` has changed; it holds when weir is started again");
  }
}

/** Checks wait no longer than this for a reload, file by file. */
const SLICE_MS = 5;

function* configuring(content: FolderContent, revision: string): Steps<Configuration> {
  return yield* compilingConfiguration(yield* loadingContent(content), revision);
}

/** A swap of a mounted folder in the middle of reading shows as two different readings. */
const MAX_READINGS = 5;

async function readSettled(folders: readonly string[]): Promise<FolderContent> {
  let content = await readFolders(folders);
  for (let reading = 1; reading < MAX_READINGS; reading++) {
    const again = await readFolders(folders);
    const isSame =
      revisionOf(content.files) === revisionOf(again.files) &&
      isDeepStrictEqual(content.diagnostics, again.diagnostics);
    content = again;
    if (isSame) break;
  }
  return content;
}

function tell({ metrics, log }: RuntimeOptions, result: LoadResult, phase: "starting" | "running"): void {
  switch (result.kind) {
    case "live": {
      const { policies, revision } = result.snapshot;
      const shadowPolicies = policies.filter(({ mode }) => mode === "shadow").length;
      const enforcedPolicies = policies.length - shadowPolicies;
      metrics.countReload("live", { revision, loadedAtMs: Date.now(), enforcedPolicies, shadowPolicies });
      log.info({ revision, policies: policies.length }, "configuration is live");
      return;
    }
    case "unchanged":
      metrics.countReload("unchanged", undefined);
      return;
    case "refused":
      metrics.countReload("refused", undefined);
      // At the start there is nothing to keep, and the command prints the reasons itself.
      if (phase === "starting") return;
      log.error(
        { diagnostics: result.diagnostics.map(printDiagnostic) },
        "configuration was refused; what was live before stays",
      );
  }
}
