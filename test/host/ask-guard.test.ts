import assert from "node:assert/strict";
import type { Fetched } from "../../src/adapter/remembered.ts";
import { backEnd, no, remembering, soon, summary, yes } from "./remembering.ts";

describe("a back-end whose answers are remembered", () => {
  it("says no to floods of what nobody has asked, by whatever policy, and knows whom it knows", async () => {
    const { remembered, advance, counted } = remembering({ maxAsksPerSecond: 10, onFailure: "open" });
    const { fetch, asked } = backEnd(yes());
    await remembered.ask(["known"], fetch, soon());
    advance(5_000);
    const answers = await Promise.all(
      Array.from({ length: 10_000 }, async (_, index) => remembered.ask([String(index)], fetch, soon())),
    );
    // The second may end in between, and another begin.
    assert.ok(asked() <= 20, `${asked()} reached the back-end`);
    assert.ok((counted.get("answers_total guarded") ?? 0) >= 9_980);
    assert.equal(summary(answers.at(-1) ?? assert.fail()), "guarded: too many unknown credentials");
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

  it("has a bound on what is asked at a time, which lets nobody in", async () => {
    const { remembered, advance } = remembering({ onFailure: "open", maxEntries: 1_000 });
    await remembered.ask(["known"], backEnd(yes()).fetch, soon());
    advance(1_000);
    const hang = (): Promise<Fetched<string>> => new Promise(() => undefined);
    const hanging = Array.from({ length: 250 }, async (_, index) =>
      remembered.ask([String(index)], hang, soon()),
    );
    const { fetch, asked } = backEnd(yes());
    const next = await remembered.ask(["next"], fetch, soon());
    assert.equal(summary(next), "guarded: too many questions are under way");
    assert.equal(summary(await remembered.ask(["known"], fetch, soon())), "allowed yes stale");
    assert.equal(asked(), 0);
    await remembered.close();
    await Promise.all(hanging);
  });
});
