import assert from "node:assert/strict";
import { laterQueue } from "../../src/std/later.ts";
import { until } from "../support/until.ts";

describe("what runs later", () => {
  const never = (error: unknown): void => assert.fail(String(error));

  it("runs after the current turn, in order", async () => {
    const done: number[] = [];
    const later = laterQueue(10, never);
    for (const one of [1, 2, 3]) assert.ok(later(() => done.push(one)));
    assert.deepEqual(done, []);
    await until(() => done.length === 3, { what: "the tasks" });
    assert.deepEqual(done, [1, 2, 3]);
  });

  it("takes no more than its bound, and more again when those have run", async () => {
    let done = 0;
    const later = laterQueue(2, never);
    const task = (): void => void (done += 1);
    assert.deepEqual([later(task), later(task), later(task)], [true, true, false]);
    await until(() => done === 2, { what: "the tasks" });
    assert.ok(later(task));
    await until(() => done === 3, { what: "the last task" });
  });

  it("hands over what a task throws, and runs the others", async () => {
    const errors: unknown[] = [];
    let done = 0;
    const later = laterQueue(5, (error) => errors.push(error));
    later(() => {
      throw new Error("one");
    });
    later(() => (done += 1));
    await until(() => done === 1, { what: "the task after it" });
    assert.equal(errors.length, 1);
  });

  it("may be asked for by a task", async () => {
    const done: string[] = [];
    const later = laterQueue(1, never);
    later(() => {
      done.push("first");
      assert.ok(later(() => done.push("second")));
    });
    await until(() => done.length === 2, { what: "both" });
  });
});
