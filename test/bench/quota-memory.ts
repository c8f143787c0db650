import { parseArgs } from "node:util";
import { counterKey, domainTag } from "../../src/limits/keys.ts";
import type { Take } from "../../src/store/counter.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import type { Store } from "../../src/store/store.ts";
import { readyStore, singleStore } from "../store/redis-stores.ts";
import { runCommand } from "../support/command.ts";
import type { Counting } from "./quota-servers.ts";
import { startStore } from "./quota-servers.ts";

/** What a million counters of one window take; run by itself it measures those of the heap (`--expose-gc`). */

const COUNTERS = 1_000_000;
/** Takes that wait at a time. */
const AT_A_TIME = 2_000;
const tag = domainTag("shop");

/** Bytes for each counter, its key among them. */
export async function bytesPerCounter(counting: Counting): Promise<number> {
  if (counting === "redis") return inRedis();
  const answer = await runCommand(process.execPath, ["--expose-gc", import.meta.filename, "--heap"]);
  if (answer.kind !== "succeeded") throw new Error(`the memory was not measured: ${JSON.stringify(answer)}`);
  return Number(answer.stdout);
}

async function inRedis(): Promise<number> {
  await using open = new AsyncDisposableStack();
  const redis = await startStore(open);
  const store = open.adopt(await readyStore(singleStore(redis.address)), (one) => one.close());
  const used = async (): Promise<number> =>
    Number(/used_memory:(\d+)/.exec(String(await redis.command("INFO", "memory")))?.[1]);
  const before = await used();
  await fill(store);
  const keys = Number(await redis.command("DBSIZE"));
  if (keys !== COUNTERS) throw new Error(`Redis has ${keys} keys`);
  return ((await used()) - before) / COUNTERS;
}

async function inHeap(): Promise<number> {
  const store = new MemoryStore({ nowMs: Date.now, maxCounters: COUNTERS });
  const before = heapBytes();
  await fill(store);
  const bytes = heapBytes() - before;
  if (store.status().counters !== COUNTERS) throw new Error("counters were forgotten");
  return bytes / COUNTERS;
}

function heapBytes(): number {
  if (globalThis.gc === undefined) throw new Error("run it with --expose-gc");
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}

async function fill(store: Store): Promise<void> {
  for (let from = 0; from < COUNTERS; from += AT_A_TIME) {
    const takes = Array.from({ length: AT_A_TIME }, async (_, at) => {
      const taken = await store.take(takeOf(from + at), Date.now() + 5_000);
      if (taken.kind === "failed") throw new Error(taken.reason);
    });
    await Promise.all(takes);
  }
}

/** One descriptor with one hourly limit, as rate-limit requests have them. */
function takeOf(index: number): Take {
  const parts = ["k0", `user-${String(index).padStart(8, "0")}`];
  const key = counterKey(tag, { algorithm: "fixed", lengths: [3_600_000], parts });
  const windows = [{ limit: 1_000, length: 3_600_000, burst: 1_000 }];
  const counter = { tag, key, algorithm: "fixed", windows } as const;
  return { mode: "each", charges: [{ kind: "count", counter, hits: 1 }] };
}

const { values } = parseArgs({ options: { heap: { type: "boolean", default: false } }, strict: false });
if (values.heap === true && import.meta.main) console.log(await inHeap());
