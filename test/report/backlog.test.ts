import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Backlog, type Work } from "../../src/report/backlog.ts";

/** Work of so many steps, each of which takes so long. */
function workOf(steps: number, { bytes = 10, stepMs = 0, onStep = (): unknown => undefined } = {}): Work {
  let left = steps;
  return {
    bytes,
    step() {
      onStep();
      const untilMs = performance.now() + stepMs;
      while (performance.now() < untilMs);
      return --left > 0 ? "more" : "done";
    },
  };
}

describe("a backlog", () => {
  it("does work in the order in which it came, after the turn that brought it", async () => {
    const backlog = new Backlog(1_000);
    const done: string[] = [];
    for (const name of ["a", "b", "c"]) backlog.add(workOf(2, { onStep: () => done.push(name) }));
    assert.deepEqual([done, backlog.bytes], [[], 30]);
    await backlog.emptied();
    assert.deepEqual([done, backlog.bytes], [["a", "a", "b", "b", "c", "c"], 0]);
    await backlog.emptied();
  });

  it("takes no more than fits, but what is alone however large it is", async () => {
    const backlog = new Backlog(25);
    assert.ok(backlog.add(workOf(1, { bytes: 100 })));
    assert.ok(!backlog.add(workOf(1)));
    await backlog.emptied();
    assert.deepEqual(
      [1, 2, 3].map(() => backlog.add(workOf(1))),
      [true, true, false],
    );
    await backlog.emptied();
    assert.ok(backlog.add(workOf(1)));
    await backlog.emptied();
  });

  it("gives the event loop turns in between", async () => {
    const backlog = new Backlog(1_000);
    let steps = 0;
    let turns = 0;
    backlog.add(workOf(200, { stepMs: 0.5, onStep: () => (steps += 1) }));
    const stepsByTurn: number[] = [];
    const turn = (): void => {
      turns++;
      stepsByTurn.push(steps);
      if (backlog.bytes > 0) setImmediate(turn);
    };
    setImmediate(turn);
    await backlog.emptied();
    const most = Math.max(...stepsByTurn.map((count, index) => count - (stepsByTurn[index - 1] ?? 0)));
    assert.ok(turns >= 10 && most <= 16, `${turns} turns, at most ${most} steps in one`);
  });

  it("forgets what is done, also where it is never empty", async () => {
    const backlog = new Backlog(1_000_000);
    let left = 5_000;
    const again = (): void => {
      if (left-- > 0) backlog.add(workOf(1, { onStep: again }));
    };
    again();
    again();
    await backlog.emptied();
    assert.deepEqual([backlog.bytes, left <= 0], [0, true]);
  });

  it("keeps nothing of what is done while other work waits", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const backlog = new Backlog(1_000);
    const first = new WeakRef(workOf(1));
    backlog.add(first.deref() ?? workOf(1));
    const seen: string[] = [];
    let left = 3;
    const last: Work = {
      bytes: 10,
      step() {
        // A turn later, since a turn keeps what it has looked at.
        const untilMs = performance.now() + 10;
        while (performance.now() < untilMs);
        collect();
        seen.push(first.deref() === undefined ? "gone" : "kept");
        return --left > 0 ? "more" : "done";
      },
    };
    backlog.add(last);
    await backlog.emptied();
    assert.equal(seen.at(-1), "gone");
  });
});
