import assert from "node:assert/strict";
import type { Call } from "../../src/adapter/adapter.ts";
import type { LineTarget } from "../../src/adapter/host.ts";
import { LineHandler } from "../../src/adapter/line-handler.ts";
import { createTestHost } from "../adapters/host.ts";
import { fieldRecord } from "../adapters/records.ts";

/** A target that takes what it is given, fails or hangs, as it is told. */
class Disk implements LineTarget {
  readonly taken: string[] = [];
  mode: "takes" | "full" | "hangs" = "takes";
  #release: (() => void) | undefined;

  async append(lines: Buffer): Promise<void> {
    if (this.mode === "full") throw new Error("ENOSPC: no space left on device, write");
    if (this.mode === "hangs") await new Promise<void>((resolve) => (this.#release = resolve));
    this.taken.push(lines.toString());
  }

  release(): void {
    this.mode = "takes";
    this.#release?.();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const SOON: Call = { deadlineAtMs: 0, signal: AbortSignal.abort() };
const LATER: Call = { deadlineAtMs: Number.MAX_SAFE_INTEGER, signal: new AbortController().signal };
const DELIVERED = { kind: "delivered" };

async function handlerOn(disk: Disk, maxLineBytes = 1_024) {
  const host = createTestHost();
  const lent = { ...host, openLines: () => Promise.resolve(disk) };
  const handler = new LineHandler({ to: { kind: "stdout" }, name: "the disk", maxLineBytes, host: lent });
  await handler.start();
  return { handler, host };
}

const batch = (...names: readonly string[]) => names.map((name) => fieldRecord({ name }));

const namesIn = (disk: Disk): readonly string[] =>
  Array.from(disk.taken.join("").matchAll(/"name":"([^"]*)"/g), ([, name]) => name ?? "");

describe("a handler that writes lines", () => {
  it("writes each record once, and what it is not made for is refused", async () => {
    const disk = new Disk();
    const { handler } = await handlerOn(disk);
    const [one] = batch("a");
    assert.ok(one);
    assert.deepEqual(await handler.report([one, one], LATER), DELIVERED);
    assert.deepEqual(await handler.report([one], LATER), DELIVERED);
    assert.deepEqual(namesIn(disk), ["a", "a", "a"]);
    const exchange = { ...one, kind: "exchange" } as unknown as typeof one;
    const { kind, dropped } = (await handler.report([exchange, one], LATER)) as {
      kind: string;
      dropped?: number;
    };
    assert.deepEqual([kind, dropped, namesIn(disk).length], ["refused", 1, 4]);
  });

  it("wants a batch again while the disk is full, goes on when it is not, and says so once", async () => {
    const disk = new Disk();
    const { handler, host } = await handlerOn(disk);
    disk.mode = "full";
    const records = batch("a", "b");
    for (let attempt = 0; attempt < 3; attempt++) {
      const delivery = await handler.report(records, LATER);
      assert.match(delivery.kind === "retry" ? delivery.reason : delivery.kind, /ENOSPC/);
    }
    assert.equal(handler.status().state, "failing");
    assert.equal(host.lines.length, 1);
    disk.mode = "takes";
    assert.deepEqual(await handler.report(records, LATER), DELIVERED);
    assert.deepEqual([namesIn(disk), handler.status().state], [["a", "b"], "ready"]);
  });

  it("writes nothing twice that the system still holds when the time is up", async () => {
    const disk = new Disk();
    const { handler } = await handlerOn(disk);
    disk.mode = "hangs";
    const records = batch("a", "b");
    assert.equal((await handler.report(records, SOON)).kind, "retry");
    assert.equal((await handler.report(records, SOON)).kind, "retry");
    disk.release();
    assert.deepEqual(await handler.report(records, LATER), DELIVERED);
    assert.deepEqual(namesIn(disk), ["a", "b"]);
  });

  it("keeps the order where a batch was given up that the system still holds", async () => {
    const disk = new Disk();
    const { handler } = await handlerOn(disk);
    disk.mode = "hangs";
    assert.equal((await handler.report(batch("a"), SOON)).kind, "retry");
    assert.equal((await handler.report(batch("b"), SOON)).kind, "retry");
    disk.release();
    assert.deepEqual(await handler.report(batch("c"), LATER), DELIVERED);
    assert.deepEqual(namesIn(disk), ["a", "c"]);
  });

  it("goes on behind what is written of a large batch", async () => {
    const disk = new Disk();
    const { handler } = await handlerOn(disk);
    const records = batch(...Array.from({ length: 2_000 }, (_, index) => `${index} ${"x".repeat(150)}`));
    const append = disk.append.bind(disk);
    disk.append = (lines) => {
      if (disk.taken.length === 1) disk.mode = "full";
      return append(lines);
    };
    assert.equal((await handler.report(records, LATER)).kind, "retry");
    disk.append = append;
    disk.mode = "takes";
    assert.deepEqual(await handler.report(records, LATER), DELIVERED);
    assert.ok(disk.taken.length > 1);
    assert.deepEqual(
      namesIn(disk).map((name) => Number(name.split(" ", 1)[0])),
      records.map((_, index) => index),
    );
  });

  it("counts the lines that it has shortened", async () => {
    const { handler, host } = await handlerOn(new Disk());
    await handler.report(batch("a", "x".repeat(5_000)), LATER);
    assert.equal(host.counted.get("cut_lines_total"), 1);
  });
});
