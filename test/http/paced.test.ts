import assert from "node:assert/strict";
import { paced } from "../../src/http/paced.ts";

describe("a paced task", () => {
  it("is begun one at a time, and again after an exception", async () => {
    const first = Promise.withResolvers<string>();
    const answers = [first.promise, Promise.resolve("second")];
    const task = paced(100, () => answers.shift() ?? assert.fail("begun too often"));
    const begun = task(undefined);
    assert.equal(await task(undefined), undefined);
    first.reject(new Error("an exception"));
    await assert.rejects(begun, /an exception/);
    assert.equal(await task(undefined), "second");
  });

  it("is begun so often a second", async () => {
    const task = paced(3, (input: number) => Promise.resolve(input));
    const answers: (number | undefined)[] = [];
    for (let index = 0; index < 20; index++) answers.push(await task(index));
    const begun = answers.filter((answer) => answer !== undefined).length;
    // The twenty may fall into two seconds.
    assert.ok(begun >= 3 && begun <= 6, String(begun));
  });
});
