import assert from "node:assert/strict";
import type { ListedQuota } from "../../src/check/quota-list.ts";
import { startAdminListener } from "../../src/http/admin.ts";
import type { ResetDone } from "../../src/http/quotas.ts";
import type { ListedLimit } from "../../src/quota/limit-list.ts";
import { run } from "./fixture.ts";

const STORE = { type: "redis", state: "ready", detail: "", counters: undefined } as const;

const QUOTA: ListedQuota = {
  ...{ policy: "shop", quota: "per-client", mode: "enforce", percent: undefined },
  ...{ algorithm: "fixed", count: "granted", onError: "local" },
  windows: [
    { limit: "10", per: "1m" },
    { limit: "100", per: "day UTC" },
  ],
  key: ["client.ip", "request.method"],
  keys: [
    {
      ...{ id: "c_0123456789ab", mode: "enforce", key: ["#aa", ""], hits: 12, refusals: 3 },
      ...{ since: "2026-11-21T12:00:00.000Z", seen: "2026-11-21T12:01:00.000Z" },
      now: {
        kind: "found",
        by: "store",
        windows: [
          { per: "1m", limit: 10, used: 10, remaining: 0, resetMs: 41_200 },
          { per: "day UTC", limit: 100, used: 12, remaining: 88, resetMs: 43_140_000 },
        ],
      },
    },
  ],
};

const LIMIT: ListedLimit = {
  ...{ domain: "edge", standing: "enforce", onError: undefined, algorithm: "fixed" },
  descriptor: [
    { key: "plan", value: "gold" },
    { key: "user", value: undefined },
  ],
  windows: [{ name: "", limit: 5, per: "15 minutes" }],
  keys: [
    {
      ...{ id: "c_ba9876543210", mode: "enforce", hits: 5, refusals: 2 },
      ...{ since: "2026-11-21T12:00:00.000Z", seen: "2026-11-21T12:01:00.000Z" },
      entries: [
        { key: "plan", value: "gold" },
        { key: "user", value: "#aa" },
      ],
      now: {
        kind: "found",
        by: "store",
        windows: [{ per: "15 minutes", limit: 5, used: 6, remaining: 0, resetMs: 60_000 }],
      },
    },
  ],
};

const NO_LIMITS = { limits: [], unlisted: 0 };

describe("weir quotas", () => {
  const open = new AsyncDisposableStack();
  let listed: object = { store: STORE, quotas: [QUOTA], ...NO_LIMITS };
  let answer: ResetDone;
  const asked: unknown[] = [];
  let admin: readonly string[];

  before(async () => {
    const listener = await startAdminListener({
      address: { kind: "tcp", host: "127.0.0.1", port: 0 },
      status: () => ({}),
      account: () => ({}),
      decisions: { list: () => [], find: () => undefined },
      differences: { list: () => [], counts: () => [], candidate: () => undefined },
      explain: () => Promise.resolve({ kind: "not ready" }),
      quotas: {
        list: (wanted) => {
          asked.push(wanted);
          return Promise.resolve(listed);
        },
        reset: (text) => {
          asked.push(JSON.parse(Buffer.from(text).toString()));
          return Promise.resolve(answer);
        },
      },
      onError: (error) => assert.fail(String(error)),
    });
    open.defer(() => listener.close());
    const port = listener.address.kind === "tcp" ? listener.address.port : assert.fail("no port");
    admin = ["--admin", `http://127.0.0.1:${port}`];
  });
  beforeEach(() => asked.splice(0));
  after(() => open.disposeAsync());

  it("prints quotas and their busiest keys", async () => {
    const { code, printed } = await run([
      "quotas",
      ...["--policy", "shop", "--quota", "per-client", "--limit", "5"],
      ...admin,
    ]);
    assert.equal(code, 0);
    assert.deepEqual(asked, [{ policy: "shop", quota: "per-client", domain: undefined, limit: 5 }]);
    assert.equal(
      printed,
      `shop/per-client  10 per 1m, 100 per day UTC  by client.ip, request.method  (fixed)
  #aa  ""  10 of 10 per 1m, 0 left, resets in 42s; 12 of 100 per day UTC, 88 left, resets in 11h 59m  (12 charged and 3 refused here)  c_0123456789ab
`,
    );
  });

  it("prints the same as JSON", async () => {
    const { printed } = await run(["quotas", "--format", "json", ...admin]);
    assert.deepEqual(JSON.parse(printed), JSON.parse(JSON.stringify(listed)));
  });

  it("says what is in shadow, what nobody has asked, and that the store is away", async () => {
    const [key] = QUOTA.keys;
    assert.ok(key);
    const shadow = {
      ...QUOTA,
      mode: "shadow",
      key: [],
      keys: [{ ...key, key: [], now: { kind: "failed" } }],
    };
    const half = { ...QUOTA, percent: 50, count: "denied", keys: [] };
    const before = listed;
    listed = { store: { ...STORE, state: "away", detail: "refused" }, quotas: [shadow, half], ...NO_LIMITS };
    const { printed } = await run(["quotas", ...admin]);
    listed = { store: STORE, quotas: [], ...NO_LIMITS };
    const none = await run(["quotas", ...admin]);
    listed = before;
    assert.match(printed, /^the store of counters is away, and cannot be asked: refused\n\nshop/);
    assert.match(
      printed,
      /all requests together {2}\(fixed\) {2}in shadow\n {2}all {2}the store has not said/,
    );
    assert.match(printed, /count: denied\) {2}enforced for 50%\n {2}nothing was counted here/);
    assert.equal(none.printed, "there is no such quota, and no such rate limit\n");
  });

  it("prints rate limits of domains with their busiest entries, and how many are left out", async () => {
    const before = listed;
    const shadow = { ...LIMIT, descriptor: [{ key: "path" }], standing: "shadow", keys: [] };
    listed = { store: STORE, quotas: [], limits: [LIMIT, shadow], unlisted: 7 };
    const { code, printed } = await run(["quotas", "--domain", "edge", ...admin]);
    listed = before;
    assert.equal(code, 0);
    assert.deepEqual(asked, [{ policy: undefined, quota: undefined, domain: "edge", limit: 10 }]);
    assert.equal(
      printed,
      `edge  plan=gold  user  5 per 15 minutes  (fixed)
  plan=gold  user=#aa  6 of 5 per 15 minutes, 0 left, resets in 1m  (5 charged and 2 refused here)  c_ba9876543210

edge  path  5 per 15 minutes  (fixed)  in shadow
  nothing was counted here since the files were loaded

and 7 more rate limits: choose by --domain
`,
    );
  });

  it("resets a rate limit by its entries", async () => {
    const entries = [
      { key: "plan", value: "gold" },
      { key: "q", value: "a=b" },
      { key: "all", value: "" },
    ];
    answer = { kind: "done", reset: { ...{ domain: "edge", entries }, result: "reset", reason: undefined } };
    const reset = await run(["quotas", "reset", "--domain", "edge", "plan=gold", "q=a=b", "all", ...admin]);
    assert.deepEqual([reset.code, reset.printed], [0, "edge plan=gold q=a=b all= begins anew\n"]);
    assert.deepEqual(asked, [{ domain: "edge", entries }]);
  });

  const RESET = { policy: "shop", quota: "per-client", key: ["#aa", "GET"], reason: undefined };

  it("resets by the values of the key, or by the counter", async () => {
    answer = { kind: "done", reset: { ...RESET, result: "reset" } };
    const first = await run(["quotas", "reset", "shop/per-client", "192.0.2.1", "GET", ...admin]);
    assert.deepEqual([first.code, first.printed], [0, "shop/per-client #aa GET begins anew\n"]);
    answer = { kind: "done", reset: { ...RESET, result: "nothing" } };
    const second = await run(["quotas", "reset", "c_0123456789ab", ...admin]);
    assert.deepEqual([second.code, second.printed], [0, "nothing was counted of shop/per-client #aa GET\n"]);
    assert.deepEqual(asked, [
      { policy: "shop", quota: "per-client", key: ["192.0.2.1", "GET"] },
      { id: "c_0123456789ab" },
    ]);
  });

  it("ends with 1 where it was not done", async () => {
    answer = { kind: "done", reset: { ...RESET, result: "failed", reason: "away" } };
    const failed = await run(["quotas", "reset", "shop/per-client", ...admin]);
    assert.equal(failed.code, 1);
    assert.match(failed.complained, /^weir quotas: the store could not be asked, .*: away\n$/);
    answer = { kind: "unknown", error: 'there is no policy "shp"' };
    const unknown = await run(["quotas", "reset", "shp/per-client", ...admin]);
    assert.deepEqual([unknown.code, unknown.complained], [1, 'weir quotas: there is no policy "shp"\n']);
  });

  const wrong: readonly (readonly [args: readonly string[], complaint: RegExp])[] = [
    [["forget"], /"forget" is not one of: reset/],
    [["reset"], /which counter\?/],
    [["reset", "shop"], /shop is neither POLICY\/QUOTA nor a counter/],
    [["reset", "a/b/c"], /a\/b\/c is neither/],
    [["reset", "c_0123", "x"], /says it all/],
    [["reset", "--policy", "shop", "per-client"], /--policy chooses what is listed/],
    [["reset", "--domain", "edge"], /which entries of edge\? KEY=VALUE/],
    [["--format", "xml"], /--format is text or json, not xml/],
  ];
  for (const [args, complaint] of wrong) {
    it(`refuses: weir quotas ${args.join(" ")}`, async () => {
      const { code, complained } = await run(["quotas", ...args, ...admin]);
      assert.equal(code, 2);
      assert.match(complained, complaint);
      assert.deepEqual(asked, []);
    });
  }
});
