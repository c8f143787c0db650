import assert from "node:assert/strict";
import { NO_ENTRY } from "../../src/attributes/entry-facts.ts";
import { EntryAttributes } from "../../src/attributes/entry.ts";
import { signer } from "../../src/host/signer.ts";
import type { Settler } from "../../src/limits/settle.ts";
import { settling } from "../../src/report/settling.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import { until } from "../support/until.ts";
import { snapshotOf } from "../check/fixture.ts";

describe("settling by entries", () => {
  const snapshot = snapshotOf();
  const entry = new EntryAttributes(NO_ENTRY, snapshot.settings);

  /** A settler that says of every token what became of it. */
  function settlerTo(told: string[], live: Settler["live"] = () => snapshot): Settler {
    const store = new MemoryStore({ nowMs: Date.now, maxCounters: 10 });
    return {
      store: () => store,
      signer: signer(() => ["key"]),
      live,
      nowMs: Date.now,
      onSettled: (_by, result) => told.push(result),
    };
  }

  it("hands tokens to the settler, and keeps nobody waiting", async () => {
    const told: string[] = [];
    const settle = settling({ settler: settlerTo(told), onDropped: fail, onError: fail });
    settle(["no token of weir's", "another"], entry);
    assert.deepEqual(told, ["forged", "forged"].slice(0, told.length));
    await until(() => told.length === 2, { what: "both tokens" });
    assert.deepEqual(told, ["forged", "forged"]);
  });

  it("drops what comes while too many wait, and goes on afterwards", async () => {
    const told: string[] = [];
    let dropped = 0;
    const settle = settling({ settler: settlerTo(told), onDropped: () => (dropped += 1), onError: fail });
    for (let count = 0; count < 1_010; count++) settle(["x"], entry);
    assert.equal(dropped, 10);
    const goesOn = (): boolean => {
      settle(["x"], entry);
      return told.length > 1_000;
    };
    await until(goesOn, { what: "room for the next" });
  });

  it("tells of an exception", async () => {
    const errors: string[] = [];
    const settler: Settler = {
      ...settlerTo([]),
      onSettled: () => {
        throw new Error("a bug");
      },
    };
    settling({ settler, onDropped: fail, onError: (error) => errors.push(String(error)) })(["x"], entry);
    await until(() => errors.length === 1, { what: "the exception" });
    assert.deepEqual(errors, ["Error: a bug"]);
  });
});

const fail = (): never => assert.fail("nothing is dropped here");
