import assert from "node:assert/strict";
import fc from "fast-check";
import type { Call } from "../../src/adapter/adapter.ts";
import type { Delivery, FieldRecord, ReportRecord } from "../../src/adapter/report.ts";
import { DeliveryQueue, type QueueSettings } from "../../src/host/delivery.ts";
import { manualTimers } from "./timers.ts";

const SETTINGS: QueueSettings = { capacity: 10, batch: 3, waitMs: 1_000, deadlineMs: 5_000 };

const record = (rule: string): FieldRecord => ({
  ...{ kind: "fields", rule, observedAtMs: 0, added: new Map(), trace: undefined, timeMs: undefined },
  ...{ severity: "info", fields: new Map() },
});

const delivered: Delivery = { kind: "delivered" };
const retry: Delivery = { kind: "retry", reason: "away" };

type Report = (batch: readonly ReportRecord[], call: Call) => Delivery | Promise<Delivery>;

function queueTo(report: Report, settings: Partial<QueueSettings> = {}) {
  const timers = manualTimers();
  const told: string[] = [];
  const lines: string[] = [];
  const sums = { delivered: 0, dropped: 0 };
  const batches: string[][] = [];
  const queue = new DeliveryQueue({
    report: (batch, call) => {
      batches.push(batch.map((one) => (one.kind === "fields" ? one.rule : "")));
      return report(batch, call);
    },
    settings: { ...SETTINGS, ...settings },
    timers,
    random: () => 1,
    log: {
      info: (_fields, message) => lines.push(message),
      warn: ({ reason }, message) => lines.push(`${message}: ${String(reason)}`),
    },
    events: {
      delivered: (records) => {
        sums.delivered += records;
      },
      dropped: (reason, records) => {
        sums.dropped += records;
        told.push(`${reason} ${records}`);
      },
      batch: (result, seconds) => told.push(`${result} after ${seconds} s`),
    },
  });
  const add = (...rules: string[]): void => {
    for (const rule of rules) queue.add(record(rule));
  };
  return { queue, add, timers, told, lines, sums, batches };
}

describe("a handler's queue", () => {
  it("feeds a handler that answers at once without a promise, by size and then by age", async () => {
    const { queue, add, timers, batches, sums } = queueTo(() => delivered);
    add("1", "2", "3", "4");
    assert.deepEqual(batches, [["1", "2", "3"]]);
    assert.equal(queue.count, 1);
    await timers.advance(999);
    assert.equal(batches.length, 1);
    await timers.advance(1);
    assert.deepEqual(batches[1], ["4"]);
    assert.deepEqual([queue.count, sums.delivered, timers.waiting()], [0, 4, 0]);
  });

  it("has one batch under way at a time, and drops the newest where there is no room", async () => {
    const first = Promise.withResolvers<Delivery>();
    const { queue, add, timers, batches, told } = queueTo((batch) =>
      batches[0]?.length === batch.length && batches.length === 1 ? first.promise : delivered,
    );
    add(...Array.from({ length: 12 }, (_, index) => String(index)));
    assert.deepEqual(batches, [["0", "1", "2"]]);
    assert.deepEqual([queue.count, told], [10, ["queue_full 1", "queue_full 1"]]);
    first.resolve(delivered);
    await timers.advance(0);
    assert.deepEqual(batches.slice(1), [
      ["3", "4", "5"],
      ["6", "7", "8"],
    ]);
    await timers.advance(1_000);
    assert.deepEqual(batches.at(-1), ["9"]);
  });

  it("tries again with growing pauses, and says once that it fails and once that it works", async () => {
    let away = true;
    const { add, timers, batches, lines, told, sums } = queueTo(() => (away ? retry : delivered));
    add("1", "2", "3");
    await timers.advance(249);
    assert.equal(batches.length, 1);
    await timers.advance(1);
    assert.equal(batches.length, 2);
    away = false;
    await timers.advance(500);
    assert.deepEqual(told, ["retried after 0 s", "retried after 0 s", "delivered after 0 s"]);
    assert.deepEqual(lines, [
      "records cannot be delivered; they are tried again, then dropped: away",
      "records are delivered again",
    ]);
    assert.equal(sums.delivered, 3);
  });

  it("waits as long as the other end asks for", async () => {
    const { add, timers, batches } = queueTo(() => ({ ...retry, afterMs: 20_000 }));
    add("1", "2", "3");
    await timers.advance(19_999);
    assert.equal(batches.length, 1);
    await timers.advance(1);
    assert.equal(batches.length, 2);
  });

  it("does not ask earlier for the next batch either, where the wait is beyond the budget", async () => {
    const { add, timers, batches, told } = queueTo(() => ({ ...retry, afterMs: 120_000 }));
    add("1", "2", "3", "4", "5", "6");
    await timers.advance(1);
    assert.deepEqual([batches.length, told], [1, ["failed after 0 s", "gave_up 3"]]);
    await timers.advance(119_000);
    assert.equal(batches.length, 1);
    await timers.advance(1_000);
    assert.deepEqual(batches[1], ["4", "5", "6"]);
  });

  it("gives a batch up after its budget, and leaves a handler alone that fails again and again", async () => {
    const { add, timers, batches, told, queue } = queueTo(() => Promise.reject(new Error("no route")));
    add("1", "2", "3", "4", "5", "6");
    await timers.advance(5 * 60_000);
    assert.equal(queue.count, 0);
    const reasons = told.filter((one) => / 3$/.test(one));
    assert.equal(reasons.length, 2, told.join(", "));
    assert.match(reasons[0] ?? "", /^(gave_up|breaker_open) 3$/);
    assert.ok(batches.length <= 16, `${batches.length} attempts`);
    assert.ok(told.some((one) => one.startsWith("failed")));
  });

  it("ends an attempt at its deadline by the signal, and tries again", async () => {
    const signals: AbortSignal[] = [];
    const { add, timers, batches, told } = queueTo((_batch, { signal, deadlineAtMs }) => {
      assert.equal(deadlineAtMs, timers.nowMs() + 5_000);
      signals.push(signal);
      return new Promise(() => undefined);
    });
    add("1", "2", "3");
    await timers.advance(5_250);
    assert.deepEqual(
      signals.map(({ aborted }) => aborted),
      [true, false],
    );
    assert.deepEqual([batches.length, told], [2, ["retried after 5 s"]]);
  });

  it("counts what the other end refuses, and delivers the rest", () => {
    const { add, told, sums, lines } = queueTo(() => ({ kind: "refused", dropped: 2, reason: "too old" }));
    add("1", "2", "3");
    assert.deepEqual([told, sums.delivered], [["refused after 0 s", "refused 2"], 1]);
    assert.deepEqual(lines, ["records were refused: too old"]);
  });

  const NO_ANSWERS = [undefined, null, "delivered", {}, { kind: "refused", dropped: 4 }, { kind: "refused" }];
  for (const answer of NO_ANSWERS) {
    it(`takes ${JSON.stringify(answer)} for no answer: the batch is tried again`, async () => {
      let answers = 0;
      const { add, timers, sums, told } = queueTo(() => (answers++ === 0 ? (answer as Delivery) : delivered));
      add("1", "2", "3");
      await timers.advance(250);
      assert.deepEqual([told[0], sums], ["retried after 0 s", { delivered: 3, dropped: 0 }]);
    });
  }

  it("delivers what waits when it is closed, without waiting for batches to fill", async () => {
    const { queue, add, timers, batches, sums } = queueTo(() => Promise.resolve(delivered));
    add("1", "2", "3", "4");
    await queue.close(1_000);
    await queue.close(0);
    assert.deepEqual(batches, [["1", "2", "3"], ["4"]]);
    add("5");
    assert.deepEqual([sums, queue.count, timers.waiting()], [{ delivered: 4, dropped: 1 }, 0, 0]);
  });

  it("tries at once when it is closed, and drops the rest when the time is up", async () => {
    const { queue, add, timers, batches, told, sums } = queueTo(() => retry);
    add("1", "2", "3", "4");
    await timers.advance(10);
    const closed = queue.close(2_000);
    await timers.advance(0);
    assert.equal(batches.length, 2, "the attempt that waited is made now");
    await timers.advance(250);
    assert.equal(batches.length, 3, "and the next one soon");
    await timers.advance(2_000);
    await closed;
    assert.deepEqual([sums, queue.count], [{ delivered: 0, dropped: 4 }, 0]);
    assert.ok(told.includes("shutdown 4"), told.join(", "));
    await timers.advance(60_000);
    assert.deepEqual([sums.dropped, timers.waiting()], [4, 0]);
  });

  it("does not wait for a handler that never answers when it is closed", async () => {
    let signal: AbortSignal | undefined;
    const { queue, add, timers, sums } = queueTo((_batch, call) => {
      signal = call.signal;
      return new Promise(() => undefined);
    });
    add("1", "2", "3");
    const closed = queue.close(500);
    await timers.advance(500);
    await closed;
    await timers.advance(0);
    assert.deepEqual([signal?.aborted, sums.dropped, timers.waiting()], [true, 3, 0]);
  });

  it("goes on under other settings, with what waits", async () => {
    const { queue, add, timers, batches } = queueTo(() => delivered);
    add("1", "2");
    queue.follow({ ...SETTINGS, batch: 1, capacity: 2 });
    add("3");
    assert.deepEqual([queue.capacity, batches], [2, []]);
    await timers.advance(1_000);
    assert.deepEqual(batches, [["1", "2"]]);
  });

  it("loses no record: each is delivered, dropped, or there", async () => {
    const answers = fc.constantFrom<Delivery | "throws" | "hangs">(
      ...([delivered, retry, { ...retry, afterMs: 70_000 }, "throws", "hangs"] as const),
      { kind: "refused", dropped: 1, reason: "bad" },
    );
    const steps = fc.array(
      fc.oneof(
        fc.record({ add: fc.integer({ min: 1, max: 15 }) }),
        fc.record({ passMs: fc.integer({ min: 0, max: 90_000 }) }),
      ),
      { maxLength: 25 },
    );
    const sample = fc.record({ answers: fc.infiniteStream(fc.tuple(answers, fc.boolean())), steps });
    await fc.assert(
      fc.asyncProperty(sample, async ({ answers: given, steps: made }) => {
        let added = 0;
        const { queue, add, timers, sums } = queueTo(() => {
          const next = given.next();
          const [answer, isAtOnce] = next.done === true ? [delivered, true] : next.value;
          if (answer === "throws") throw new Error("broken");
          if (answer === "hangs") return new Promise<Delivery>(() => undefined);
          return isAtOnce ? answer : Promise.resolve(answer);
        });
        const balanced = (): void => {
          assert.equal(added, sums.delivered + sums.dropped + queue.count);
          assert.ok(queue.count >= 0 && queue.count <= queue.capacity);
        };
        for (const step of made) {
          if ("add" in step) {
            for (let one = 0; one < step.add; one++, added++) add(String(added));
          } else await timers.advance(step.passMs);
          balanced();
        }
        const closed = queue.close(1_000);
        await timers.advance(1_000);
        await closed;
        balanced();
        assert.equal(queue.count, 0);
      }),
      { numRuns: 100 },
    );
  });
});
