import assert from "node:assert/strict";
import { repeat } from "../../src/host/repeat.ts";
import { until } from "../support/until.ts";

describe("a repeated task", () => {
  it("runs again after it ended, never twice at a time", async () => {
    let running = 0;
    let most = 0;
    let runs = 0;
    const stop = repeat(
      1,
      async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 5));
        running--;
        runs++;
      },
      () => assert.fail("no error"),
    );
    await until(() => runs >= 3, { what: "three runs" });
    stop();
    assert.equal(most, 1);
  });

  it("goes on after an error, which is reported, and whether it throws or rejects", async () => {
    const errors: unknown[] = [];
    const stop = repeat(
      1,
      () => {
        if (errors.length % 2 === 0) throw new Error("thrown");
        return Promise.reject(new Error("rejected"));
      },
      (error) => errors.push(String(error)),
    );
    await until(() => errors.length >= 4, { what: "four errors" });
    stop();
    assert.deepEqual(errors.slice(0, 2), ["Error: thrown", "Error: rejected"]);
  });

  it("is over when it is stopped, in the midst of a run too, and reports nothing more", async () => {
    const begun = Promise.withResolvers<undefined>();
    const ending = Promise.withResolvers<undefined>();
    const ended = Promise.withResolvers<undefined>();
    let runs = 0;
    const stop = repeat(
      1,
      async () => {
        runs++;
        begun.resolve(undefined);
        await ending.promise;
        setImmediate(() => ended.resolve(undefined));
        throw new Error("after the stop");
      },
      () => assert.fail("an error after the stop"),
    );
    await begun.promise;
    stop();
    stop();
    ending.resolve(undefined);
    await ended.promise;
    const timers = process.getActiveResourcesInfo().filter((name) => name === "Timeout");
    assert.equal(runs, 1);
    // Mocha's own timer may be there.
    assert.ok(timers.length <= 1, timers.join());
  });
});
