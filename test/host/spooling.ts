import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Spool, SpoolDelivery, SpoolOptions } from "../../src/adapter/spool.ts";
import type { OpenFile } from "../../src/host/spool-folder.ts";
import { Spools } from "../../src/host/spools.ts";
import { TIMERS } from "../../src/host/timers.ts";
import { keptLog } from "./server.ts";

/** A folder of a test, and the spools that it opens there. */
export class Spooling {
  readonly folder: string;
  readonly log = keptLog();
  readonly counted = new Map<string, number>();
  readonly gauges = new Map<string, () => number>();
  /** The batches that were delivered, as texts. */
  readonly batches: (readonly string[])[] = [];
  /** What the other end says next; the last for ever. */
  answers: readonly (SpoolDelivery | Error | "hangs")[] = [{ kind: "delivered" }];
  readonly #open: Spool[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(): Promise<Spooling> {
    return new Spooling(await mkdtemp(join(tmpdir(), "weir-spool-")));
  }

  /** A process of its own, as far as spools know. */
  spools(openFile?: OpenFile): Spools {
    return new Spools(TIMERS, openFile);
  }

  async open(over: Partial<SpoolOptions> = {}, spools = this.spools()): Promise<Spool> {
    const options: SpoolOptions = {
      folder: this.folder,
      maxBytes: 10_000,
      segmentBytes: 100,
      sealAfterMs: 10,
      deliverTimeoutMs: 5_000,
      deliver: (batch) => this.#deliver(batch),
      ...over,
    };
    const metrics = {
      counter:
        () =>
        (by: number, result = "") =>
          void this.counted.set(result, this.count(result) + by),
      gauge: ({ name }: { readonly name: string }, read: () => number) => void this.gauges.set(name, read),
    };
    const spool = await spools.open(options, { log: this.log, metrics });
    this.#open.push(spool);
    return spool;
  }

  #deliver(batch: readonly Buffer[]): Promise<SpoolDelivery> {
    const answer = this.answers[Math.min(this.batches.length, this.answers.length - 1)] ?? new Error("none");
    this.batches.push(batch.map(String));
    if (answer === "hangs") return new Promise(() => undefined);
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  }

  count(result: string): number {
    return this.counted.get(result) ?? 0;
  }

  get delivered(): readonly string[] {
    return this.batches.flat();
  }

  /** The endings of the files that are there, in order. */
  async files(): Promise<readonly string[]> {
    const names = await readdir(this.folder);
    return names.sort().map((name) => name.replace(/^.*\./, ""));
  }

  async clear(): Promise<void> {
    for (const spool of this.#open) await spool.close(0);
    await rm(this.folder, { recursive: true });
  }
}

export const inAWhile = (): number => Date.now() + 5_000;
