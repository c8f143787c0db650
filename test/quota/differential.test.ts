import assert from "node:assert/strict";
import { createServer } from "node:net";
import { Client, credentials } from "@grpc/grpc-js";
import fc from "fast-check";
import {
  RateLimitResponse,
  RateLimitResponse_Code as Code,
} from "../../src/wire/envoy/service/ratelimit/v3/rls.ts";
import { call } from "../grpc/client.ts";
import { need } from "../support/need.ts";
import { startProcess } from "../support/process.ts";
import { until } from "../support/until.ts";
import { removeFolder, writeFolder } from "../support/weir.ts";
import { rateLimitRequest, serve, snapshotOf, type Descriptor } from "./fixture.ts";

/**
 * The same file for both. Left out is what weir chose to do otherwise: wildcards within a value (this version of the
 * original has them at the end only), quotas that are all spent, refunds, which it does not know, and units of overrides that
 * nobody knows, which end it.
 */
const FILE = `domain: shop
descriptors:
  - { key: hour, rate_limit: { unit: hour, requests_per_unit: 5 } }
  - { key: hour, value: two, rate_limit: { name: two, unit: HOUR, requests_per_unit: 2 } }
  - { key: hour, value: free }
  - { key: none, rate_limit: { unit: day, requests_per_unit: 0 } }
  - { key: unlimited, rate_limit: { unlimited: true } }
  - { key: shadow, shadow_mode: true, rate_limit: { unit: week, requests_per_unit: 2 } }
  - { key: wild, value: ab*, rate_limit: { unit: month, requests_per_unit: 4 } }
  - { key: wild, value: a*, rate_limit: { unit: year, requests_per_unit: 3 } }
  - { key: wild, value: abc, rate_limit: { unit: day, requests_per_unit: 6 } }
  - { key: shared, value: s*, share_threshold: true, rate_limit: { unit: day, requests_per_unit: 7 } }
  - { key: better, rate_limit: { unit: day, requests_per_unit: 9, replaces: [{ name: two }] } }
  - key: deep
    rate_limit: { unit: day, requests_per_unit: 3 }
    descriptors:
      - { key: hour, value: one, rate_limit: { unit: day, requests_per_unit: 1 } }
      - key: wild
        value: a*
        share_threshold: true
        descriptors:
          - { key: hour, rate_limit: { unit: day, requests_per_unit: 4 } }
  - key: deep
    value: exact
    descriptors:
      - { key: hour, rate_limit: { unit: hour, requests_per_unit: 8 } }
`;

const entry = fc
  .tuple(
    fc.constantFrom("hour", "none", "unlimited", "shadow", "wild", "shared", "better", "deep", "other"),
    fc.constantFrom("", "one", "two", "free", "a", "ab", "abc", "abcd", "s1", "s2", "exact", "b"),
  )
  .map(([key, value]) => `${key}=${value}`);

const hits = fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined });

const written: fc.Arbitrary<Descriptor> = fc
  .tuple(fc.array(entry, { minLength: 1, maxLength: 3 }), hits)
  .map(([entries, own]) => (own === undefined ? { entries } : { entries, hits: own }));

/**
 * A value for each unit: where limits of one counter differ, ours stops at the lower, and theirs runs on; and in the first hour of
 * a day, theirs counts an hour and a day of one value as one.
 */
const brought: fc.Arbitrary<Descriptor> = fc
  .tuple(fc.constantFrom("a", "b"), fc.integer({ min: 3, max: 6 }))
  .map(([value, unit]) => ({
    entries: [`brought=${value}${unit}`],
    limit: { requestsPerUnit: 5 * unit, unit },
  }));

const descriptor = fc.oneof({ arbitrary: written, weight: 4 }, { arbitrary: brought, weight: 1 });

const request = fc.record({
  domain: fc.constantFrom("shop", "shop", "shop", "unknown"),
  descriptors: fc.array(descriptor, { minLength: 1, maxLength: 3 }),
  hitsAddend: fc.integer({ min: 0, max: 3 }),
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

interface Plain {
  readonly overall: Code;
  readonly statuses: readonly (readonly unknown[])[];
  readonly resets: readonly (number | undefined)[];
}

/** An answer in comparable form, the times by themselves: two processes do not ask in the same millisecond. */
const plainOf = ({ overallCode, statuses }: RateLimitResponse): Plain => ({
  overall: overallCode,
  statuses: statuses.map(({ code, currentLimit, limitRemaining }) => [
    code,
    currentLimit?.requestsPerUnit,
    currentLimit?.unit,
    currentLimit?.name,
    limitRemaining,
  ]),
  resets: statuses.map(({ durationUntilReset }) => durationUntilReset && Number(durationUntilReset.seconds)),
});

describe("weir beside envoyproxy/ratelimit", () => {
  const open = new AsyncDisposableStack();
  let client: Client;

  before(async function () {
    const [redis, ratelimit] = [await need(this, "redis"), await need(this, "ratelimit")];
    const [redisPort, http, grpc, debug] = [
      await freePort(),
      await freePort(),
      await freePort(),
      await freePort(),
    ];
    const counted = await startProcess(
      redis.binary,
      ["--port", String(redisPort), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
      redis.environment,
    );
    open.defer(() => counted.stop());
    await until(() => counted.output().includes("Ready to accept connections"), { what: "Redis" });
    const folder = await writeFolder({ "config/shop.yaml": FILE });
    open.defer(() => removeFolder(folder));
    const running = await startProcess(ratelimit.binary, [], {
      ...ratelimit.environment,
      ...{
        USE_STATSD: "false",
        LOG_LEVEL: "error",
        REDIS_SOCKET_TYPE: "tcp",
        REDIS_URL: `127.0.0.1:${redisPort}`,
      },
      ...{ RUNTIME_ROOT: folder, RUNTIME_WATCH_ROOT: "false" },
      ...{ HOST: "127.0.0.1", PORT: String(http), GRPC_HOST: "127.0.0.1", GRPC_PORT: String(grpc) },
      ...{ DEBUG_HOST: "127.0.0.1", DEBUG_PORT: String(debug) },
    });
    open.defer(() => running.stop());
    client = open.adopt(new Client(`127.0.0.1:${grpc}`, credentials.createInsecure()), (one) => one.close());
    await until(async () => "bytes" in (await call(client, METHOD, rateLimitRequest("shop", [["a=b"]]))), {
      timeoutMs: 20_000,
      what: `envoyproxy/ratelimit to answer: ${running.errors()}`,
    });
  });
  after(() => open.disposeAsync());

  it("says the same to thousands of requests", async function () {
    this.timeout(60_000);
    const server = serve(snapshotOf([FILE]));
    const requests = fc.sample(request, { numRuns: 4_000, seed: 7 });
    let over = 0;
    for (const { domain, descriptors, hitsAddend } of requests) {
      const bytes = rateLimitRequest(domain, descriptors, hitsAddend);
      server.nowMs = Date.now();
      const ours = (await server.answer(bytes)).message;
      const theirs = await call(client, METHOD, bytes);
      assert.ok(ours !== undefined && "bytes" in theirs);
      const [left, right] = [plainOf(ours), plainOf(RateLimitResponse.decode(theirs.bytes))];
      const asked = JSON.stringify({ domain, descriptors, hitsAddend });
      assert.deepEqual([left.overall, left.statuses], [right.overall, right.statuses], asked);
      for (const [index, reset] of left.resets.entries())
        assert.ok(Math.abs((reset ?? 0) - (right.resets[index] ?? 0)) <= 1, asked);
      if (left.overall === Code.OVER_LIMIT) over++;
    }
    assert.ok(over > 500 && over < 3_500, String(over));
  });
});

const METHOD = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";
