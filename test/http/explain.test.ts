import assert from "node:assert/strict";
import { explainAnswerer, type Explained } from "../../src/http/explain.ts";

const DONE: Explained = { kind: "explained", explanation: { verdict: "allow" } };
const TEXT = Buffer.from("{}");

describe("who wants something explained", () => {
  it("waits while another is answered, and is answered afterwards, also after an exception", async () => {
    const first = Promise.withResolvers<Explained>();
    const answers = [first.promise, Promise.resolve(DONE)];
    const answer = explainAnswerer(() => answers.shift() ?? Promise.reject(new Error("asked too often")));
    const begun = answer(TEXT);
    assert.equal((await answer(TEXT)).status, 429);
    first.reject(new Error("an exception"));
    await assert.rejects(begun, /an exception/);
    assert.deepEqual(await answer(TEXT), { status: 200, body: { verdict: "allow" } });
  });

  it("gets few explanations a second", async () => {
    let asked = 0;
    const answer = explainAnswerer(() => {
      asked++;
      return Promise.resolve(DONE);
    });
    const statuses = [];
    for (let times = 0; times < 30; times++) statuses.push((await answer(TEXT)).status);
    // The thirty may fall into two seconds.
    assert.ok(asked >= 5 && asked <= 10, `${asked} were explained`);
    assert.equal(statuses.filter((status) => status === 429).length, 30 - asked);
  });
});
