import assert from "node:assert/strict";
import { Refresher } from "../../src/host/refresher.ts";

const EVERY_MS = 60_000;

/** A refresher of which a test says when it looks and how a load ends. */
function refreshing(random = 0.5) {
  const tasks = new Set<() => Promise<void>>();
  const seen = { nowMs: 1_000_000, loads: 0, lines: [] as string[] };
  const remote: { load: (signal: AbortSignal) => Promise<void> } = { load: () => Promise.resolve() };
  const keep = (fields: Readonly<Record<string, unknown>>, message: string): void =>
    void seen.lines.push(`${message}: ${String(fields.reason)}`);
  const refresher = new Refresher(
    {
      ...{ what: "list", everyMs: EVERY_MS, retryMs: 5_000 },
      load: (signal) => (seen.loads++, remote.load(signal)),
    },
    {
      ...{ log: { info: keep, warn: keep }, nowMs: () => seen.nowMs, random: () => random },
      repeat: (_everyMs, task) => (tasks.add(task), () => void tasks.delete(task)),
    },
  );
  const look = async (afterMs: number): Promise<number> => {
    seen.nowMs += afterMs;
    for (const task of tasks) await task();
    return seen.loads;
  };
  return { refresher, remote, seen, tasks, look };
}

const away = (reason = "nobody is there") => Promise.reject(new Error(reason));

describe("what is kept current", () => {
  it("is loaded at once, and again when it is due", async () => {
    const { refresher, look } = refreshing();
    refresher.start();
    assert.equal(await look(0), 1);
    assert.equal(await look(EVERY_MS - 1), 1);
    assert.equal(await look(1), 2);
    await refresher.close();
  });

  for (const [random, dueMs] of [
    [0, 54_000],
    [1, 66_000],
  ] as const) {
    it(`is due after ${dueMs} ms with the random number ${random}`, async () => {
      const { refresher, look } = refreshing(random);
      await refresher.startLoaded();
      assert.deepEqual([await look(dueMs - 1), await look(1)], [1, 2]);
      await refresher.close();
    });
  }

  it("is loaded sooner after it failed, doubling up to the usual time, and says a reason once", async () => {
    const { refresher, remote, seen, look } = refreshing();
    remote.load = () => away();
    refresher.start();
    await look(0);
    for (const waitMs of [5_000, 10_000, 20_000, 40_000, EVERY_MS, EVERY_MS]) {
      const loads = await look(waitMs - 1);
      assert.equal(await look(1), loads + 1, `after ${waitMs} ms`);
    }
    assert.equal(refresher.failure, "nobody is there");
    remote.load = () => away("it hangs up");
    await look(EVERY_MS);
    assert.deepEqual(seen.lines, ["list not loaded: nobody is there", "list not loaded: it hangs up"]);
    remote.load = () => Promise.resolve();
    await look(EVERY_MS);
    assert.equal(refresher.failure, undefined);
    remote.load = () => away();
    await look(EVERY_MS);
    assert.deepEqual([await look(4_999), await look(1)], [10, 11]);
    await refresher.close();
  });

  it("is loaded by one at a time, whose end closing waits for", async () => {
    const { refresher, remote, seen, tasks, look } = refreshing();
    let ended = 0;
    remote.load = (signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          ended++;
          reject(new Error("aborted"));
        });
      });
    refresher.start();
    const looking = look(10 * EVERY_MS);
    assert.equal(seen.loads, 1);
    await refresher.close();
    await looking;
    assert.deepEqual([ended, tasks.size, seen.lines], [1, 0, []]);
    refresher.start();
    await refresher.startLoaded();
    assert.deepEqual([seen.loads, tasks.size], [1, 0]);
  });

  it("is due at once where the clock was set back by more than it waits", async () => {
    const { refresher, look } = refreshing();
    await refresher.startLoaded();
    assert.equal(await look(-EVERY_MS), 1);
    assert.equal(await look(-EVERY_MS), 2);
    await refresher.close();
  });

  it("does not start where the first load has to succeed and does not", async () => {
    const { refresher, remote, seen, tasks } = refreshing();
    remote.load = () => away();
    await assert.rejects(refresher.startLoaded(), /nobody is there/);
    assert.deepEqual([tasks.size, seen.lines], [0, []]);
    await refresher.close();
  });

  it("is started once, however often that is said", async () => {
    const { refresher, seen, tasks } = refreshing();
    await refresher.startLoaded();
    await refresher.startLoaded();
    refresher.start();
    assert.deepEqual([seen.loads, tasks.size], [1, 1]);
    await refresher.close();
  });
});
