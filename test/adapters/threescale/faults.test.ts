import assert from "node:assert/strict";
import { addApplication, addService, type Behaviour } from "../../support/threescale.ts";
import type { BookService } from "../../support/threescale-book.ts";
import type { ProxySettings } from "../../support/threescale-config.ts";
import { startRunning, type Running } from "./running.ts";

const SETTINGS: ProxySettings = {
  id: "7",
  name: "orders",
  serviceToken: "svc-1",
  metrics: [
    ["hits", undefined],
    ["other", undefined],
  ],
};
const request = (key = "key-1"): Readonly<Record<string, unknown>> => ({
  user_key: key,
  method: "GET",
  path: "/a",
});

describe("3scale at fault", () => {
  let open: AsyncDisposableStack;
  let running: Running;
  let service: BookService;
  beforeEach(() => (open = new AsyncDisposableStack()));
  afterEach(() => open.disposeAsync());

  const start = async (config: object = {}): Promise<void> => {
    running = await startRunning(
      open,
      (three) => {
        service = addService(three, SETTINGS);
        addApplication(service, "key-1");
      },
      config,
    );
  };
  const total = (application = "key-1"): number => running.three.book.total("7", application);
  const behaves = (backend: Behaviour): void => void (running.three.behaviour.backend = backend);
  const usage = (state: string): number => running.host.counted.get(`usage_total ${state}`) ?? 0;

  describe("that cannot be asked", () => {
    const FAULTS: readonly (readonly [what: string, behaviour: Behaviour])[] = [
      ["is slow", "hang"],
      ["cuts connections", "cut"],
      ["fails", { status: 500, body: "" }],
      ["is behind a gateway that fails", { status: 502, body: "<html>bad gateway</html>" }],
      ["answers 200 with a page", { status: 200, body: "<html><body>welcome</body></html>" }],
      [
        "answers 200 with half an answer",
        { status: 200, body: "<status><authorized>true</authorized><plan>x</plan>" },
      ],
      ["answers 200 with nothing", { status: 200, body: "" }],
      ["leads elsewhere", { status: 302, body: "" }],
      ["is too busy", { status: 429, body: "" }],
      ["refuses our token", { status: 403, body: '<error code="service_token_invalid">x</error>' }],
      ["refuses with a page", { status: 403, body: "<html>forbidden</html>" }],
    ];
    for (const [what, behaviour] of FAULTS) {
      it(`${what}: who is not known has no answer, who is known has one for as long as the policy says`, async () => {
        await start({
          timeout: "100ms",
          onFailure: "resilient",
          cache: { allowed: "10s", stale: "0s", maxAge: "60s" },
        });
        assert.equal(await running.asked(request()), "allow");
        behaves(behaviour);
        assert.match(await running.asked(request("key-2")), /^error: /);
        assert.equal(await running.asked(request()), "allow");
        running.host.advance(30_000);
        assert.equal(await running.asked(request()), "allow");
        running.host.advance(40_000);
        assert.match(await running.asked(request()), /^error: /);
        assert.notEqual(running.handler.status().state, "ready");
        behaves("well");
        running.host.advance(10_000);
        assert.equal(await running.asked(request()), "allow");
        assert.equal(running.handler.status().state, "ready");
      });
    }

    it("lets pass who is not known where it is told to, counts nothing of it, and not while we are misconfigured", async () => {
      await start({ onFailure: "open" });
      addApplication(service, "key-2");
      behaves("cut");
      assert.equal(await running.asked(request("key-2")), "allow");
      await running.report();
      assert.equal(running.three.calls.report, 0);
      behaves({ status: 403, body: '<error code="service_token_invalid">x</error>' });
      running.host.advance(10_000);
      assert.match(await running.asked(request("key-2")), /^error: 3scale says service_token_invalid/);
    });

    it("keeps a no a no, whatever fails later", async () => {
      await start({ onFailure: "open" });
      assert.equal(await running.asked(request("bad")), "403 Authentication failed");
      behaves("cut");
      running.host.advance(20_000);
      assert.equal(await running.asked(request("bad")), "403 Authentication failed");
    });
  });

  it("is asked by ten thousand unknown keys no more often than it may be, and known ones are served", async () => {
    await start({ cache: { asksPerSecond: 50 }, onFailure: "open" });
    assert.equal(await running.asked(request()), "allow");
    const startedAtMs = performance.now();
    const answers = new Map<string, number>();
    for (let batch = 0; batch < 20; batch++) {
      const all = Array.from({ length: 500 }, (_, index) =>
        running.asked(request(`guess-${batch}-${index}`)),
      );
      for (const answer of await Promise.all(all)) {
        const status = answer.slice(0, 3);
        answers.set(status, (answers.get(status) ?? 0) + 1);
      }
      assert.equal(await running.asked(request()), "allow");
    }
    const seconds = Math.ceil((performance.now() - startedAtMs) / 1_000) + 1;
    assert.ok(running.three.calls.authorize <= 1 + 50 * seconds, `${running.three.calls.authorize} calls`);
    assert.equal((answers.get("429") ?? 0) + (answers.get("403") ?? 0), 10_000);
  });

  describe("that cannot be told", () => {
    const used = async (count: number): Promise<void> => {
      for (let one = 0; one < count; one++) assert.equal(await running.asked(request()), "allow");
    };

    for (const status of [429, 500, 503]) {
      it(`answers ${status}: it is told again`, async () => {
        await start();
        await used(3);
        behaves({ status, body: "" });
        const delivery = await running.report();
        assert.ok(delivery.kind === "partly" && delivery.retry.length === 1 && delivery.unknown.length === 0);
        assert.match(running.handler.status().detail, /reports wait on disk: 3scale answers/);
        assert.equal(usage("delivered") + usage("lost") + usage("unknown"), 0);
      });
    }

    for (const [what, behaviour] of [
      ["cuts the connection behind the request", "cut"],
      ["is behind a gateway that lost it", { status: 504, body: "" }],
    ] as const) {
      it(`${what}: it is never told again, because it would count twice`, async () => {
        await start();
        await used(3);
        behaves(behaviour);
        const delivery = await running.report();
        assert.ok(delivery.kind === "partly" && delivery.retry.length === 0 && delivery.unknown.length === 1);
        assert.equal(usage("unknown"), 3);
      });
    }

    it("is away: it is told again", async () => {
      await start();
      await used(3);
      await running.three.stop();
      const delivery = await running.report();
      assert.ok(delivery.kind === "partly" && delivery.retry.length === 1 && delivery.unknown.length === 0);
    });

    it("refuses our token: what waits is kept", async () => {
      await start();
      await used(3);
      service.token = "svc-2";
      const delivery = await running.report();
      assert.ok(
        delivery.kind === "partly" && delivery.retry.length === 1 && (delivery.afterMs ?? 0) >= 10_000,
      );
      assert.match(delivery.reason, /403 service_token_invalid/);
    });

    it("refuses what is bad of a batch: the rest arrives", async () => {
      await start();
      await used(2);
      behaves({ status: 400, body: '<error code="bad_request">x</error>' });
      assert.deepEqual(await running.report(), {
        kind: "refused",
        dropped: 1,
        reason: "3scale answers 400 bad_request to reports",
      });
      assert.equal(usage("lost"), 2);
    });

    it("takes no more than so many parameters, so that a large batch comes in several", async () => {
      await start({ cache: { asksPerSecond: 10_000 } });
      for (let one = 0; one < 2_500; one++) addApplication(service, `many-${one}`);
      for (let one = 0; one < 2_500; one++)
        assert.equal(await running.asked(request(`many-${one}`)), "allow");
      assert.equal((await running.report()).kind, "delivered");
      assert.deepEqual(running.three.reports, [1_000, 1_000, 500]);
      assert.deepEqual([total("many-0"), total("many-2499"), running.three.book.droppedBatches], [1, 1, []]);
    });

    it("takes nothing that is older than a day: it is lost, and spoils no other's report", async () => {
      await start();
      await used(3);
      running.host.advance(25 * 3_600_000);
      await used(2);
      assert.equal((await running.report()).kind, "refused");
      assert.deepEqual([total(), usage("lost"), usage("delivered")], [2, 3, 2]);
      assert.deepEqual(running.three.book.droppedBatches, []);
    });
  });

  describe("whose services change", () => {
    it("are followed, and one that is broken stays as it was", async () => {
      await start();
      running.three.settings.set("7", { ...SETTINGS, version: 2, rules: ["GET /a other 3"] });
      await running.refresh();
      assert.equal(await running.asked(request()), "allow");
      await running.report();
      assert.equal(running.three.book.total("7", "key-1", "other"), 3);
      running.three.settings.set("7", { ...SETTINGS, version: 3, backendVersion: "9" });
      await running.refresh();
      assert.equal(await running.asked(request()), "allow");
      const { state, detail } = running.handler.status();
      assert.equal(state, "stale");
      assert.match(detail, /1 with faults: service 7: its backend_version is 9/);
    });

    it("are used as they were last, while the system API is away, by the next process too", async () => {
      await start();
      const kept = running.host.files.get("state/services.json")?.toString() ?? "";
      assert.match(kept, /"backend_authentication_value":"svc-1"/);
      running.three.behaviour.system = { status: 500, body: "" };
      await running.refresh();
      assert.equal(await running.asked(request()), "allow");
      assert.match(running.handler.status().detail, /answers 500/);
    });

    for (const [body, reason] of [
      ["<html>", /something else than JSON/],
      ['{"proxy_configs":{}}', /something else than proxy configurations/],
    ] as const) {
      it(`are not taken from ${body}`, async () => {
        await start();
        running.three.behaviour.system = { status: 200, body };
        await running.refresh();
        assert.match(running.handler.status().detail, reason);
        assert.equal(await running.asked(request()), "allow");
      });
    }

    it("are listed page by page", async () => {
      await start();
      for (let id = 1_000; id < 1_700; id++)
        addService(running.three, { ...SETTINGS, id: String(id), name: `s-${id}` });
      await running.refresh();
      assert.match(running.handler.status().detail, /^701 services/);
      assert.equal(running.three.calls.configs, 3);
    });
  });

  describe("counted from access logs", () => {
    const entry = (added: Readonly<Record<string, string | number>>) => ({
      kind: "fields" as const,
      rule: "a/b",
      observedAtMs: 0,
      timeMs: undefined,
      severity: "info" as const,
      fields: new Map(),
      trace: undefined,
      added: new Map(Object.entries(added)),
    });
    const told = async (...added: readonly Readonly<Record<string, string | number>>[]): Promise<unknown> => {
      const call = { deadlineAtMs: running.host.nowMs() + 1_000, signal: AbortSignal.timeout(1_000) };
      return running.handler.report?.(added.map(entry), call);
    };

    it("counts what was served, and not what was checked", async () => {
      await start({ countFrom: "log" });
      addApplication(service, "a1", { keys: ["k"] });
      assert.equal(await running.asked(request()), "allow");
      const used = { service: "7", app_id: "a1", usage: "hits=2 other=1" };
      assert.deepEqual(await told(used, used), { kind: "delivered" });
      await running.report();
      assert.deepEqual([total(), total("a1"), running.three.book.total("7", "a1", "other")], [0, 4, 2]);
    });

    it("tells with what status each request was answered, where the rule does", async () => {
      await start({ countFrom: "log" });
      addApplication(service, "a1", { keys: ["k"] });
      const used = { service: "7", app_id: "a1", usage: "hits=2" };
      const statuses: readonly (string | number)[] = [200, 200, "404", 0, 302, 20000];
      assert.deepEqual(await told(used, ...statuses.map((code) => ({ ...used, code }))), {
        kind: "delivered",
      });
      assert.deepEqual(await running.report(), { kind: "delivered" });
      assert.deepEqual([total("a1"), running.three.reports], [14, [3 + 1]]);
      assert.deepEqual(Object.fromEntries(running.three.book.codes), { "a1 200": 2, "a1 404": 1 });
    });

    it("counts nothing twice where it has to ask again", async () => {
      await start({ countFrom: "log" });
      for (const id of ["a1", "a2"]) addApplication(service, id);
      const used = (id: string): Record<string, string> => ({ service: "7", app_id: id, usage: "hits=1" });
      assert.deepEqual(await told(used("a1")), { kind: "delivered" });
      behaves("cut");
      const both = [used("a1"), used("a2")];
      assert.equal(((await told(...both)) as { kind: string }).kind, "retry");
      behaves("well");
      assert.deepEqual(await told(...both), { kind: "delivered" });
      await running.report();
      assert.deepEqual([total("a1"), total("a2")], [2, 1]);
    });

    it("reports nothing of an application that 3scale does not know, and nothing that is not whole", async () => {
      await start({ countFrom: "log" });
      const delivery = await told(
        { service: "7", app_id: "nobody", usage: "hits=1" },
        { service: "7", usage: "hits=1" },
        { service: "8", app_id: "a1", usage: "hits=1" },
        { service: "7", app_id: "a1", usage: "hits=-1" },
        { service: "7", app_id: "a1", usage: "hits=1 hits=1" },
        { service: "7", app_id: "a1", usage: "" },
      );
      assert.deepEqual({ ...(delivery as object), reason: "" }, { kind: "refused", dropped: 6, reason: "" });
      await running.report();
      assert.equal(running.three.calls.report, 0);
    });
  });
});
