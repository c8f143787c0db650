import assert from "node:assert/strict";
import { join } from "node:path";
import { floodGuards } from "../../src/identity/flood.ts";
import { runCommand } from "../support/command.ts";
import { BAD_TOKENS, badTokens, FLOODED, statusOf } from "./flooding.ts";
import { serveSecurity } from "./service.ts";
import { newWorld } from "./world.ts";

describe("10,000 bad tokens", () => {
  it("leave nothing behind", async function () {
    this.timeout(90_000);
    const program = join(import.meta.dirname, "flood-process.ts");
    const ended = await runCommand(process.execPath, ["--expose-gc", program], { timeoutMs: 90_000 });
    assert.ok(ended.kind === "succeeded", JSON.stringify(ended));
    const { grownBytes, ...seen } = JSON.parse(ended.stdout) as { readonly grownBytes: number };
    assert.deepEqual(seen, { asked: BAD_TOKENS, statuses: [401], logged: [] });
    assert.ok(grownBytes < 1024 * 1024, `${BAD_TOKENS} bad tokens left ${grownBytes} bytes behind`);
  });

  it("within a second from ten clients: each is refused, good tokens pass, also those clients' own", async function () {
    this.timeout(60_000);
    const world = newWorld();
    const ann = world.credential("ann's token");
    const bad = badTokens();
    await using open = new AsyncDisposableStack();
    const served = open.adopt(await serveSecurity(world, { files: FLOODED, flood: floodGuards() }), (one) =>
      one.close(),
    );
    const clients = Array.from({ length: 10 }, (_, index) => `192.0.2.${index + 1}`);
    assert.equal(await statusOf(served, ann, "198.51.100.1"), 200);
    const statuses = new Map<number, number>();
    const startedAtMs = performance.now();
    for (let start = 0; start < bad.length; start += 100) {
      const batch = bad
        .slice(start, start + 100)
        .map((token, index) => statusOf(served, token, clients[index % clients.length] ?? ""));
      for (const status of await Promise.all(batch)) statuses.set(status, (statuses.get(status) ?? 0) + 1);
      for (const client of [clients[0] ?? "", "198.51.100.2"]) {
        assert.equal(await statusOf(served, ann, client), 200);
      }
    }
    const tookMs = performance.now() - startedAtMs;
    assert.deepEqual([...statuses.keys()].sort(), [401, 429]);
    // 100 a client and minute; those that were under way together may be a few more.
    const looked = statuses.get(401) ?? 0;
    assert.ok(looked >= 1_000 && looked <= 1_200, `${looked} were looked at`);
    assert.ok(tookMs < 40_000, `they took ${tookMs} ms`);
  });
});
