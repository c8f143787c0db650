import assert from "node:assert/strict";
import type { LineTarget } from "../../src/adapter/host.ts";
import { Lines, type LineResult } from "../../src/host/lines.ts";

/** A target that takes what it is given when it is told to. */
class Slow implements LineTarget {
  readonly taken: string[] = [];
  closed = 0;
  #release: ((error?: Error) => void) | undefined;

  append(lines: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#release = (error) => {
        if (error === undefined) this.taken.push(lines.toString());
        if (error === undefined) resolve();
        else reject(error);
      };
    });
  }

  close(): Promise<void> {
    this.closed++;
    return Promise.resolve();
  }

  /** Waits until something is to be written, and lets it through or fails. */
  async next(error?: Error): Promise<void> {
    while (this.#release === undefined) await new Promise((resolve) => setImmediate(resolve));
    const release = this.#release;
    this.#release = undefined;
    release(error);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function linesTo(target: LineTarget, maxBytes = 1_000) {
  const results: LineResult[] = [];
  const errors: unknown[] = [];
  const lines = new Lines({
    target,
    maxBytes,
    onLine: (result) => results.push(result),
    onError: (error) => errors.push(error),
  });
  return { lines, results, errors };
}

describe("lines that are written", () => {
  it("keep their order, those of one turn together, and are told of when they are written", async () => {
    const target = new Slow();
    const { lines, results } = linesTo(target);
    const told: LineResult[] = [];
    lines.add("one", (result) => told.push(result));
    lines.add("two");
    assert.deepEqual([told, lines.bytes], [[], 8]);
    await target.next();
    lines.add("three");
    await target.next();
    assert.deepEqual(target.taken, ["one\ntwo\n", "three\n"]);
    assert.deepEqual([told, results, lines.bytes], [["written"], ["written", "written", "written"], 0]);
  });

  it("are dropped where too many wait, and told of at once", async () => {
    const target = new Slow();
    const { lines, results } = linesTo(target, 10);
    const told: LineResult[] = [];
    lines.add("12345678");
    lines.add("9", (result) => told.push(result));
    assert.deepEqual([told, results], [["full"], ["full"]]);
    await target.next();
    lines.add("9");
    await target.next();
    assert.deepEqual(target.taken, ["12345678\n", "9\n"]);
  });

  it("are lost where the target fails, which is said once, and written again when it does not", async () => {
    const target = new Slow();
    const { lines, results, errors } = linesTo(target);
    for (const error of [new Error("disk full"), new Error("disk full"), undefined]) {
      lines.add("line");
      await target.next(error);
    }
    assert.deepEqual(results, ["failed", "failed", "written"]);
    assert.deepEqual(errors.map(String), ["Error: disk full"]);
    assert.equal(lines.bytes, 0);
  });

  it("go out in writes of a bounded size", async () => {
    const target = new Slow();
    const { lines } = linesTo(target, 2_000_000);
    for (let index = 0; index < 4; index++) lines.add("x".repeat(100_000));
    await target.next();
    await target.next();
    assert.deepEqual(
      target.taken.map((text) => text.length),
      [200_002, 200_002],
    );
  });

  it("are finished before the target is closed", async () => {
    const target = new Slow();
    const { lines } = linesTo(target);
    lines.add("last");
    const closed = lines.close(10_000);
    await target.next();
    await closed;
    assert.deepEqual([target.taken, target.closed], [["last\n"], 1]);
  });

  it("are given up when whoever takes them takes too long", async () => {
    const target = new Slow();
    const { lines, results } = linesTo(target);
    lines.add("stuck");
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    lines.add("behind it");
    await lines.close(10);
    assert.deepEqual([results, target.closed], [["failed"], 0]);
  });
});
