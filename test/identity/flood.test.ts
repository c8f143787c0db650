import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { floodGuards } from "../../src/identity/flood.ts";
import { keySource } from "../../src/identity/jwks.ts";
import { jwtVerifier } from "../../src/identity/jwt.ts";
import type { Verifier } from "../../src/identity/verifier.ts";
import * as fixture from "./fixture.ts";

const PAIR = fixture.ecPair("a");
const { bearer, ISSUER, jwksOf, NOW_MS, sign } = fixture;

/** The counts of the library are there one turn later. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("floods", () => {
  const clients: readonly (readonly [bad: string, asks: string, isSlowed: boolean])[] = [
    ["192.0.2.1", "192.0.2.1", true],
    ["192.0.2.1", "192.0.2.2", false],
    ["192.0.2.1", "::ffff:192.0.2.1", true],
    ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true],
    ["2001:db8:1:2::1", "2001:db8:1:3::1", false],
    ["workload-a", "workload-a", true],
    ["", "", false],
  ];
  for (const [bad, asks, isSlowed] of clients) {
    it(`${isSlowed ? "slows" : "does not slow"} "${asks}" after bad ones of "${bad}"`, async () => {
      const guard = floodGuards({ badPerMinute: 3 })("user");
      for (let count = 0; count < 3; count++) {
        assert.equal(guard.isSlowed(asks), false);
        guard.noteBad(bad);
      }
      await settled();
      assert.equal(guard.isSlowed(asks), isSlowed);
    });
  }

  it("counts a client over all identities, and calls back by identity", async () => {
    const seen: string[] = [];
    const guards = floodGuards({
      badPerMinute: 2,
      onBad: (identity) => seen.push(`bad ${identity}`),
      onSlowed: (identity) => seen.push(`slowed ${identity}`),
    });
    guards("user").noteBad("192.0.2.1");
    guards("partner").noteBad("192.0.2.1");
    await settled();
    assert.equal(guards("user").isSlowed("192.0.2.1"), true);
    assert.deepEqual(seen, ["bad user", "bad partner", "slowed user"]);
  });

  function verifierOf(badPerMinute = 100): Verifier {
    const algorithms = ["ES256"];
    const world = { fetch: () => Promise.reject(new Error("none")) };
    const keys = keySource({ kind: "keys", jwks: jwksOf(PAIR) }, algorithms, world);
    const from = [{ header: "authorization", scheme: "Bearer" }];
    return jwtVerifier(
      { issuer: ISSUER, audiences: ["mesh"], algorithms, from },
      { keys, flood: floodGuards({ badPerMinute })("user") },
    );
  }

  it("lets remembered tokens and other clients pass, and needs no signature to refuse an expired one", async () => {
    const verifier = verifierOf(5);
    const good = sign(PAIR);
    assert.equal((await verifier.find(bearer(good), NOW_MS)).kind, "holds");
    for (let count = 0; count < 5; count++) {
      const finding = await verifier.find(bearer(sign(PAIR, {}, { kid: `x${count}` })), NOW_MS);
      assert.equal(finding.kind, "bad");
    }
    await settled();
    const late = sign(PAIR, { sub: "late" });
    assert.deepEqual(verifier.find(bearer(late), NOW_MS), { kind: "flooded" });
    assert.equal((await verifier.find(bearer(late, "192.0.2.2"), NOW_MS)).kind, "holds");
    assert.equal((await verifier.find(bearer(late), NOW_MS)).kind, "holds");
    assert.equal((await verifier.find(bearer(good), NOW_MS)).kind, "holds");
    assert.equal((await verifier.find(bearer(sign(PAIR, { exp: 1 })), NOW_MS)).kind, "bad");
    assert.equal((await verifier.find(fixture.presented({}), NOW_MS)).kind, "absent");
  });

  it("keeps its memory through 10,000 bad tokens of one client and of many", async function () {
    this.timeout(30_000);
    const verifier = verifierOf();
    const good = sign(PAIR);
    assert.equal((await verifier.find(bearer(good), NOW_MS)).kind, "holds");
    const [head = "", body = "", signature = ""] = sign(PAIR, { sub: "x".repeat(2_000) }).split(".");
    const badToken = (at: number): string => `${head}.${body}.${encodeOver(signature, at)}`;
    const flood = async (clientOf: (at: number) => string): Promise<Map<string, number>> => {
      const kinds = new Map<string, number>();
      for (let at = 0; at < 10_000; at++) {
        const { kind } = await verifier.find(bearer(badToken(at), clientOf(at)), NOW_MS);
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
        assert.equal((await verifier.find(bearer(good), NOW_MS)).kind, "holds");
      }
      return kinds;
    };
    const one = await flood(() => "192.0.2.1");
    assert.deepEqual(
      [one.get("holds"), (one.get("bad") ?? 0) >= 100, (one.get("bad") ?? 0) < 110],
      [undefined, true, true],
    );
    const before = heap();
    const many = await flood((at) => `2001:db8:${at.toString(16)}::1`);
    // Few share the counter of the client that was slowed before.
    assert.equal(many.get("holds"), undefined);
    assert.ok((many.get("bad") ?? 0) > 9_950, `${many.get("bad") ?? 0} bad`);
    const grownBytes = heap() - before;
    // At most a counter of some hundred bytes for each of 16,384 buckets; the tokens alone were 27 MB.
    assert.ok(grownBytes < 8_000_000, `${grownBytes} bytes`);
  });
});

/** Another signature of the same length. */
function encodeOver(signature: string, at: number): string {
  const bytes = Buffer.from(signature, "base64url");
  bytes.writeUInt32BE(at + 1, 8);
  return bytes.toString("base64url");
}

/** Bytes in use after a collection, which node offers on request only. */
function heap(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}
