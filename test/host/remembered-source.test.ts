import assert from "node:assert/strict";
import type { Call } from "../../src/adapter/adapter.ts";
import type { Fetched } from "../../src/adapter/remembered.ts";
import { until } from "../support/until.ts";
import { backEnd, failed, remembering, soon, summary, yes } from "./remembering.ts";

describe("a back-end whose answers are remembered", () => {
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
});
