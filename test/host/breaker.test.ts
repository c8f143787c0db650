import assert from "node:assert/strict";
import { Breaker, BreakerOpen } from "../../src/host/breaker.ts";
import { standingClock } from "./server.ts";

describe("a breaker", () => {
  const make = () => {
    const clock = standingClock();
    return { clock, breaker: new Breaker({ failures: 3, openMs: 1_000, nowMs: clock.nowMs }) };
  };
  const fail = (breaker: Breaker): Promise<void> =>
    assert.rejects(
      breaker.run(() => Promise.reject(new Error("away"))),
      /away/,
    );
  const succeed = (breaker: Breaker): Promise<string> => breaker.run(() => Promise.resolve("fine"));
  const isSpared = (breaker: Breaker): Promise<void> => assert.rejects(succeed(breaker), BreakerOpen);

  it("stays closed while failures do not follow one another", async () => {
    const { breaker } = make();
    for (let turn = 0; turn < 5; turn++) {
      await fail(breaker);
      await fail(breaker);
      assert.equal(await succeed(breaker), "fine");
    }
    assert.equal(breaker.state, "closed");
  });

  it("opens after so many in a row, tries one call after a while, and closes when it succeeds", async () => {
    const { breaker, clock } = make();
    for (let turn = 0; turn < 3; turn++) await fail(breaker);
    assert.equal(breaker.state, "open");
    clock.advance(999);
    await isSpared(breaker);
    clock.advance(1);
    const probe = Promise.withResolvers<string>();
    const running = breaker.run(() => probe.promise);
    assert.equal(breaker.state, "half-open");
    await isSpared(breaker);
    probe.resolve("back");
    assert.equal(await running, "back");
    assert.equal(breaker.state, "closed");
    await fail(breaker);
    assert.equal(breaker.state, "closed");
  });

  it("opens again when the one that tries fails", async () => {
    const { breaker, clock } = make();
    for (let turn = 0; turn < 3; turn++) await fail(breaker);
    clock.advance(1_000);
    await fail(breaker);
    await isSpared(breaker);
    clock.advance(1_000);
    assert.equal(await succeed(breaker), "fine");
  });

  it("counts a value that is a failure, and answers it", async () => {
    const { breaker } = make();
    const call = (): Promise<number> =>
      breaker.run(
        () => Promise.resolve(503),
        (status) => status >= 500,
      );
    for (let turn = 0; turn < 3; turn++) assert.equal(await call(), 503);
    await assert.rejects(call(), BreakerOpen);
  });

  it("is not moved by calls that began before it opened", async () => {
    const { breaker } = make();
    const late = Promise.withResolvers<string>();
    const early = breaker.run(() => late.promise);
    for (let turn = 0; turn < 3; turn++) await fail(breaker);
    late.resolve("late");
    await early;
    assert.equal(breaker.state, "open");
  });

  it("counts a call that throws at once", async () => {
    const { breaker } = make();
    const call = (): Promise<never> =>
      breaker.run(() => {
        throw new Error("at once");
      });
    for (let turn = 0; turn < 3; turn++) await assert.rejects(call(), /at once/);
    assert.equal(breaker.state, "open");
  });
});
