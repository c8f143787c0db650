import { compilingConfiguration, type World } from "../policy/compile.ts";
import { isClean, type Diagnostic } from "../policy/diagnostic.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import { finishInTurns } from "../std/steps.ts";
import { importAdapters } from "./foreign-adapters.ts";
import { choose, type Candidate, type Chosen, type Good, type Held, type Trial } from "./choose.ts";
import { divideNewest } from "./divide.ts";
import type { HandlerWorld, RunningHandler } from "./handlers.ts";
import { Live } from "./live.ts";
import { closeHandlers, prepareHandlers } from "./prepare.ts";
import { WatchedReading, type Reading } from "./reading.ts";
import { Retired } from "./retired.ts";
import { VerifierPool, type PreparedVerifiers, type VerifierWorld } from "./verifiers.ts";

/** What one attempt to load came to. A refused configuration changes nothing. */
export type LoadResult =
  | {
      readonly kind: "live";
      readonly snapshot: Snapshot;
      readonly diagnostics: readonly Diagnostic[];
      /** Parts whose newest files are not live. */
      readonly held: readonly Held[];
    }
  | { readonly kind: "unchanged" }
  | {
      readonly kind: "refused";
      readonly diagnostics: readonly Diagnostic[];
      /** Parts whose newest files are held back, where the others could have gone live and have not changed. */
      readonly held: readonly Held[];
    };

/** What the runtime needs of the rest of weir. */
export interface RuntimeOptions {
  readonly folders: readonly string[];
  readonly adapters: World["adapters"];
  readonly stance: World["stance"];
  /** Epoch milliseconds: when overrides end. */
  readonly nowMs: () => number;
  readonly handlers: HandlerWorld;
  readonly verifiers: VerifierWorld;
  readonly onFinding: ConstructorParameters<typeof Live>[1];
  /**
   * Before a configuration goes live: what stands outside of the snapshot and depends on its settings. Called again with the
   * settings that are live where it does not go live after all.
   */
  readonly onSettings: (settings: Snapshot["settings"]) => Promise<readonly Diagnostic[]>;
  /** After every attempt. */
  readonly onResult: (result: LoadResult, phase: "starting" | "running") => void;
  /** A load that nobody waits for ended in an exception; what was live stays. */
  readonly onError: (error: unknown) => void;
  /** Files that others name are watched beside the folders. */
  readonly watch: (paths: readonly string[]) => Promise<void>;
}

/** Holds what is live: loads, compiles, starts and swaps it, or keeps the old and says why. */
export class Runtime {
  readonly #options: RuntimeOptions;
  readonly #pool: VerifierPool;
  readonly #retired = new Retired();
  #live: Live | undefined;
  #good: Good | undefined;
  #held: readonly Held[] = [];
  #diagnostics: readonly Diagnostic[] = [];
  #lastRevision: string | undefined;
  readonly #files: WatchedReading;
  #loading: Promise<unknown> = Promise.resolve();
  #next: Promise<LoadResult> | undefined;
  #change: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: RuntimeOptions) {
    this.#options = options;
    this.#pool = new VerifierPool(options.verifiers);
    this.#files = new WatchedReading({ ...options, sliceMs: SLICE_MS });
  }

  /** What is live; undefined before the first good configuration. */
  get live(): Live | undefined {
    return this.#live;
  }

  /** Parts whose newest files are not live. */
  get held(): readonly Held[] {
    return this.#held;
  }

  /**
   * Loads the folders as they are now. Loads follow one another, so the newest files win; those that are asked for while one
   * waits for its turn are that one. Rejects on what nobody has thought of; what was live stays.
   */
  load(): Promise<LoadResult> {
    if (this.#closing !== undefined) return Promise.resolve({ kind: "unchanged" });
    this.#next ??= this.#loading.then(() => {
      this.#next = undefined;
      return this.#load();
    });
    // A load that failed must not stop the next one; its callers have the error.
    this.#loading = this.#next.catch(() => undefined);
    return this.#next;
  }

  /** Ends what configurations have begun, when the load that is under way has ended. Safe twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearTimeout(this.#change);
    await this.#loading;
    this.#pool.close();
    await Promise.all([
      this.#retired.close(),
      closeHandlers(this.#live?.handlers.values() ?? [], this.#options.handlers),
    ]);
  }

  async #load(): Promise<LoadResult> {
    const phase = this.#live === undefined ? "starting" : "running";
    try {
      const result = await this.#attempt(await this.#files.read());
      if (this.#closing === undefined) this.#options.onResult(result, phase);
      return result;
    } finally {
      this.#awaitChange();
    }
  }

  async #attempt(reading: Reading): Promise<LoadResult> {
    const isDue = this.#options.nowMs() >= (this.#live?.snapshot.changesAtMs ?? Infinity);
    if (reading.revision === this.#lastRevision && !isDue) return { kind: "unchanged" };
    this.#lastRevision = undefined;
    const attempting = new Attempting(this.#options, { live: this.#live, isDue, pool: this.#pool });
    const divided = divideNewest(reading, this.#good, SLICE_MS);
    const attempt = (candidate: Candidate): Promise<Attempt> =>
      this.#closing === undefined ? attempting.attempt(candidate) : Promise.resolve(CLOSED);
    const chosen = await choose({ ...divided, live: this.#good, attempt });
    const { trial } = chosen;
    if (this.#closing !== undefined) {
      if (trial.ready !== undefined) await closeHandlers(trial.ready.fresh, this.#options.handlers);
      return { kind: "unchanged" };
    }
    // What failed for a fault of this machine may go well when the same files are looked at again.
    if (!attempting.hasFailed) this.#lastRevision = reading.revision;
    return this.#take(chosen);
  }

  #take({ trial, good, held }: Chosen<Attempt>): LoadResult {
    const { snapshot, ready, diagnostics } = trial;
    if (snapshot === undefined) return { kind: "refused", diagnostics, held: [] };
    this.#good = good;
    this.#held = held;
    if (ready !== undefined) {
      this.#swap(ready);
      this.#diagnostics = diagnostics;
    } else if (held.length > 0) {
      return { kind: "refused", diagnostics: held.flatMap((one) => one.diagnostics), held };
    }
    return { kind: "live", snapshot, diagnostics: this.#diagnostics, held };
  }

  /** Requests that began before the swap keep what they started with until their time is up. */
  #swap({ live, verifiers }: Ready): void {
    const before = this.#live;
    this.#live = live;
    for (const { configured, queue } of live.handlers.values())
      if (configured.queue !== undefined) queue?.follow(configured.queue);
    const unused = this.#pool.use(verifiers);
    if (before === undefined) return;
    const kept = new Set(Array.from(live.handlers.values(), ({ handler }) => handler));
    const replaced = [...before.handlers.values()].filter(({ handler }) => !kept.has(handler));
    if (unused.length + replaced.length === 0) return;
    this.#retired.add(before.snapshot.settings.checkTimeoutMs + SPARE_MS, () => {
      for (const verifier of unused) verifier.close();
      return closeHandlers(replaced, this.#options.handlers);
    });
  }

  /** An override ends without a change of files. The clock may step, so it is looked at again and again. */
  #awaitChange(): void {
    clearTimeout(this.#change);
    const changesAtMs = this.#live?.snapshot.changesAtMs;
    if (changesAtMs === undefined || this.#closing !== undefined) return;
    const { nowMs, onError } = this.#options;
    const look = (): void => {
      if (nowMs() < changesAtMs) this.#awaitChange();
      // The load looks out for the next change itself.
      else this.load().catch(onError);
    };
    const leftMs = changesAtMs - nowMs();
    // Where it is due still, the load that has just ended could not change it.
    const waitMs = leftMs > 0 ? Math.min(leftMs, MAX_WAIT_MS) : MAX_WAIT_MS;
    this.#change = setTimeout(look, waitMs).unref();
  }
}

/** Checks wait no longer than this for a reload, file by file. */
const SLICE_MS = 5;

/** What is evaluated after the answer was sent may still need what the request started with. */
const SPARE_MS = 100;

const MAX_WAIT_MS = 1_000;

/** A configuration that can be swapped in at once. */
interface Ready {
  readonly live: Live;
  readonly verifiers: PreparedVerifiers;
  /** Handlers that were started for it. */
  readonly fresh: readonly RunningHandler[];
}

/** `ready` is undefined where nothing of it can go live, or where all of it is live already. */
interface Attempt extends Trial {
  readonly snapshot: Snapshot | undefined;
  readonly ready?: Ready;
}

const CLOSED: Attempt = { snapshot: undefined, diagnostics: [] };

interface Present {
  readonly live: Live | undefined;
  /** Whether the files that are live mean something else now. */
  readonly isDue: boolean;
  readonly pool: VerifierPool;
}

/** Compiles and starts what may go live. What it has started and cannot go live is ended. */
class Attempting {
  readonly #options: RuntimeOptions;
  readonly #present: Present;
  /** Whether something could not be started that is well written. */
  hasFailed = false;

  constructor(options: RuntimeOptions, present: Present) {
    this.#options = options;
    this.#present = present;
  }

  async attempt({ loaded, revision, unloaded }: Candidate): Promise<Attempt> {
    const { live, isDue } = this.#present;
    if (live?.snapshot.revision === revision && !isDue) return { snapshot: live.snapshot, diagnostics: [] };
    const { adapters, stance, nowMs } = this.#options;
    const foreign = await importAdapters(loaded);
    const world = { adapters, foreign, stance, unloaded, nowMs: nowMs() };
    const compiled = await finishInTurns(compilingConfiguration(loaded, revision, world), SLICE_MS);
    const { snapshot, diagnostics } = compiled;
    if (snapshot === undefined) return { snapshot, diagnostics };
    const ready = await this.#prepare(snapshot);
    if (!("diagnostics" in ready)) return { snapshot, diagnostics, ready };
    this.hasFailed = true;
    return { snapshot: undefined, diagnostics: [...diagnostics, ...ready.diagnostics] };
  }

  /** What stands outside follows first, because handlers start with it; it is led back where they cannot. */
  async #prepare(snapshot: Snapshot): Promise<Ready | { readonly diagnostics: readonly Diagnostic[] }> {
    const { handlers: world, onSettings, onFinding } = this.#options;
    const { live, pool } = this.#present;
    const refused = await onSettings(snapshot.settings);
    const prepared = isClean(refused)
      ? await prepareHandlers(snapshot.handlers, live?.handlers ?? new Map(), world)
      : { diagnostics: refused };
    if ("diagnostics" in prepared) {
      if (live !== undefined) await onSettings(live.snapshot.settings);
      return prepared;
    }
    const { handlers, fresh } = prepared;
    try {
      const verifiers = pool.prepare(snapshot.identities);
      return {
        live: new Live({ snapshot, handlers, verifiers: verifiers.verifiers }, onFinding),
        verifiers,
        fresh,
      };
    } catch (error) {
      await closeHandlers(fresh, world);
      throw error;
    }
  }
}
