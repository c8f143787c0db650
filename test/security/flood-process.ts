import { until } from "../support/until.ts";
import { badTokens, FLOODED, statusOf } from "./flooding.ts";
import { serveSecurity } from "./service.ts";
import { newWorld } from "./world.ts";

/**
 * A process, started with --expose-gc, that refuses bad tokens and writes as JSON what they left behind: in one that has run other tests,
 * what those began ends meanwhile.
 */
const bad = badTokens();
const served = await serveSecurity(newWorld(), { files: FLOODED });
const statuses = new Set<number>();
for (const token of bad.slice(0, 1_000)) statuses.add(await statusOf(served, token, "192.0.2.1"));
const before = await settledHeapBytes();
for (let start = 0; start < bad.length; start += 50) {
  const batch = bad.slice(start, start + 50).map((token) => statusOf(served, token, "192.0.2.1"));
  for (const status of await Promise.all(batch)) statuses.add(status);
}
const grownBytes = (await settledHeapBytes()) - before;
// What is used below is not freed before: neither the tokens nor the service.
const seen = { asked: bad.length, statuses: [...statuses], logged: served.logged };
process.stdout.write(JSON.stringify({ ...seen, grownBytes }));
await served.close();

/** Bytes in use when all that can be collected is, also what ends a turn later. */
function settledHeapBytes(): Promise<number> {
  let lastBytes = Infinity;
  const look = (): number | undefined => {
    globalThis.gc?.();
    const bytes = process.memoryUsage().heapUsed;
    const isSettled = Math.abs(bytes - lastBytes) < 16_384;
    lastBytes = bytes;
    return isSettled ? bytes : undefined;
  };
  return until(look, { timeoutMs: 20_000, what: "the heap to settle" });
}
