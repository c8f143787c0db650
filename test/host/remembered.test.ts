import assert from "node:assert/strict";
import fc from "fast-check";
import type { Call } from "../../src/adapter/adapter.ts";
import type { Answered, FailurePolicy, Fetched, RememberedOptions } from "../../src/adapter/remembered.ts";
import { OneCall } from "../../src/host/one-call.ts";
import { RememberedAnswers } from "../../src/host/remembered.ts";
import { until } from "../support/until.ts";
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
    const { remembered, counted, gauges } = remembering();
    const { fetch, asked } = backEnd(yes());
    assert.equal(summary(await remembered.ask(["k"], fetch, soon())), "allowed yes backend");
    const again = remembered.ask(["k"], fetch, soon());
    assert.ok(!(again instanceof Promise));
    assert.equal(summary(again), "allowed yes memory");
    assert.equal(asked(), 1);
    assert.deepEqual(Object.fromEntries(counted), {
      "answers_total miss": 1,
      "answers_total hit": 1,
      "fetches_total allowed": 1,
    });
    assert.equal(gauges.get("answers")?.(), 1);
    assert.deepEqual(remembered.status(), { state: "ready", detail: "1 answers known" });
  });

  it("is of one key alone, wherever its parts are divided", async () => {
    const { remembered } = remembering();
    const { fetch } = backEnd(yes("a"), no("b"));
    assert.equal(summary(await remembered.ask(["ab", "c"], fetch, soon())), "allowed a backend");
    assert.equal(summary(await remembered.ask(["a", "bc"], fetch, soon())), "denied b backend");
    assert.equal(summary(await remembered.ask(["ab", "c"], fetch, soon())), "allowed a memory");
  });

  it("is asked for once by all who ask at the same time", async () => {
    const { remembered } = remembering();
    const { fetch, asked } = backEnd(yes());
    const answers = await Promise.all(Array.from({ length: 50 }, () => remembered.ask(["k"], fetch, soon())));
    assert.deepEqual([...new Set(answers.map(summary))], ["allowed yes backend"]);
    assert.equal(asked(), 1);
  });

  it("lasts for times of its own for yes and no, which the back-end can shorten", async () => {
    const rows: readonly (readonly [Fetched<string>, known: number, unknown: number])[] = [
      [yes(), 999, 1_000],
      [no(), 99, 100],
      [yes("yes", 30), 29, 30],
      [yes("yes", 99_999), 999, 1_000],
      [yes("yes", 0), -1, 0],
      [yes("yes", Number.NaN), -1, 0],
    ];
    for (const [answer, known, unknown] of rows) {
      const { remembered, advance } = remembering();
      const { fetch, asked } = backEnd(answer);
      await remembered.ask(["k"], fetch, soon());
      if (known >= 0) {
        advance(known);
        assert.ok(!(remembered.ask(["k"], fetch, soon()) instanceof Promise), `known after ${known} ms`);
      }
      advance(unknown - Math.max(known, 0));
      await remembered.ask(["k"], fetch, soon());
      assert.equal(asked(), 2, `unknown after ${unknown} ms`);
    }
  });

  it("ends up to a tenth earlier, never later", async () => {
    const { remembered, advance, setJitter } = remembering();
    setJitter(1);
    const { fetch, asked } = backEnd(yes());
    await remembered.ask(["k"], fetch, soon());
    advance(899);
    await remembered.ask(["k"], fetch, soon());
    assert.equal(asked(), 1);
    advance(1);
    await remembered.ask(["k"], fetch, soon());
    assert.equal(asked(), 2);
  });

  it("is used while it is asked anew, where it is a yes", async () => {
    const { remembered, advance } = remembering({ staleMs: 500 });
    const { fetch, asked } = backEnd(yes("old"), no("new"));
    await remembered.ask(["k"], fetch, soon());
    advance(1_200);
    const stale = remembered.ask(["k"], fetch, soon());
    assert.ok(!(stale instanceof Promise));
    assert.equal(summary(stale), "allowed old stale");
    await until(() => asked() === 2, { what: "a second question" });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(summary(await remembered.ask(["k"], fetch, soon())), "denied new memory");
    // A no is asked for anew, and who asks waits.
    advance(150);
    assert.equal(summary(await remembered.ask(["k"], fetch, soon())), "denied new backend");
  });

  it("is not used while it is asked anew after that time", async () => {
    const { remembered, advance } = remembering({ staleMs: 500 });
    const { fetch } = backEnd(yes("old"), no("new"));
    await remembered.ask(["k"], fetch, soon());
    advance(1_500);
    assert.equal(summary(await remembered.ask(["k"], fetch, soon())), "denied new backend");
  });

  it("is forgotten when it is told to, with the answer that is under way", async () => {
    const { remembered } = remembering();
    const late = Promise.withResolvers<Fetched<string>>();
    const first = remembered.ask(["k"], () => late.promise, soon());
    remembered.forget(["k"]);
    const { fetch, asked } = backEnd(no());
    assert.equal(summary(await remembered.ask(["k"], fetch, soon())), "denied no backend");
    late.resolve(yes());
    assert.equal(summary(await first), "allowed yes backend");
    assert.equal(summary(await remembered.ask(["k"], fetch, soon())), "denied no memory");
    assert.equal(asked(), 1);
  });

  it("is no more than its bound, and what is used stays", async () => {
    const { remembered, gauges } = remembering({ maxEntries: 10 });
    const { fetch, asked } = backEnd(yes());
    await remembered.ask(["used"], fetch, soon());
    for (let index = 0; index < 50; index++) {
      await remembered.ask([String(index)], fetch, soon());
      assert.ok(!(remembered.ask(["used"], fetch, soon()) instanceof Promise), "it is known");
    }
    assert.equal(asked(), 51);
    assert.equal(gauges.get("answers")?.(), 10);
  });

  it("goes on being asked for when the first who asked has no more time", async () => {
    const { remembered } = remembering();
    const late = Promise.withResolvers<Fetched<string>>();
    let asked = 0;
    const fetch = (): Promise<Fetched<string>> => (asked++, late.promise);
    const hurried = remembered.ask(["k"], fetch, soon(20));
    const patient = remembered.ask(["k"], fetch, soon());
    assert.equal(summary(await hurried), "failed: the back-end did not answer in time");
    late.resolve(yes());
    assert.equal(summary(await patient), "allowed yes backend");
    assert.equal(summary(await remembered.ask(["k"], fetch, soon())), "allowed yes memory");
    assert.equal(asked, 1);
  });

  it("is not waited for when the call is aborted, or after the back-end's own time", async () => {
    const { remembered } = remembering({ fetchTimeoutMs: 20 });
    let signal: AbortSignal | undefined;
    const hang = (call: Call): Promise<Fetched<string>> => {
      signal = call.signal;
      return new Promise(() => undefined);
    };
    assert.match(summary(await remembered.ask(["a"], hang, soon(60_000))), /did not answer in time/);
    assert.equal(signal?.aborted, true);
    const call = soon(60_000);
    const asked = remembered.ask(["b"], hang, call);
    call.abort();
    assert.match(summary(await asked), /did not answer in time/);
  });

  it("is nothing when asking failed, and asking once more is for what is safe", async () => {
    const { remembered, log } = remembering();
    const broken = backEnd(failed, yes());
    assert.equal(summary(await remembered.ask(["k"], broken.fetch, soon())), "failed: 503");
    assert.equal(remembered.status().state, "failing");
    assert.match(remembered.status().detail, /the back-end fails: 503; 0 answers known/);
    assert.equal(summary(await remembered.ask(["k"], broken.fetch, soon())), "allowed yes backend");
    assert.equal(remembered.status().state, "ready");
    assert.equal(log.lines.length, 2);

    const safe = backEnd({ kind: "failed", reason: "gone", retry: "safe" }, yes());
    assert.equal(summary(await remembered.ask(["l"], safe.fetch, soon())), "allowed yes backend");
    assert.equal(safe.asked(), 2);

    const thrown = remembered.ask(["m"], () => Promise.reject(new Error("broken")), soon());
    assert.equal(summary(await thrown), "failed: broken");
    const thrower = (): Promise<Fetched<string>> => {
      throw new Error("broken at once");
    };
    assert.equal(summary(await remembered.ask(["n"], thrower, soon())), "failed: broken at once");
    const foreign = backEnd({ kind: "perhaps" } as unknown as Fetched<string>);
    assert.match(summary(await remembered.ask(["o"], foreign.fetch, soon())), /failed: .*is no answer/);
  });

  it("raises an alarm where our own credentials are refused, and lets nobody in for that", async () => {
    const { remembered, log, counted } = remembering({ onFailure: "open" });
    const misconfigured: Fetched<string> = { kind: "misconfigured", reason: "our token is refused" };
    const { fetch } = backEnd(misconfigured);
    assert.equal(summary(await remembered.ask(["k"], fetch, soon())), "misconfigured: our token is refused");
    assert.match(log.lines[0] ?? "", /refuses our own credentials or settings.*our token is refused/);
    assert.match(remembered.status().detail, /refuses our own credentials or settings/);
    assert.equal(counted.get("answers_total misconfigured"), 1);
    assert.equal(counted.get("fetches_total misconfigured"), 1);
  });

  it("is used by the failure policy while the back-end fails", async () => {
    const rows: readonly (readonly [FailurePolicy, Fetched<string>, known: string, unknown: string])[] = [
      ["closed", yes(), "failed: 503", "failed: 503"],
      ["resilient", yes(), "allowed yes stale", "failed: 503"],
      ["resilient", no(), "denied no stale", "failed: 503"],
      ["open", yes(), "allowed yes stale", "open: 503"],
      ["open", no(), "denied no stale", "open: 503"],
    ];
    for (const [onFailure, answer, known, unknown] of rows) {
      const { remembered, advance } = remembering({ onFailure });
      const { fetch } = backEnd(answer, failed);
      await remembered.ask(["k"], fetch, soon());
      advance(9_999);
      assert.equal(summary(await remembered.ask(["k"], fetch, soon())), known, `${onFailure}, known`);
      assert.equal(summary(await remembered.ask(["l"], fetch, soon())), unknown, `${onFailure}, unknown`);
      advance(1);
      assert.equal(summary(await remembered.ask(["k"], fetch, soon())), unknown, `${onFailure}, too old`);
    }
  });

  it("is used by the failure policy while the back-end hangs, before the check's own time is up", async () => {
    const { remembered, advance } = remembering({ onFailure: "resilient" });
    await remembered.ask(["k"], backEnd(yes()).fetch, soon());
    advance(2_000);
    const call = soon(40);
    const answer = await remembered.ask(["k"], () => new Promise(() => undefined), call);
    assert.ok(Date.now() <= call.deadlineAtMs + 5, "in time");
    assert.equal(summary(answer), "allowed yes stale");
    await remembered.close();
  });

  it("spares a back-end that fails again and again, and says why", async () => {
    const { remembered, advance } = remembering();
    const { fetch, asked } = backEnd(failed);
    for (let index = 0; index < 20; index++) await remembered.ask([String(index)], fetch, soon());
    assert.equal(asked(), 5);
    const answer = await remembered.ask(["k"], fetch, soon());
    assert.equal(summary(answer), "failed: 503 (it is left alone for a moment)");
    advance(1_000);
    await remembered.ask(["k"], fetch, soon());
    assert.equal(asked(), 6);
  });

  it("says no to floods of what nobody has asked, by whatever policy, and knows whom it knows", async () => {
    const { remembered, advance, counted } = remembering({ maxAsksPerSecond: 10, onFailure: "open" });
    const { fetch, asked } = backEnd(yes());
    await remembered.ask(["known"], fetch, soon());
    advance(5_000);
    const answers = await Promise.all(
      Array.from({ length: 10_000 }, (_, index) => remembered.ask([String(index)], fetch, soon())),
    );
    // The second may end in between, and another begin.
    assert.ok(asked() <= 20, `${asked()} reached the back-end`);
    assert.ok((counted.get("answers_total guarded") ?? 0) >= 9_980);
    assert.equal(summary(answers.at(-1) ?? fail()), "guarded: too many unknown credentials");
    assert.equal(summary(await remembered.ask(["known"], fetch, soon())), "allowed yes backend");
  });

  it("says no to a flood of one part without taking anything from the others", async () => {
    const { remembered } = remembering({ maxAsksPerSecond: 100, maxAsksPerPartPerSecond: 5 });
    const { fetch, asked } = backEnd(no());
    for (let index = 0; index < 1_000; index++)
      await remembered.ask(["app", String(index)], fetch, soon(), "app");
    assert.ok(asked() <= 10, `${asked()} reached the back-end`);
    assert.equal(
      summary(await remembered.ask(["other", "key"], fetch, soon(), "other")),
      "denied no backend",
    );
  });

  it("ends with what is under way, and asks nobody afterwards", async () => {
    const { remembered } = remembering({ onFailure: "resilient" });
    await remembered.ask(["known"], backEnd(yes()).fetch, soon());
    let signal: AbortSignal | undefined;
    const hang = (call: Call): Promise<Fetched<string>> => {
      signal = call.signal;
      return new Promise(() => undefined);
    };
    const asked = remembered.ask(["k"], hang, soon());
    await until(() => signal !== undefined, { what: "a question" });
    await remembered.close();
    await remembered.close();
    assert.equal(summary(await asked), "failed: the handler is closed");
    assert.equal(signal?.aborted, true);
    const { fetch, asked: count } = backEnd(yes());
    assert.equal(summary(await remembered.ask(["l"], fetch, soon())), "failed: the handler is closed");
    assert.equal(summary(await remembered.ask(["known"], fetch, soon())), "allowed yes memory");
    assert.equal(count(), 0);
  });

  it("has a bound on what is asked at a time, which lets nobody in", async () => {
    const { remembered, advance } = remembering({ onFailure: "open", maxEntries: 1_000 });
    await remembered.ask(["known"], backEnd(yes()).fetch, soon());
    advance(1_000);
    const hang = (): Promise<Fetched<string>> => new Promise(() => undefined);
    const hanging = Array.from({ length: 250 }, (_, index) => remembered.ask([String(index)], hang, soon()));
    const { fetch, asked } = backEnd(yes());
    const next = await remembered.ask(["next"], fetch, soon());
    assert.equal(summary(next), "guarded: too many questions are under way");
    assert.equal(summary(await remembered.ask(["known"], fetch, soon())), "allowed yes stale");
    assert.equal(asked(), 0);
    await remembered.close();
    await Promise.all(hanging);
  });

  it("is never older than it may be, and of its own key, whatever happens in between", async () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant("ask" as const), key: fc.integer({ min: 0, max: 3 }) }),
        fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 2_000 }) }),
        fc.record({
          kind: fc.constant("turn" as const),
          to: fc.constantFrom("yes" as const, "no" as const, "fails" as const),
        }),
      ),
      { maxLength: 40 },
    );
    const policies = fc.constantFrom<FailurePolicy>("closed", "resilient", "open");
    const property = fc.asyncProperty(steps, policies, async (steps, onFailure) => {
      const { remembered, advance } = remembering({ onFailure, staleMs: 300, maxAgeMs: 3_000 });
      let mode: "yes" | "no" | "fails" = "yes";
      let nowMs = 0;
      const said = new Map<string, { kind: string; atMs: number }>();
      for (const step of steps) {
        if (step.kind === "turn") mode = step.to;
        if (step.kind === "wait") advance(((nowMs += step.ms), step.ms));
        if (step.kind !== "ask") continue;
        const key = `key ${step.key}`;
        const fetch = (): Promise<Fetched<string>> => {
          if (mode === "fails") return Promise.resolve(failed);
          const answer = mode === "yes" ? yes(key) : no(key);
          said.set(key, { kind: answer.kind, atMs: nowMs });
          return Promise.resolve(answer);
        };
        const before = said.get(key);
        const answer = await remembered.ask([key], fetch, soon());
        await new Promise((resolve) => setImmediate(resolve));
        if (!("from" in answer)) {
          assert.ok(answer.kind === "failed" || onFailure === "open", "it passes by policy alone");
          continue;
        }
        assert.equal(answer.value, key);
        if (answer.from === "backend") continue;
        assert.equal(answer.kind, before?.kind, "the last that was said");
        const ageMs = nowMs - (before?.atMs ?? 0);
        assert.equal(answer.ageMs, ageMs);
        const mostMs = answer.kind === "allowed" ? 1_300 : 100;
        assert.ok(ageMs < (answer.from === "stale" && onFailure !== "closed" ? 3_000 : mostMs));
      }
    });
    await fc.assert(property, { numRuns: 100 });
  });
});

const fail = (): never => assert.fail("there is no answer");
