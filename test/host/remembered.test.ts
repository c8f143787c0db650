import assert from "node:assert/strict";
import type { Call } from "../../src/adapter/adapter.ts";
import type { FailurePolicy, Fetched } from "../../src/adapter/remembered.ts";
import { until } from "../support/until.ts";
import { backEnd, failed, no, remembering, soon, summary, yes } from "./remembering.ts";

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
    const answers = await Promise.all(
      Array.from({ length: 50 }, async () => remembered.ask(["k"], fetch, soon())),
    );
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
    // Timers fire in their order, however late.
    const { promise: late, resolve } = Promise.withResolvers<"late">();
    const timer = setTimeout(() => resolve("late"), 40);
    const answered = remembered.ask(["k"], () => new Promise(() => undefined), soon(40));
    const answer = await Promise.race([answered, late]);
    clearTimeout(timer);
    await remembered.close();
    assert.ok(answer !== "late", "in time");
    assert.equal(summary(answer), "allowed yes stale");
  });
});
