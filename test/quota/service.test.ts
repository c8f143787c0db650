import assert from "node:assert/strict";
import fc from "fast-check";
import { NOW_MS, rateLimitRequest, serve, SHOP, snapshotOf } from "./fixture.ts";

const shop = snapshotOf([SHOP]);

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

  it("is counted hit by hit as near its limit: those above 80 % of it", async () => {
    const server = serve(shop);
    const counted = async (): Promise<readonly string[]> => {
      const { text } = await server.metrics.render();
      return Array.from(text.matchAll(/descriptor="m20",result="(\w+)"\} (\d+)/g), ([, ...of]) =>
        of.join(" "),
      );
    };
    for (const [hits, expected] of [
      [15, ["within 15"]],
      [3, ["within 16", "near 2"]],
      [2, ["within 16", "near 4"]],
      [3, ["within 16", "near 4", "over 3"]],
    ] as const) {
      await server.ask("shop", [{ entries: ["m20=a"], hits }]);
      assert.deepEqual(new Set(await counted()), new Set(expected), String(hits));
    }
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
    const server = serve(snapshotOf([`${SHOP}atomic: true\n`]));
    for (let asked = 0; asked < 12; asked++) await server.ask("shop", [["m20=a"], ["h10=a"], ["shadow=a"]]);
    const looks = ["m20=a", "h10=a"].map((entry) => ({ entries: [entry], hits: 0 }));
    assert.deepEqual((await server.ask("shop", looks)).statuses, ["ok 10/20 50s", "ok 0/10 3590s"]);
  });

  it("passes while weir only observes, and its statuses say what would be", async () => {
    const server = serve(snapshotOf([SHOP], { stance: "observe" }));
    const { overall, statuses } = await server.ask("shop", [["none=x"]]);
    assert.deepEqual([overall, ...statuses], ["ok", "over 0/0 50s"]);
  });
});

describe("a bad rate-limit request", () => {
  const value = "v".repeat(1_000_000);
  const cases: readonly (readonly [what: string, request: Buffer, overall: RegExp])[] = [
    ["no domain", rateLimitRequest("", [["a=b"]]), /^invalid-argument: the domain is empty/],
    ["no descriptors", rateLimitRequest("shop", []), /^invalid-argument: there are no descriptors/],
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

  it("is not one with entries that Envoy left out", async () => {
    const { overall, statuses } = await serve(shop).ask("shop", [[], ["m20=a"], ["=b"]]);
    assert.deepEqual([overall, ...statuses], ["ok", "ok 0", "ok 19/20 50s", "ok 0"]);
  });

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
    const server = serve(shop, { replicas: () => 2 });
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
    const server = serve(shop, { replicas: () => 2 });
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
      (await serve(snapshotOf([SHOP], { unloaded })).ask("orders", [["a=b"]])).overall,
      /^unavailable: .*orders/,
    );
  });

  it("is refused with RESOURCE_EXHAUSTED where too many wait", async () => {
    const never = new Promise<never>(() => undefined);
    const limited = { ...shop, settings: { ...shop.settings, maxInFlight: 1 } };
    const slow = serve(limited, {
      store: () => ({
        division: "whole",
        groupOf: () => 0,
        take: () => never,
        settle: () => never,
        reset: () => never,
        status: () => ({ type: "redis", state: "ready", detail: "", counters: undefined }),
        close: () => Promise.resolve(),
      }),
    });
    void slow.ask("shop", [["m20=a"]]);
    assert.match((await slow.ask("shop", [["m20=a"]])).overall, /^resource-exhausted/);
  });
});
