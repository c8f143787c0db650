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
export function remembering(over: Partial<RememberedOptions> = {}) {
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
export const soon = (leftMs = 1_000): OneCall => new OneCall(Date.now() + leftMs);

export const yes = (value = "yes", maxAgeMs?: number): Fetched<string> => ({
  kind: "allowed",
  value,
  ...(maxAgeMs === undefined ? {} : { maxAgeMs }),
});
export const no = (value = "no"): Fetched<string> => ({ kind: "denied", value });
export const failed: Fetched<string> = { kind: "failed", reason: "503" };

/** A back-end that gives these answers, one after the other, the last for ever, and counts. */
export function backEnd(...answers: readonly Fetched<string>[]) {
  let count = 0;
  return {
    asked: () => count,
    fetch: (): Promise<Fetched<string>> =>
      Promise.resolve(answers[Math.min(count++, answers.length - 1)] ?? failed),
  };
}

export const summary = (answer: Answered<string>): string =>
  "from" in answer ? `${answer.kind} ${answer.value} ${answer.from}` : `${answer.kind}: ${answer.reason}`;
