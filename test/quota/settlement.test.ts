import assert from "node:assert/strict";
import { reservationToken } from "../../src/limits/reservation.ts";
import { claimsOf, late, snapshotOfQuotas } from "../limits/fixture.ts";
import { serve, SIGNER } from "./fixture.ts";

describe("the domain in which late costs are settled", () => {
  const snapshot = snapshotOfQuotas({ a: [late("tokens", 100)] });
  const [claim] = claimsOf(snapshot);
  assert.ok(claim !== undefined);
  const { counter } = claim;

  /** A server where 5 are reserved for a request, and the token that its check has handed out. */
  async function reserving() {
    const server = serve(snapshot);
    const hold = { id: "one", withinMs: 60_000, ifLost: "keep" } as const;
    const charge = { kind: "take", counter, hits: 5, hold } as const;
    const taken = await server.store.take({ mode: "all", charges: [charge] }, Infinity);
    assert.ok(taken.kind === "counted");
    const startsAt = taken.counts[0]?.states.map(([at]) => at) ?? [];
    const used = async (): Promise<number> => {
      const look = await server.store.take(
        { mode: "all", charges: [{ kind: "look", counter, hits: 0 }] },
        Infinity,
      );
      assert.ok(look.kind === "counted");
      return look.counts[0]?.states[0]?.[1] ?? 0;
    };
    assert.ok(claim !== undefined);
    return { server, used, token: reservationToken(claim, { hold, startsAt }, SIGNER) ?? "" };
  }

  it("corrects what was reserved to the hits of the request at the end of the stream, once", async () => {
    const { server, used, token } = await reserving();
    assert.equal(await used(), 5);
    const answer = await server.ask("weir/settle", [{ entries: [`token=${token}`], hits: 42 }]);
    assert.deepEqual([answer.overall, answer.statuses.length], ["ok", 1]);
    assert.equal(await used(), 42);
    await server.ask("weir/settle", [{ entries: [`token=${token}`], hits: 42 }]);
    assert.equal(await used(), 42);
    assert.deepEqual(server.settled, ["a/tokens settled", "a/tokens gone"]);
  });

  it("takes several tokens, and costs of nothing", async () => {
    const { server, used, token } = await reserving();
    await server.ask("weir/settle", [{ entries: [`token=${token} ${token}`], hits: 0 }]);
    assert.equal(await used(), 0);
    assert.deepEqual(server.settled.toSorted(), ["a/tokens gone", "a/tokens settled"]);
  });

  it("takes the quota that an entry names, and leaves the others' tokens to theirs", async () => {
    const { server, used, token } = await reserving();
    await server.ask("weir/settle", [
      { entries: [`token=${token}`, "quota=a/bytes"], hits: 900 },
      { entries: [`token=${token}`, "quota=a/tokens"], hits: 42 },
    ]);
    assert.equal(await used(), 42);
    assert.deepEqual(server.settled, ["a/tokens settled"]);
  });

  it("lets pass and counts what weir has not signed, and what would be given back", async () => {
    const { server, used, token } = await reserving();
    const asked = await server.ask("weir/settle", [
      { entries: ["token=forged"], hits: 1 },
      { entries: [`token=${token}`], hits: 3, refund: true },
      ["other=entry"],
    ]);
    assert.deepEqual([asked.overall, asked.statuses.length], ["ok", 3]);
    assert.equal(await used(), 5);
    assert.deepEqual(server.settled.toSorted(), ["/ forged", "a/tokens unknown"]);
  });
});

describe("a caller that may not give hits back", () => {
  it("is told so, whatever the domain", async () => {
    const server = serve(snapshotOfQuotas({ a: [late("tokens", 100)] }));
    server.rights = "may not refund";
    const { overall } = await server.ask("shop", [{ entries: ["a=b"], hits: 1, refund: true }]);
    assert.match(overall, /^permission-denied: /);
    assert.equal((await server.ask("shop", [["a=b"]])).overall, "ok");
  });
});
