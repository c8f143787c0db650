import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { framesIn } from "../../src/host/spool-frames.ts";
import { fastClock } from "../support/fast-clock.ts";
import { requestHttp1 } from "../support/http.ts";
import { addApplication, addService, startThreescale, type Threescale } from "../support/threescale.ts";
import { until } from "../support/until.ts";
import { removeFolder, startWeir, writeFolder, type Weir } from "../support/weir.ts";

interface Times {
  readonly allowed: string;
  readonly flush: string;
  readonly timeout: string;
}

const server = (system: string, { allowed, flush, timeout }: Times): string => `
weir: 1
listen:
  grpc: { address: 127.0.0.1:0 }
  http: { address: 127.0.0.1:0 }
  admin: { address: 127.0.0.1:0 }
  metrics: { address: 127.0.0.1:0 }
checkTimeout: 60s
outbound: { allowPrivate: [127.0.0.1] }
handlers:
  plans:
    adapter: threescale
    deadline: 50s
    config:
      system: ${system}
      accessToken: { env: THREESCALE_TOKEN }
      folder: state
      cache: { allowed: ${allowed}, maxAge: 1h }
      onFailure: resilient
      timeout: ${timeout}
      reports: { flush: ${flush} }
`;

const POLICY = `
weir: 1
policy: orders
match: { hosts: [orders.example.com] }
rules:
  - id: plan
    ask: plans
    as: plan
    with:
      service: orders
      method: \${request.method}
      path: \${request.path}
      user_key: \${request.headers["user-key"]}
  - id: known
    allow: plan.service == "7"
`;

describe("3scale and a weir that is killed, or is alone for long", () => {
  let open: AsyncDisposableStack;
  let three: Threescale;
  let folder: string;
  let environment: Readonly<Record<string, string>>;
  let weir: Weir;
  beforeEach(() => (open = new AsyncDisposableStack()));
  afterEach(() => open.disposeAsync());

  const prepare = async (times: Times, nowMs: () => number = Date.now, more = {}): Promise<void> => {
    three = open.adopt(await startThreescale(nowMs), (one) => one.stop());
    three.book.memoMs = 0;
    addApplication(addService(three, { id: "7", name: "orders", serviceToken: "svc-1" }), "key-1");
    const files = { "orders.yaml": POLICY, "weir.yaml": server(three.url, times) };
    folder = open.adopt(await writeFolder(files), removeFolder);
    environment = { ...more, THREESCALE_TOKEN: three.token };
    await start();
  };
  const start = async (): Promise<void> => {
    weir = open.adopt(await startWeir(folder, { environment }), (one) => one.process.stop());
    await until(async () => (await weir.status()).handlers.some(({ state }) => state !== "starting"), {
      what: "the services",
      timeoutMs: 15_000,
    });
  };
  const asked = async (key = "key-1"): Promise<number> => {
    const headers = [["user-key", key]] as const;
    const request = { authority: "orders.example.com", path: "/a", headers };
    return (await requestHttp1({ port: weir.httpPort ?? assert.fail("no listener") }, request)).status;
  };
  const kill = async (): Promise<void> => {
    weir.process.signal("SIGKILL");
    await weir.process.whenEnded;
  };
  const total = (): number => three.book.total("7", "key-1");
  const isDelivered = async (): Promise<boolean> =>
    (await weir.metric('weir_threescale_spool_records{handler="plans"}')) === 0;
  const delivered = (): Promise<unknown> => until(isDelivered, { what: "an empty disk", timeoutMs: 20_000 });
  /** What lies aside because it may have been counted. */
  const aside = async (): Promise<number> => {
    const reports = join(folder, "state/reports");
    const names = (await readdir(reports)).filter((name) => /\.(unknown|sending)$/.test(name));
    const records = (await Promise.all(names.map((name) => readFile(join(reports, name))))).flatMap(
      (content) => framesIn(content).records,
    );
    const usages = records.map(
      (one) => (JSON.parse(one.toString()) as { readonly usage: Readonly<Record<string, number>> }).usage,
    );
    return usages.reduce((sum, usage) => sum + (usage["hits"] ?? 0), 0);
  };

  describe("that is killed", function () {
    this.timeout(60_000);
    const TIMES = { allowed: "10m", flush: "100ms", timeout: "2s" };
    /** What docs/adapters/threescale.md says is lost by a kill, and as much for timers of a busy machine. */
    const LOST_MS = 1_000;

    it("loses nothing of what was counted a moment before, and counts nothing twice", async () => {
      await prepare(TIMES);
      assert.equal(await asked(), 200);
      await until(() => total() === 1, { what: "the first to be counted" });
      three.behaviour.backend = { status: 503, body: "" };
      for (let one = 0; one < 40; one++) assert.equal(await asked(), 200);
      await pause(LOST_MS);
      await kill();
      three.behaviour.backend = "well";
      await start();
      await until(() => total() === 41, { what: "all to be counted", timeoutMs: 20_000 });
      await delivered();
      assert.deepEqual([total(), await aside()], [41, 0]);
    });

    it("tells nobody again what it was telling when it was killed", async () => {
      await prepare(TIMES);
      assert.equal(await asked(), 200);
      await until(() => total() === 1, { what: "the first to be counted" });
      await delivered();
      three.behaviour.backend = "mute";
      for (let one = 0; one < 10; one++) assert.equal(await asked(), 200);
      await until(() => total() === 11, { what: "a report without an answer", timeoutMs: 10_000 });
      await kill();
      three.behaviour.backend = "well";
      await start();
      assert.equal(await aside(), 10);
      for (let one = 0; one < 5; one++) assert.equal(await asked(), 200);
      await until(() => total() === 16, { what: "what came later", timeoutMs: 20_000 });
      await delivered();
      assert.equal(total(), 16);
    });

    it("loses at most the last moment whenever that is, and never counts twice", async () => {
      await prepare(TIMES);
      let [passed, late] = [0, 0];
      for (let round = 0; round < 4; round++) {
        if (round > 0) await start();
        const endAtMs = performance.now() + 400 + Math.random() * 800;
        const moments: number[] = [];
        while (performance.now() < endAtMs) {
          assert.equal(await asked(), 200);
          moments.push(performance.now());
        }
        passed += moments.length;
        late += moments.filter((atMs) => atMs > endAtMs - LOST_MS).length;
        await kill();
      }
      await start();
      await delivered();
      await weir.process.stop();
      const missing = passed - total();
      assert.ok(missing >= 0, `${total()} were counted of ${passed}`);
      assert.ok(
        missing <= late + (await aside()),
        `${missing} of ${passed} are missing, of which ${late} were late`,
      );
      assert.deepEqual(three.book.droppedBatches, []);
    });
  });

  it("goes on for ten minutes without 3scale, whose counters then have all of it, each minute's in its minute", async function () {
    this.timeout(90_000);
    const clock = fastClock(60);
    await prepare({ allowed: "30s", flush: "10s", timeout: "60s" }, clock.nowMs, clock.environment);
    assert.equal(await asked(), 200);
    await until(() => total() === 1, { what: "the first to be counted", timeoutMs: 20_000 });
    await three.stop();
    const backAtMs = clock.nowMs() + 600_000;
    let passed = 1;
    while (clock.nowMs() < backAtMs) {
      assert.equal(await asked(), 200);
      passed++;
      await pause(20);
    }
    assert.equal(await asked("key-2"), 503);
    assert.equal(total(), 1);
    const [before] = three.reports.splice(0);
    assert.equal(before, 1);
    await three.comeBack();
    await until(() => total() === passed, { what: `${passed} to be counted`, timeoutMs: 30_000 });
    await delivered();
    assert.equal(total(), passed);
    assert.equal(await aside(), 0);
    assert.deepEqual(three.book.droppedBatches, []);
    const minutes = three.book.minutesOf("7", "key-1");
    assert.ok(minutes.length >= 10, `${minutes.length} minutes`);
    await until(async () => (await asked("key-2")) === 403, {
      what: "an answer about who is not known",
      timeoutMs: 20_000,
    });
  });
});
