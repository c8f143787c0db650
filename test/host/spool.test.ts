import assert from "node:assert/strict";
import { copyFileSync, readdirSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { mkdtemp, open, rm, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import fc from "fast-check";
import type { Spool, SpoolDelivery } from "../../src/adapter/spool.ts";
import { framesIn } from "../../src/host/spool-frames.ts";
import { Spools } from "../../src/host/spools.ts";
import type { Timers } from "../../src/host/timers.ts";

/** What the other end makes of one record. */
type Fate = "arrived" | "again" | "perhaps" | "refused";
/** What it makes of a batch: of its records in turn, or of all by no answer. */
type Answer = readonly Fate[] | "throws" | "hangs";
type Step =
  | { readonly kind: "append"; readonly records: number }
  | { readonly kind: "wait"; readonly ms: number }
  /** `power`: of what was not synced nothing is left. */
  | { readonly kind: "crash"; readonly by: "kill" | "power" }
  | { readonly kind: "restart"; readonly withinMs: number };

const SPEED = 50;
/** Time that goes by faster than ours. */
const TIMERS: Timers = {
  nowMs: () => 1_700_000_000_000 + Math.floor(performance.now() * SPEED),
  after: (ms, task) => {
    const timer = setTimeout(task, ms / SPEED);
    return () => clearTimeout(timer);
  },
};

const ids = (bytes: Buffer): readonly number[] =>
  Array.from(bytes.toString("latin1").matchAll(/record (\d+);/g), ([, id]) => Number(id));

/** The world that outlives the processes: what was accepted, what is certainly on disk, and what the other end knows. */
class World {
  readonly answers: Answer[];
  readonly folders: string[] = [];
  readonly accepted: number[] = [];
  readonly synced = new Set<number>();
  /** The last fate of each record that was brought to the other end. */
  readonly fates = new Map<number, Fate | "under way">();
  readonly counted = new Map<string, number>();
  readonly broken: string[] = [];
  crashes = 0;

  constructor(answers: readonly Answer[]) {
    this.answers = [...answers];
  }

  async folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), "weir-spool-"));
    this.folders.push(folder);
    return folder;
  }
}

/** One process that has the spool, until it is killed. */
class Process {
  readonly #world: World;
  readonly #folder: string;
  /** Bytes that were synced, by file. */
  readonly #synced = new Map<string, number>();
  readonly spool: Promise<Spool>;
  #state: "alive" | "killed" = "alive";

  constructor(world: World, folder: string) {
    this.#world = world;
    this.#folder = folder;
    this.spool = new Spools(TIMERS, (path, flags) => this.#openFile(path, flags)).open(
      {
        ...{ folder, maxBytes: 3_000, segmentBytes: 100, sealAfterMs: 200, deliverTimeoutMs: 30 },
        deliver: (batch) => this.#deliver(batch),
      },
      {
        log: { info: () => undefined, warn: () => undefined },
        metrics: {
          counter:
            () =>
            (by, result = "") =>
              this.#count(by, result),
          gauge: () => undefined,
        },
      },
    );
  }

  async append(records: number): Promise<void> {
    const spool = await this.spool;
    for (let one = 0; one < records; one++) {
      const id = this.#world.accepted.length;
      if (spool.append(Buffer.from(`record ${id};`.padEnd(10 + (id % 40), "\0"))))
        this.#world.accepted.push(id);
    }
  }

  /** What the next process finds. */
  async crash(by: "kill" | "power"): Promise<string> {
    await this.spool;
    const to = await this.#world.folder();
    this.#state = "killed";
    this.#world.crashes++;
    this.#copy(to);
    for (const name of by === "power" ? readdirSync(to) : []) {
      if (name.endsWith(".open")) truncateSync(join(to, name), this.#synced.get(name) ?? 0);
    }
    return to;
  }

  #copy(to: string): void {
    try {
      const names = readdirSync(this.#folder).filter((name) => name !== "owner");
      for (const name of names) copyFileSync(join(this.#folder, name), join(to, name));
    } catch {
      // A file has got another name meanwhile.
      for (const name of readdirSync(to)) rmSync(join(to, name));
      this.#copy(to);
    }
  }

  async #openFile(path: string, flags: string): Promise<FileHandle> {
    const handle = await open(path, flags);
    if (!path.endsWith(".open") || flags !== "wx") return handle;
    const written: number[] = [];
    let bytes = 0;
    const [write, datasync] = [handle.write.bind(handle), handle.datasync.bind(handle)];
    return Object.assign(handle, {
      write: async (content: Buffer, from: number, length: number, at: number) => {
        const done = await write(content, from, length, at);
        written.push(...ids(content));
        bytes = at + done.bytesWritten;
        return done;
      },
      datasync: async () => {
        await datasync();
        if (this.#state === "killed") return;
        this.#synced.set(basename(path), bytes);
        for (const id of written.splice(0)) this.#world.synced.add(id);
      },
    });
  }

  #count(by: number, result: string): void {
    if (this.#state === "killed") return;
    this.#world.counted.set(result, (this.#world.counted.get(result) ?? 0) + by);
  }

  /** The law of the whole: nothing is brought again but what has certainly not arrived. */
  #deliver(batch: readonly Buffer[]): Promise<SpoolDelivery> {
    const never = new Promise<SpoolDelivery>(() => undefined);
    if (this.#state === "killed") return never;
    const { answers, fates } = this.#world;
    const answer = answers.shift() ?? ["arrived"];
    const by = { arrived: [], again: [], perhaps: [], refused: [] } as Record<Fate, Buffer[]>;
    for (const [index, record] of batch.entries()) {
      const [id = assert.fail("a record that was never taken")] = ids(record);
      const before = fates.get(id) ?? "again";
      if (before !== "again") this.#world.broken.push(`record ${id} is brought again: ${before}`);
      const fate = typeof answer === "string" ? "under way" : (answer[index % answer.length] ?? "arrived");
      fates.set(id, fate);
      if (fate !== "under way") by[fate].push(record);
    }
    if (answer === "hangs") return never;
    if (answer === "throws") return Promise.reject(new Error("it threw"));
    const { again: retry, perhaps: unknown, refused } = by;
    if (retry.length === batch.length) return Promise.resolve({ kind: "retry", reason: "" });
    return Promise.resolve({ kind: "partly", retry, unknown, dropped: refused.length, reason: "" });
  }
}

/** Records that are put aside for people. */
const asideIn = (folder: string): readonly number[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".unknown"))
    .flatMap((name) => framesIn(readFileSync(join(folder, name))).records.flatMap(ids));

async function live(steps: readonly Step[], answers: readonly Answer[]): Promise<void> {
  const world = new World(answers);
  const killed: Process[] = [];
  let folder = await world.folder();
  let process = new Process(world, folder);
  for (const step of steps) {
    switch (step.kind) {
      case "append":
        await process.append(step.records);
        break;
      case "wait":
        await pause(step.ms);
        break;
      case "crash":
        folder = await process.crash(step.by);
        killed.push(process);
        process = new Process(world, folder);
        break;
      case "restart":
        await (await process.spool).close(TIMERS.nowMs() + step.withinMs);
        process = new Process(world, folder);
        break;
    }
  }
  world.answers.length = 0;
  await (await process.spool).close(TIMERS.nowMs() + 60_000 * SPEED);
  const aside = new Set(asideIn(folder));
  for (const one of killed) await (await one.spool).close(0);
  for (const one of world.folders) await rm(one, { recursive: true });
  assertWhole(world, aside);
}

function assertWhole(world: World, aside: ReadonlySet<number>): void {
  const { accepted, synced, fates, counted, broken, crashes } = world;
  assert.deepEqual(broken, []);
  const isSettled = (id: number): boolean =>
    fates.get(id) === "arrived" || fates.get(id) === "refused" || aside.has(id);
  const lost = accepted.filter((id) => !isSettled(id));
  assert.deepEqual(crashes === 0 ? lost : lost.filter((id) => synced.has(id)), []);
  if (crashes > 0) return;
  const count = (...wanted: readonly Fate[]): number =>
    accepted.filter((id) => wanted.some((fate) => fates.get(id) === fate)).length;
  const of = (result: string): number => counted.get(result) ?? 0;
  assert.deepEqual(
    [of("taken"), of("delivered"), of("refused"), of("unknown")],
    [accepted.length, count("arrived"), count("refused"), aside.size],
  );
}

const FATE = fc.constantFrom<Fate>("arrived", "again", "perhaps", "refused");
const ANSWER = fc.oneof(
  fc.array(FATE, { minLength: 1, maxLength: 4 }),
  fc.constantFrom<Answer>(["arrived"], ["again"], "throws", "hangs"),
);
const STEP: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("append"), records: fc.integer({ min: 1, max: 12 }) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("wait"), ms: fc.integer({ min: 0, max: 15 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("crash"), by: fc.constantFrom("kill", "power") }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("restart"), withinMs: fc.integer({ min: 0, max: 500 }) }),
  },
);

describe("a spool", function () {
  this.timeout(120_000);

  it("brings each record that is on disk once, or puts it aside, whatever is answered and whenever it crashes", async () => {
    const property = fc.asyncProperty(
      fc.array(STEP, { minLength: 2, maxLength: 20 }),
      fc.array(ANSWER, { maxLength: 15 }),
      live,
    );
    await fc.assert(property, { numRuns: 60, interruptAfterTimeLimit: 60_000 });
  });
});
