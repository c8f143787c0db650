import assert from "node:assert/strict";
import fc from "fast-check";
import { NOW_MS, rateLimitRequest, serve, snapshotOf } from "./fixture.ts";

const DOMAIN = `
domain: shop
descriptors:
  - { key: m20, rate_limit: { unit: minute, requests_per_unit: 20 } }
  - { key: h10, rate_limit: { unit: HOUR, requests_per_unit: 10 } }
  - { key: none, rate_limit: { unit: minute, requests_per_unit: 0 } }
  - { key: free, rate_limit: { unlimited: true } }
  - { key: shadow, shadow_mode: true, rate_limit: { unit: minute, requests_per_unit: 1 } }
  - { key: named, rate_limit: { name: basic, unit: minute, requests_per_unit: 1 } }
  - { key: premium, rate_limit: { unit: minute, requests_per_unit: 5, replaces: [{ name: basic }] } }
  - { key: q1, quota_mode: true, rate_limit: { unit: minute, requests_per_unit: 1 } }
  - { key: q2, quota_mode: true, rate_limit: { unit: minute, requests_per_unit: 2 } }
  - key: two
    limits:
      - { unit: second, requests_per_unit: 2 }
      - { unit: minute, multiplier: 15, requests_per_unit: 3 }
  - { key: slide, rate_limit: { unit: minute, requests_per_unit: 2, algorithm: sliding } }
  - { key: bucket, rate_limit: { unit: minute, requests_per_unit: 60, algorithm: bucket, burst: 2 } }
  - { key: week, rate_limit: { unit: week, requests_per_unit: 1 } }
  - { key: month, rate_limit: { unit: month, requests_per_unit: 1 } }
  - { key: year, rate_limit: { unit: year, requests_per_unit: 1 } }
  - { key: local, onError: local, rate_limit: { unit: minute, requests_per_unit: 3 } }
  - { key: allow, onError: allow, rate_limit: { unit: minute, requests_per_unit: 3 } }
  - { key: deny, onError: deny, rate_limit: { unit: minute, requests_per_unit: 3 } }
`;

const shop = snapshotOf([DOMAIN]);

describe("a rate-limit request", () => {
  it("is counted until its limit, and told what remains", async () => {
    const server = serve(shop);
    for (let asked = 0; asked < 25; asked++) {
      const { overall, statuses } = await server.ask("shop", [["m20=a"]]);
      const expected = asked < 20 ? `ok ${19 - asked}/20 50s` : "over 0/20 50s";
      assert.deepEqual([overall, ...statuses], [asked < 20 ? "ok" : "over", expected]);
    }
    server.nowMs += 50_000;
    assert.deepEqual((await server.ask("shop", [["m20=a"]])).statuses, ["ok 19/20 60s"]);
  });

  it("charges every descriptor, also beside one that is over", async () => {
    const server = serve(shop);
    for (let asked = 0; asked < 15; asked++) {
      const { overall, statuses } = await server.ask("shop", [["m20=a"], ["h10=a"]]);
      assert.equal(overall, asked < 10 ? "ok" : "over");
      assert.deepEqual(statuses, [
        `ok ${19 - asked}/20 50s`,
        asked < 10 ? `ok ${9 - asked}/10 3590s` : "over 0/10 3590s",
      ]);
    }
    assert.equal(server.taken.length, 15);
  });

  const cases: readonly (readonly [what: string, descriptor: string, ...told: readonly string[]])[] = [
    ["a limit of none", "none=x", "over", "over 0/0 50s"],
    ["no limit at all", "free=x", "ok", `ok ${2 ** 32 - 1}`],
    ["nothing that is written", "other=x", "ok", "ok 0"],
    ["a week, which begins on a Thursday like 1970", "week=x", "ok", `ok 0/1 ${7 * 86_400 - 10}s`],
    ["a month of 30 days", "month=x", "ok", "ok 0/1 2073590s"],
    ["a year of 365 days", "year=x", "ok", "ok 0/1 30326390s"],
  ];
  for (const [what, descriptor, ...told] of cases) {
    it(`is told of ${what}`, async () => {
      const { overall, statuses } = await serve(shop).ask("shop", [[descriptor]]);
      const [expectedOverall, status = ""] = told;
      assert.equal(overall, expectedOverall);
      if (!/month|year|week/.test(what)) assert.deepEqual(statuses, [status]);
      else {
        const [, seconds = "0"] = / (\d+)s$/.exec(statuses[0] ?? "") ?? [];
        const unit = /month/.test(what) ? 30 : /year/.test(what) ? 365 : 7;
        const lengthMs = unit * 86_400_000;
        assert.equal(Number(seconds), (lengthMs - (NOW_MS % lengthMs)) / 1_000);
      }
    });
  }

  it("is not limited in a domain that nobody has, and that is counted as one", async () => {
    const server = serve(shop);
    for (const name of ["foo", "bar"])
      assert.deepEqual((await server.ask(name, [["a=b"], ["c=d"]])).statuses, ["ok 0", "ok 0"]);
    assert.match(
      (await server.metrics.render()).text,
      /weir_rate_limit_requests_total\{domain="unknown",code="ok"\} 2/,
    );
  });

  it("counts the hits of the request, or of a descriptor; 0 of a descriptor only looks", async () => {
    const server = serve(shop);
    assert.deepEqual((await server.ask("shop", [["m20=a"], { entries: ["h10=a"], hits: 4 }], 3)).statuses, [
      "ok 17/20 50s",
      "ok 6/10 3590s",
    ]);
    const look = { entries: ["h10=a"], hits: 0 };
    assert.deepEqual((await server.ask("shop", [look])).statuses, ["ok 6/10 3590s"]);
    assert.deepEqual((await server.ask("shop", [{ entries: ["h10=a"], hits: 6 }])).overall, "ok");
    assert.deepEqual((await server.ask("shop", [look])).overall, "ok", "exhausted, and nothing is wanted");
    assert.deepEqual((await server.ask("shop", [["h10=a"]])).overall, "over");
    assert.deepEqual((await server.ask("shop", [look])).overall, "over");
  });

  it("gives back, never below none, and a counter has not run away above its limit", async () => {
    const server = serve(shop);
    for (let asked = 0; asked < 30; asked++) await server.ask("shop", [["m20=a"]]);
    const refund = { entries: ["m20=a"], hits: 2, refund: true } as const;
    assert.deepEqual((await server.ask("shop", [refund])).statuses, ["ok 1/20 50s"]);
    assert.deepEqual((await server.ask("shop", [{ ...refund, hits: 1_000 }])).statuses, ["ok 20/20 50s"]);
  });

  it("may bring a limit along, which has the counter of the tree where the unit is the same", async () => {
    const server = serve(shop);
    await server.ask("shop", [["m20=a"]]);
    const brought = (unit: number) => ({ entries: ["m20=a"], limit: { requestsPerUnit: 3, unit } });
    assert.deepEqual((await server.ask("shop", [brought(2), brought(3)])).statuses, [
      "ok 1/3 50s",
      "ok 2/3 3590s",
    ]);
    assert.match((await server.ask("shop", [brought(9)])).overall, /^invalid-argument: .*unit 9/);
    assert.match((await server.ask("shop", [brought(0)])).overall, /^invalid-argument: .*unit 0/);
  });

  it("is passed in shadow, and counted", async () => {
    const server = serve(shop);
    await server.ask("shop", [["shadow=a"]]);
    assert.deepEqual(
      await server.ask("shop", [["shadow=a"]]).then(({ overall, statuses }) => [overall, ...statuses]),
      ["ok", "ok 0/1 50s"],
    );
    assert.match((await server.metrics.render()).text, /descriptor="shadow",result="shadow"\} 1/);
  });

  it("is not limited by what another limit replaces", async () => {
    const server = serve(shop);
    for (let asked = 0; asked < 3; asked++)
      assert.equal((await server.ask("shop", [["named=a"], ["premium=a"]])).statuses[0], "ok 0");
    assert.equal((await server.ask("shop", [["named=a"]])).statuses[0], "ok 0/1 50s");
  });

  it("is refused by quotas only where all of them are spent", async () => {
    const server = serve(shop);
    const overalls = [];
    for (let asked = 0; asked < 3; asked++)
      overalls.push(
        await server
          .ask("shop", [["q1=a"], ["q2=a"]])
          .then(({ overall, statuses }) => [overall, ...statuses]),
      );
    assert.deepEqual(overalls, [
      ["ok", "ok 0/1 50s", "ok 1/2 50s"],
      ["ok", "ok 0/1 50s", "ok 0/2 50s"],
      ["over", "over 0/1 50s", "over 0/2 50s"],
    ]);
  });

  it("has several limits, of which the nearest is told, and is charged where all have room", async () => {
    const server = serve(shop);
    const ask = async () => (await server.ask("shop", [["two=a"]])).statuses[0];
    assert.equal(await ask(), "ok 1/2 1s");
    assert.equal(await ask(), "ok 0/2 1s");
    assert.equal(await ask(), "over 0/2 1s");
    server.nowMs += 1_000;
    assert.equal(await ask(), "ok 0/3 889s");
    assert.equal(await ask(), "over 0/3 889s");
  });

  it("is counted by the algorithm that is written, and refused hits lock nobody out", async () => {
    const server = serve(shop);
    for (const key of ["slide", "bucket"]) {
      assert.equal((await server.ask("shop", [[`${key}=a`]], 2)).overall, "ok");
      for (let asked = 0; asked < 9; asked++)
        assert.equal((await server.ask("shop", [[`${key}=a`]])).overall, "over");
    }
    server.nowMs += 1_000;
    assert.equal((await server.ask("shop", [["bucket=a"]])).overall, "ok");
    assert.equal((await server.ask("shop", [["bucket=a"]])).overall, "over");
    server.nowMs += 110_000;
    assert.equal((await server.ask("shop", [["slide=a"]])).overall, "ok");
  });

  it("charges nothing in an atomic domain where one descriptor is over", async () => {
    const server = serve(snapshotOf([`${DOMAIN}atomic: true\n`]));
    for (let asked = 0; asked < 12; asked++) await server.ask("shop", [["m20=a"], ["h10=a"], ["shadow=a"]]);
    const looks = ["m20=a", "h10=a"].map((entry) => ({ entries: [entry], hits: 0 }));
    assert.deepEqual((await server.ask("shop", looks)).statuses, ["ok 10/20 50s", "ok 0/10 3590s"]);
  });

  it("passes while weir only observes, and its statuses say what would be", async () => {
    const server = serve(snapshotOf([DOMAIN], { stance: "observe" }));
    const { overall, statuses } = await server.ask("shop", [["none=x"]]);
    assert.deepEqual([overall, ...statuses], ["ok", "over 0/0 50s"]);
  });
});

describe("a bad rate-limit request", () => {
  const value = "v".repeat(1_000_000);
  const cases: readonly (readonly [what: string, request: Buffer, overall: RegExp])[] = [
    ["no domain", rateLimitRequest("", [["a=b"]]), /^invalid-argument: the domain is empty/],
    ["no descriptors", rateLimitRequest("shop", []), /^invalid-argument: there are no descriptors/],
    ["no entries", rateLimitRequest("shop", [[]]), /^invalid-argument: descriptor 0/],
    ["an entry without a key", rateLimitRequest("shop", [["=b"]]), /^invalid-argument/],
    [
      "absurd hits",
      rateLimitRequest("shop", [{ entries: ["a=b"], hits: 2n ** 64n - 1n }]),
      /^invalid-argument/,
    ],
    ["many descriptors", rateLimitRequest("shop", Array(257).fill(["a=b"])), /^invalid-argument/],
    ["many entries", rateLimitRequest("shop", [Array(65).fill("a=b")]), /^invalid-argument/],
    [
      "too much",
      rateLimitRequest("shop", Array(5).fill([`m20=${value}`])),
      /^invalid-argument: the request is larger/,
    ],
    ["no protobuf", Buffer.from([10, 200]), /^invalid-argument: malformed/],
  ];
  for (const [what, request, overall] of cases) {
    it(`is told so: ${what}`, async () => {
      assert.match((await serve(shop).answer(request)).overall, overall);
    });
  }

  it("is not one whose values are long: callers choose them", async () => {
    const server = serve(shop);
    assert.equal((await server.ask("shop", [[`m20=${value}`]])).statuses[0], "ok 19/20 50s");
    assert.equal((await server.ask("shop", [[`m20=${value}`]])).statuses[0], "ok 18/20 50s");
    assert.equal((await server.ask("shop", [[`m20=${value}x`]])).statuses[0], "ok 19/20 50s");
  });

  it("never ends in an exception, whatever the bytes are, and is never UNKNOWN", async () => {
    const server = serve(shop);
    const whole = rateLimitRequest("shop", [
      { entries: ["m20=a"], hits: 2, limit: { requestsPerUnit: 1, unit: 2 } },
    ]);
    const mutated = fc
      .array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
      .map((changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, byte] of changes) bytes[at] = byte;
        return bytes;
      });
    const bytes = fc.uint8Array({ maxLength: 100 }).map((one) => Buffer.from(one));
    await fc.assert(
      fc.asyncProperty(fc.oneof(mutated, bytes), async (request) => {
        assert.match((await server.answer(request)).overall, /^(ok|over|invalid-argument: .*)$/);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("a rate-limit request without its store", () => {
  const failing = { kind: "failed", reason: "away" } as const;
  const told = async (keys: readonly string[], reason: "away" | "timeout" = "away") => {
    const server = serve(shop, { replicas: 2 });
    server.failing = { ...failing, reason };
    const { overall, statuses } = await server.ask(
      "shop",
      keys.map((key) => [`${key}=a`]),
    );
    return [overall.split(":", 1)[0], ...statuses];
  };

  it("is left to Envoy's failure mode", async () => {
    assert.deepEqual(await told(["m20"]), ["unavailable"]);
    assert.deepEqual(await told(["m20", "allow"]), ["unavailable"]);
  });

  it("is decided where every limit says how", async () => {
    assert.deepEqual(await told(["allow"]), ["ok", "ok 0"]);
    assert.deepEqual(await told(["deny"]), ["over", "over 0/3"]);
    assert.deepEqual(await told(["local", "free"]), ["ok", "ok 1/3 50s", `ok ${2 ** 32 - 1}`]);
    assert.deepEqual(await told(["shadow"]), ["ok", "ok 0"]);
  });

  it("is refused by a definite refusal, whatever is not known", async () => {
    assert.deepEqual(await told(["m20", "deny"]), ["over", "ok 0", "over 0/3"]);
  });

  it("counts for itself its part of a limit, rounded up", async () => {
    const server = serve(shop, { replicas: 2 });
    server.failing = failing;
    const overalls = [];
    for (let asked = 0; asked < 3; asked++) overalls.push((await server.ask("shop", [["local=a"]])).overall);
    assert.deepEqual(overalls, ["ok", "ok", "over"]);
  });

  it("is told what was the matter", async () => {
    assert.match((await serve(undefined).ask("shop", [["m20=a"]])).overall, /^unavailable: weir has no/);
    const server = serve(shop);
    const request = rateLimitRequest("shop", [["m20=a"]]);
    assert.match((await server.answer(request, NOW_MS)).overall, /^deadline-exceeded/);
    const unloaded = [{ team: "orders", hosts: [], destinations: [], domains: ["orders"] }];
    assert.match(
      (await serve(snapshotOf([DOMAIN], { unloaded })).ask("orders", [["a=b"]])).overall,
      /^unavailable: .*orders/,
    );
  });

  it("is refused with RESOURCE_EXHAUSTED where too many wait", async () => {
    const never = new Promise<never>(() => undefined);
    const limited = { ...shop, settings: { ...shop.settings, maxInFlight: 1 } };
    const slow = serve(limited, {
      store: {
        groupOf: () => 0,
        take: () => never,
        settle: () => never,
        reset: () => never,
        status: () => ({ type: "redis", state: "ready", counters: undefined }),
        close: () => Promise.resolve(),
      },
    });
    void slow.ask("shop", [["m20=a"]]);
    assert.match((await slow.ask("shop", [["m20=a"]])).overall, /^resource-exhausted/);
  });
});

describe("what an answer tells besides", () => {
  const withKeys = (keys: string) => serve(snapshotOf([`${DOMAIN}${keys}\n`]));
  const headersOf = async (keys: string, ...entries: readonly string[]) => {
    const { message } = await withKeys(keys).ask(
      "shop",
      entries.map((entry) => [entry]),
    );
    return message?.responseHeadersToAdd.map(({ key, value }) => `${key}: ${value}`);
  };

  it("is no header where none is written", async () => {
    assert.deepEqual(await headersOf("", "m20=a"), []);
  });

  it("is a header a number", async () => {
    assert.deepEqual(await headersOf("headers: draft-06", "m20=a", "none=x"), [
      "RateLimit-Limit: 0",
      "RateLimit-Remaining: 0",
      "RateLimit-Reset: 50",
    ]);
    assert.deepEqual(
      await headersOf("headers: { limit: a-l, remaining: a-m, reset: a-s }", "m20=a", "h10=a"),
      ["a-l: 10", "a-m: 9", "a-s: 3590"],
    );
    assert.deepEqual(await headersOf("headers: draft-06", "free=a"), []);
  });

  it("is a list of policies and limits", async () => {
    assert.deepEqual(await headersOf("headers: draft-11", "m20=a", "named=a"), [
      'ratelimit-policy: "m20";q=20;w=60, "basic";q=1;w=60',
      'ratelimit: "m20";r=19;t=50, "basic";r=0;t=50',
    ]);
  });

  it("is metadata, where it is asked for", async () => {
    const server = withKeys("dynamicMetadata: true");
    await server.ask("shop", [["q1=a"]]);
    const { message } = await server.ask("shop", [["q1=a"], { entries: ["q2=a"], hits: 1 }], 2);
    assert.deepEqual(plain(message?.dynamicMetadata), {
      domain: "shop",
      descriptors: [{ entries: ["q1=a"] }, { entries: ["q2=a"], hitsAddend: 1 }],
      hitsAddend: 2,
      quotaModeEnabled: true,
      quotaModeViolations: [0],
    });
  });

  it("has the metadata of the limits that passed, the first of each name", async () => {
    const server = serve(
      snapshotOf([
        `domain: d
dynamicMetadata: true
descriptors:
  - { key: a, metadata: { plan: gold, n: { x: [1, true] } }, rate_limit: { unit: day, requests_per_unit: 1 } }
  - { key: b, metadata: { plan: free, more: yes }, rate_limit: { unit: day, requests_per_unit: 1 } }
  - { key: c, metadata: { refused: 1 }, rate_limit: { unit: day, requests_per_unit: 0 } }`,
      ]),
    );
    const { message } = await server.ask("d", [["a=1"], ["b=1"], ["c=1"]]);
    assert.deepEqual((plain(message?.dynamicMetadata) as Record<string, unknown>)["metadata"], {
      plan: "gold",
      n: { x: [1, true] },
      more: true,
    });
  });

  it("are metrics whose descriptors are bounded", async () => {
    const server = serve(
      snapshotOf([
        "domain: d\ndescriptors: [{ key: k, detailed_metric: true, rate_limit: { unit: day, requests_per_unit: 9 } }]",
      ]),
    );
    for (let asked = 0; asked < 1_100; asked++) await server.ask("d", [[`k=${asked}`]]);
    const { text } = await server.metrics.render();
    assert.equal(text.match(/^weir_rate_limit_hits_total\{/gm)?.length, 1_001);
    assert.match(text, /descriptor="other",result="within"\} 100/);
  });
});

/** Maps as objects. */
function plain(value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries(Array.from(value, ([key, one]) => [key, plain(one)]));
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}
