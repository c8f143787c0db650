import assert from "node:assert/strict";
import { addApplication, addService, type Threescale } from "../../support/threescale.ts";
import type { BookService } from "../../support/threescale-book.ts";
import type { ProxySettings } from "../../support/threescale-config.ts";
import { startRunning, type Running } from "./running.ts";

const KEYED: ProxySettings = {
  id: "7",
  name: "orders",
  hosts: ["orders.example.com"],
  serviceToken: "svc-1",
  metrics: [
    ["hits", undefined],
    ["search", "hits"],
    ["write", "hits"],
    ["credits", undefined],
  ],
  rules: ["GET / hits 1", "GET /search search 1", "POST /orders write 2", "GET /paid credits 5"],
};

const get = (path: string, more: object = {}): Readonly<Record<string, unknown>> => ({
  method: "GET",
  path,
  ...more,
});

describe("3scale, asked", () => {
  let open: AsyncDisposableStack;
  let running: Running;
  let service: BookService;
  beforeEach(() => (open = new AsyncDisposableStack()));
  afterEach(() => open.disposeAsync());

  const start = async (config: object = {}, settings: Partial<ProxySettings> = {}): Promise<void> => {
    running = await startRunning(
      open,
      (three) => {
        service = addService(three, { ...KEYED, ...settings });
        addApplication(service, "key-1");
      },
      config,
    );
  };
  const KEY = { user_key: "key-1" };
  const calls = (): Threescale["calls"] => running.three.calls;
  const total = (metric = "hits", application = "key-1"): number =>
    running.three.book.total("7", application, metric);
  const times = async (count: number, path = "/a", more: object = KEY): Promise<readonly string[]> => {
    const answers: string[] = [];
    for (let one = 0; one < count; one++) answers.push(await running.asked(get(path, more)));
    return answers;
  };

  it("is asked once for many requests, and told of all of them", async () => {
    await start();
    assert.deepEqual(new Set(await times(50)), new Set(["allow"]));
    assert.deepEqual(await running.report(), { kind: "delivered" });
    assert.deepEqual([calls().authorize, calls().report, total()], [1, 1, 50]);
    assert.deepEqual(running.three.reports, [1]);
  });

  it("answers with the plan, what is left and what is used", async () => {
    await start();
    addApplication(service, "key-2", {
      plan: "Gold & more".replace("&", "and"),
      limits: [{ metric: "hits", period: "day", max: 10 }],
    });
    const answer = await running.check(get("/search/x", { user_key: "key-2" }));
    assert.deepEqual(answer, {
      verdict: "allow",
      outputs: new Map<string, unknown>([
        ["service", "7"],
        ["plan", "Gold and more"],
        ["remaining", new Map([["hits", 8n]])],
        ["usage", "hits=1 search=1"],
      ]),
    });
  });

  describe("refuses in the words of the proxy configuration", () => {
    const words = {
      error_auth_failed: '{"error":"no"}',
      error_headers_auth_failed: "application/json",
      error_status_auth_failed: 401,
      error_auth_missing: "who?",
      error_status_auth_missing: 400,
      error_no_match: "nothing there",
      error_limits_exceeded: "enough",
      error_status_limits_exceeded: 420,
    };
    for (const [what, input, expected] of [
      ["a credential that is unknown", get("/a", { user_key: "other" }), '401 {"error":"no"}'],
      ["a credential that can be none", get("/a", { user_key: "a\u0000b" }), '401 {"error":"no"}'],
      ["no credential", get("/a"), "400 who?"],
      ["an empty credential", get("/a", { user_key: "" }), "400 who?"],
      ["a path without a rule", { ...get("/a", KEY), method: "DELETE" }, "404 nothing there"],
      ["a path that cannot be read", get("/%zz", KEY), "400 the path cannot be read"],
      [
        "a host that has no service",
        get("/a", { ...KEY, host: "x.example.com" }),
        "404 there is no service at this host",
      ],
      [
        "usage that is negative",
        { ...KEY, usage: new Map([["hits", -1n]]) },
        "400 the usage is out of bounds",
      ],
    ] as const) {
      it(what, async () => {
        await start({}, { proxy: words });
        assert.equal(await running.asked(input), expected);
      });
    }

    it("limits that are used up, with when to come again", async () => {
      await start({}, { proxy: words });
      service.applications.get("key-1")?.limits.push({ metric: "hits", period: "minute", max: 2 });
      const leftS = 60 - Math.floor((running.host.nowMs() / 1_000) % 60);
      assert.deepEqual(await times(3), ["allow", "allow", `420 enough (again in ${leftS})`]);
    });

    it("a metric that the plan does not have, as a credential that is wrong", async () => {
      await start();
      service.applications.get("key-1")?.limits.push({ metric: "credits", period: "eternity", max: 0 });
      assert.equal(await running.asked(get("/paid", KEY)), "403 Authentication failed");
    });
  });

  it("finds the service by host, name or id, or where there is one only", async () => {
    await start();
    for (const input of [{}, { host: "Orders.example.com" }, { service: "orders" }, { service: "7" }])
      assert.equal(await running.asked(get("/a", { ...KEY, ...input })), "allow");
    assert.equal(
      await running.asked(get("/a", { ...KEY, service: "x" })),
      "error: 3scale knows no such service",
    );
  });

  it("asks without usage who somebody is, and counts nothing", async () => {
    await start();
    assert.equal(await running.asked({ credential: "key-1" }), "allow");
    await running.report();
    assert.deepEqual([calls().authorize, calls().report, total()], [1, 0, 0]);
  });

  it("takes usage as it is given", async () => {
    await start();
    assert.equal(
      await running.asked({
        ...KEY,
        usage: new Map([
          ["credits", 7n],
          ["hits", 0n],
        ]),
      }),
      "allow",
    );
    await running.report();
    assert.deepEqual([total("credits"), total("hits")], [7, 0]);
  });

  it("takes parameters of a form above those of the query", async () => {
    await start({}, { rules: ["POST /a?x=1 hits 1"] });
    const post = { ...KEY, method: "POST", path: "/a?x=2" };
    assert.equal(await running.asked(post), "404 No Mapping Rule matched");
    assert.equal(await running.asked({ ...post, form: "x=1" }), "allow");
  });

  describe("by id and key", () => {
    const two = { backendVersion: "2" };
    const asked = (key?: string): Promise<string> =>
      running.asked(get("/a", { app_id: "a1", ...(key === undefined ? {} : { app_key: key }) }));
    beforeEach(async () => {
      await start({}, two);
      addApplication(service, "a1", { keys: ["k1"] });
    });

    it("remembers each key by itself", async () => {
      assert.deepEqual(
        [await asked("k1"), await asked("k2"), await asked("k1"), await asked()],
        [...["allow", "403 Authentication failed", "allow", "403 Authentication failed"]],
      );
      assert.equal(calls().authorize, 3);
    });

    it("needs no key of who is known otherwise, where the application has none", async () => {
      addApplication(service, "mesh-1");
      assert.equal(await running.asked(get("/a", { app_id: "mesh-1" })), "allow");
      const answer = await running.check(get("/a", { app_id: "mesh-1" }));
      assert.equal(answer.verdict === "allow" && answer.outputs?.get("app_id"), "mesh-1");
    });

    it("reads no text that a caller can write", async () => {
      const injected = '"</reason><authorized>true</authorized><plan>Gold</plan><reason>';
      assert.equal(await asked(injected), "403 Authentication failed");
    });

    it("is tried a few times a second only, whatever key is guessed", async () => {
      const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => asked(`guess-${index}`)));
      assert.equal(answers.filter((one) => one.startsWith("429 ")).length, 45);
      assert.equal(calls().authorize, 5);
    });
  });

  describe("counts by itself between two answers", () => {
    const limited = async (
      limits: { metric: string; period: string; max: number }[],
      config: object = {},
    ): Promise<void> => {
      await start(config);
      service.applications.get("key-1")?.limits.push(...limits);
    };
    const count = (answers: readonly string[]): number => answers.filter((one) => one === "allow").length;

    for (const period of ["minute", "hour", "day", "week", "month", "year", "eternity"]) {
      it(`within a limit of a ${period}`, async () => {
        await limited([{ metric: "hits", period, max: 5 }]);
        assert.equal(count(await times(8)), 5);
        assert.equal(calls().authorize, 1);
      });
    }

    it("anew in the next window", async () => {
      await limited([{ metric: "hits", period: "minute", max: 2 }], {
        cache: { allowed: "1h", maxAge: "1h" },
      });
      assert.equal(count(await times(5)), 2);
      running.host.advance(60_000);
      assert.equal(count(await times(5)), 2);
      assert.equal(calls().authorize, 1);
    });

    it("what methods use of the metric above them, whatever they were asked for by", async () => {
      await limited([{ metric: "hits", period: "day", max: 6 }]);
      assert.equal(count(await times(1, "/search")), 1);
      assert.equal(count(await times(10, "/a")), 4);
      assert.equal(count(await times(1, "/search")), 0);
    });

    it("what waits to be reported, when the back-end is asked again", async () => {
      await limited([{ metric: "hits", period: "day", max: 10 }]);
      assert.equal(count(await times(6)), 6);
      running.host.advance(20_000);
      assert.equal(count(await times(6)), 4);
      await running.report();
      assert.deepEqual([total(), calls().authorize], [10, 2]);
      running.host.advance(20_000);
      assert.equal(count(await times(6)), 0);
    });

    it("what others have used, as the back-end says", async () => {
      await limited([{ metric: "hits", period: "day", max: 10 }]);
      running.three.book.count(service, "key-1", new Map([["hits", 7]]));
      assert.equal(count(await times(6)), 3);
    });
  });

  describe("is believed again and again", () => {
    beforeEach(() => start({ cache: { allowed: "10s", stale: "0s" } }));

    for (const [what, change, expected] of [
      [
        "that the application is suspended",
        () =>
          running.three.book.services.get("7")?.applications.get("key-1") ??
          service.applications.get("key-1"),
        "403 Authentication failed",
      ],
    ] as const) {
      it(what, async () => {
        assert.deepEqual(await times(1), ["allow"]);
        const application = change();
        assert.ok(application !== undefined);
        application.state = "suspended";
        running.host.advance(9_000 - 1_000);
        assert.deepEqual(await times(1), ["allow"]);
        // The time of an answer, and a minute for which 3scale itself remembers.
        running.host.advance(60_000);
        assert.deepEqual(await times(1), [expected]);
      });
    }

    it("that a limit is lower now", async () => {
      assert.deepEqual(await times(3), ["allow", "allow", "allow"]);
      await running.report();
      service.applications.get("key-1")?.limits.push({ metric: "hits", period: "day", max: 3 });
      running.host.advance(70_000);
      assert.match((await times(1)).join(""), /^429 Limits exceeded \(again in \d+\)$/);
    });

    it("that a key is no more, and what waits of it spoils no other's report", async () => {
      addApplication(service, "key-2");
      await times(2);
      await times(3, "/a", { user_key: "key-2" });
      service.applications.delete("key-1");
      running.host.advance(70_000);
      assert.deepEqual(await times(1), ["403 Authentication failed"]);
      await running.report();
      assert.deepEqual([total("hits", "key-2"), running.three.book.droppedBatches], [3, []]);
      assert.equal(running.host.counted.get("usage_total lost"), 2);
    });
  });

  describe("in mode exact", () => {
    beforeEach(() => start({ mode: "exact" }));

    it("decides and counts each request", async () => {
      service.applications.get("key-1")?.limits.push({ metric: "hits", period: "day", max: 2 });
      assert.deepEqual(await times(3), ["allow", "allow", "429 Limits exceeded (again in 7)"]);
      assert.deepEqual([calls().authrep, calls().authorize, total()], [3, 0, 2]);
    });

    it("asks who somebody is without counting", async () => {
      assert.equal(await running.asked({ credential: "key-1" }), "allow");
      assert.deepEqual([calls().authrep, calls().authorize], [0, 1]);
    });

    for (const [behaviour, reason] of [
      ["cut", /^error: GET .*\/transactions\/authrep.xml failed: the connection was/],
      [{ status: 503, body: "" }, /^error: 3scale answers 503$/],
      [{ status: 200, body: "<html>" }, /^error: 3scale answers 200 with something else/],
    ] as const) {
      it(`asks once where it fails: ${JSON.stringify(behaviour)}`, async () => {
        running.three.behaviour.backend = behaviour;
        assert.match((await times(1)).join(""), reason);
        assert.equal(calls().authrep, 1);
      });
    }
  });
});
