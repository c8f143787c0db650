import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { Retired } from "../../src/runtime/retired.ts";
import { until } from "../support/until.ts";

describe("what is retired", () => {
  const ended: string[] = [];
  const end = (name: string) => () => {
    ended.push(name);
    return Promise.resolve();
  };
  beforeEach(() => void ended.splice(0));

  it("is ended when its time has come, once", async () => {
    const retired = new Retired();
    retired.add(60_000, end("late"));
    retired.add(1, end("soon"));
    await until(() => ended.length > 0, { what: "the first to end" });
    assert.deepEqual(ended, ["soon"]);
    await retired.close();
    await retired.close();
    assert.deepEqual(ended, ["soon", "late"]);
  });

  it("is waited for when all is closed, also where it has begun to end", async () => {
    const retired = new Retired();
    const slow = Promise.withResolvers<undefined>();
    let hasBegun = false;
    retired.add(1, async () => {
      hasBegun = true;
      await slow.promise;
      ended.push("slow");
    });
    await until(() => hasBegun, { what: "it to begin to end" });
    let isClosed = false;
    const closing = retired.close().then(() => (isClosed = true));
    await turn();
    assert.equal(isClosed, false);
    slow.resolve(undefined);
    await closing;
    assert.deepEqual(ended, ["slow"]);
  });

  it("never is more than so much: the oldest ends first", async () => {
    const retired = new Retired();
    for (let index = 0; index < 103; index++) retired.add(60_000, end(String(index)));
    assert.deepEqual(ended, ["0", "1", "2"]);
    await retired.close();
    assert.equal(ended.length, 103);
  });
});
