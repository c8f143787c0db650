import assert from "node:assert/strict";
import type { Answered, Fetched, RememberedOptions } from "../../src/adapter/remembered.ts";
import { OneCall } from "../../src/host/one-call.ts";
import { RememberedAnswers } from "../../src/host/remembered.ts";
import { keptLog } from "./server.ts";

const OPTIONS: RememberedOptions = {
  maxEntries: 100,
  allowedMs: 1_000,
  deniedMs: 100,
  staleMs: 0,
  maxAgeMs: 10_000,
  onFailure: "closed",
  maxAsksPerSecond: 1_000,
  fetchTimeoutMs: 1_000,
};

/** Answers of a back-end whose clock and jitter are the test's. */
function remembering(over: Partial<RememberedOptions> = {}) {
  let nowMs = 0;
  let jitter = 0;
  const log = keptLog();
  const counted = new Map<string, number>();
  const gauges = new Map<string, () => number>();
  const remembered = new RememberedAnswers<string>(
    { ...OPTIONS, ...over },
    {
      log,
      metrics: {
        counter:
          ({ name }) =>
          (by, result = "") => {
            const key = `${name} ${result}`;
            counted.set(key, (counted.get(key) ?? 0) + by);
          },
        gauge: ({ name }, read) => void gauges.set(name, read),
      },
      nowMs: Date.now,
      monotonicMs: () => nowMs,
      random: () => jitter,
    },
  );
  return {
    remembered,
    log,
    counted,
    gauges,
    advance: (ms: number) => void (nowMs += ms),
    setJitter: (part: number) => void (jitter = part),
  };
}

/** A call that has a second left. */
const soon = (leftMs = 1_000): OneCall => new OneCall(Date.now() + leftMs);

const yes = (value = "yes", maxAgeMs?: number): Fetched<string> => ({
  kind: "allowed",
  value,
  ...(maxAgeMs === undefined ? {} : { maxAgeMs }),
});
const no = (value = "no"): Fetched<string> => ({ kind: "denied", value });
const failed: Fetched<string> = { kind: "failed", reason: "503" };

/** A back-end that gives these answers, one after the other, the last for ever, and counts. */
function backEnd(...answers: readonly Fetched<string>[]) {
  let count = 0;
  return {
    asked: () => count,
    fetch: (): Promise<Fetched<string>> =>
      Promise.resolve(answers[Math.min(count++, answers.length - 1)] ?? failed),
  };
}

const summary = (answer: Answered<string>): string =>
  "from" in answer ? `${answer.kind} ${answer.value} ${answer.from}` : `${answer.kind}: ${answer.reason}`;

describe("what is remembered", () => {
  it("is asked for once, and then known without a promise", async () => {
    const { remembered } = remembering();
    const { fetch, asked } = backEnd(yes());
    assert.equal(summary(await remembered.ask(["k"], fetch, soon())), "allowed yes backend");
    const again = remembered.ask(["k"], fetch, soon());
    assert.ok(!(again instanceof Promise));
    assert.equal(summary(again), "allowed yes memory");
    assert.equal(asked(), 1);
  });

  it("is of one key alone, wherever its parts are divided", async () => {
    const { remembered } = remembering();
    const { fetch, asked } = backEnd(yes("a"), no("b"));
    assert.equal(summary(await remembered.ask(["ab", "c"], fetch, soon())), "allowed a backend");
    assert.equal(summary(await remembered.ask(["a", "bc"], fetch, soon())), "denied b backend");
    assert.equal(asked(), 2);
  });
});
