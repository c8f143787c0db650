import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { CheckRequest, CheckResponse } from "../../src/wire/envoy/service/auth/v3/external_auth.ts";
import { floodGuards } from "../../src/identity/flood.ts";
import { ecPair, sign } from "../identity/fixture.ts";
import { EVERYONE } from "./everyone.ts";
import { ANY_PROXY } from "./ways.ts";
import { serveSecurity, type Served } from "./service.ts";
import { newWorld } from "./world.ts";

const BAD_TOKENS = 10_000;
/** A slow machine may take its time: what is shown is what becomes of them, not how soon. */
const FILES = {
  ...EVERYONE,
  "weir.yaml": EVERYONE["weir.yaml"].replace("weir: 1\n", "weir: 1\ncheckTimeout: 10s\n"),
};

/** Bytes in use when all that can be collected is. */
function heapBytes(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc()");
  return process.memoryUsage().heapUsed;
}

describe("10,000 bad tokens", () => {
  const world = newWorld();
  // It calls its key as the issuer calls one of its own.
  const stranger = ecPair("ec");
  const exp = Math.floor(Date.now() / 1_000) + 3_600;
  const ann = world.credential("ann's token");
  let bad: readonly string[];
  let served: Served;

  before(function () {
    this.timeout(60_000);
    bad = Array.from({ length: BAD_TOKENS }, (_, index) => sign(stranger, { sub: `user-${index}`, exp }));
  });
  afterEach(() => served.close());

  /** The status that a client at an address is answered with. */
  async function statusOf(token: string, address: string): Promise<number> {
    const http = {
      ...{ method: "GET", host: "everyone.test", path: "/" },
      headers: new Map([["authorization", `Bearer ${token}`]]),
    };
    const source = { address: { socketAddress: { address, portValue: 40_000 } } };
    const message = CheckRequest.encode(
      CheckRequest.fromPartial({ attributes: { source, request: { http } } }),
    );
    const answer = await served.service.check(Buffer.from(message.finish()), Infinity, ANY_PROXY);
    const { okResponse, deniedResponse } = CheckResponse.decode(answer);
    return okResponse === undefined ? (deniedResponse?.status?.code ?? 0) : 200;
  }

  it("leave nothing behind", async function () {
    this.timeout(60_000);
    served = await serveSecurity(world, { files: FILES });
    const pass = async (): Promise<void> => {
      for (let start = 0; start < bad.length; start += 50) {
        const batch = bad.slice(start, start + 50).map((token) => statusOf(token, "192.0.2.1"));
        for (const status of await Promise.all(batch)) assert.equal(status, 401);
      }
    };
    for (const token of bad.slice(0, 1_000)) assert.equal(await statusOf(token, "192.0.2.1"), 401);
    const before = heapBytes();
    await pass();
    const grown = heapBytes() - before;
    // A token that is remembered takes some 700 bytes; what other tests have begun grows here, too.
    assert.ok(grown < 300 * BAD_TOKENS, `${BAD_TOKENS} bad tokens left ${grown} bytes behind`);
    assert.deepEqual(served.logged, []);
  });

  it("within a second from ten clients: each is refused, good tokens pass, also those clients' own", async function () {
    this.timeout(60_000);
    served = await serveSecurity(world, { files: FILES, flood: floodGuards() });
    const clients = Array.from({ length: 10 }, (_, index) => `192.0.2.${index + 1}`);
    assert.equal(await statusOf(ann, "198.51.100.1"), 200);
    const statuses = new Map<number, number>();
    const startedAtMs = performance.now();
    for (let start = 0; start < bad.length; start += 100) {
      const batch = bad
        .slice(start, start + 100)
        .map((token, index) => statusOf(token, clients[index % clients.length] ?? ""));
      for (const status of await Promise.all(batch)) statuses.set(status, (statuses.get(status) ?? 0) + 1);
      for (const client of [clients[0] ?? "", "198.51.100.2"]) assert.equal(await statusOf(ann, client), 200);
    }
    const tookMs = performance.now() - startedAtMs;
    assert.deepEqual([...statuses.keys()].sort(), [401, 429]);
    // 100 a client and minute; those that were under way together may be a few more.
    const looked = statuses.get(401) ?? 0;
    assert.ok(looked >= 1_000 && looked <= 1_200, `${looked} were looked at`);
    assert.ok(tookMs < 40_000, `they took ${tookMs} ms`);
  });
});
