import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Apigee, type Behaviour, recordsOf, startApigee } from "../support/apigee.ts";
import { type Asking, askServer } from "../support/apigee-asking.ts";
import {
  ANALYTICS,
  claimsOf,
  documentedPolicy,
  productOf,
  serverFor,
  startReady,
} from "../support/apigee-mesh.ts";
import { onSmallDisk } from "../support/small-disk.ts";
import { until } from "../support/until.ts";
import { removeFolder, type Weir, writeFolder } from "../support/weir.ts";

const COUNTER = "counted-prod-ann@example.com-counted-app";

describe("Apigee that fails, and weir that is killed", function () {
  this.timeout(60_000);
  let open: AsyncDisposableStack;
  let apigee: Apigee;
  let folder: string;
  let weir: Weir;
  let asking: Asking;
  let asked = 0;
  afterEach(() => open.disposeAsync());
  beforeEach(async () => {
    open = new AsyncDisposableStack();
    apigee = open.adopt(await startApigee(), (one) => one.stop());
    apigee.products = [productOf("open"), productOf("counted", 1_000)];
    apigee.keys.set("plain", claimsOf("plain-app", "open"));
    apigee.keys.set("counted", claimsOf("counted-app", "counted"));
    apigee.keys.set("new", claimsOf("new-app", "open"));
    folder = open.adopt(await writeFolder({ "orders.yaml": documentedPolicy() }), removeFolder);
    asked = 0;
  });

  async function start(state = "state", within: readonly string[] = []): Promise<void> {
    const more = `${ANALYTICS(apigee)}      timeout: 300ms\n      refresh: 1s\n      cache: { denied: 100ms }\n`;
    await writeFolderFile("weir.yaml", serverFor(apigee, state, more));
    weir = await startReady(folder, open, within);
    asking = askServer("port" in weir.checks ? weir.checks.port : 0, open);
  }

  const writeFolderFile = async (name: string, text: string): Promise<void> => {
    await writeFile(join(folder, name), text);
  };
  const status = async (key: string): Promise<number> =>
    (await asking.ask({ path: "/orders/1", headers: { "x-api-key": key } })).status;
  /** Requests that Envoy tells of, too, each with a path of its own. */
  async function tell(count: number): Promise<void> {
    for (let one = 0; one < count; one++) {
      const answer = await asking.askAndTell({
        path: `/orders/${asked++}`,
        headers: { "x-api-key": "plain" },
      });
      assert.equal(answer.status, 200);
    }
  }
  const recordedPaths = (): readonly number[] =>
    recordsOf(apigee)
      .map(({ request_path }) => Number(String(request_path).replace("/orders/", "")))
      .sort((one, next) => one - next);
  const allRecorded = (count: number): Promise<unknown> =>
    until(() => recordsOf(apigee).length >= count, { what: `${count} records`, timeoutMs: 30_000 });
  const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);
  const spooled = (result: string): Promise<number> =>
    weir.metric(`weir_apigee_spool_records_total{handler="apigee",result="${result}"}`);

  it("lets who is known pass and nobody else, whatever Apigee does, and tells quotas when it is back", async () => {
    await start();
    assert.deepEqual([await status("plain"), await status("counted")], [200, 200]);
    await until(() => apigee.counters.get(COUNTER) === 1, { what: "the first to be counted" });
    let passed = 1;
    let strangers = 0;
    const faults: readonly (Behaviour | "gone")[] = [
      { status: 500, body: '{"error":"x"}' },
      { status: 200, body: "<html>" },
      "hang",
      "gone",
    ];
    for (const fault of faults) {
      if (fault === "gone") await apigee.stop();
      else for (const call of ["verifyApiKey", "products"] as const) apigee.behaviour[call] = fault;
      if (fault === "gone" || (typeof fault === "object" && fault.status === 500)) {
        if (fault !== "gone") apigee.behaviour.quotas = fault;
        for (let one = 0; one < 5; one++, passed++) assert.equal(await status("counted"), 200);
      }
      assert.deepEqual(
        [await status("plain"), await status(`unknown-${strangers++}`)],
        [200, 503],
        JSON.stringify(fault),
      );
      if (fault === "gone") await apigee.comeBack();
      apigee.behaviour = {};
      const total = passed;
      await until(() => apigee.counters.get(COUNTER) === total, {
        what: `${total} to be counted`,
        timeoutMs: 15_000,
      });
      await until(async () => (await status(`unknown-${strangers++}`)) === 403, {
        what: "Apigee to be asked again",
        timeoutMs: 15_000,
      });
    }
    assert.equal(await status("new"), 200);
    apigee.products = [];
    await until(async () => (await status("plain")) === 403, {
      what: "the product to be gone",
      timeoutMs: 10_000,
    });
  });

  it("uploads what was refused, and what had expired, under the same name, each record once", async () => {
    await start();
    apigee.signedForMs = -1;
    await tell(20);
    await until(() => apigee.calls.upload >= 2, { what: "URLs that have expired", timeoutMs: 15_000 });
    apigee.signedForMs = 600_000;
    apigee.behaviour.upload = { status: 403, body: "" };
    const { upload } = apigee.calls;
    await until(() => apigee.calls.upload > upload, { what: "an upload that is refused", timeoutMs: 15_000 });
    apigee.behaviour.upload = "cut";
    await until(() => apigee.files.size === 1, {
      what: "one that arrives, unknown to weir",
      timeoutMs: 15_000,
    });
    apigee.behaviour = {};
    await until(async () => (await spooled("delivered")) >= 20, {
      what: "all to be uploaded",
      timeoutMs: 30_000,
    });
    assert.deepEqual(recordedPaths(), numbers(20));
  });

  it("uploads after it was killed what waited on disk, each record once", async () => {
    await start();
    apigee.behaviour.signedUrl = { status: 503, body: "" };
    await tell(30);
    await until(async () => (await spooled("taken")) === 30, { what: "all to be taken" });
    await until(
      async () => (await weir.metric('weir_apigee_spool_oldest_age_seconds{handler="apigee"}')) > 1,
      {
        what: "all to be on disk",
      },
    );
    // What is under way at that moment would be put aside; between two attempts there is a pause.
    const { signedUrl } = apigee.calls;
    await until(
      async () =>
        apigee.calls.signedUrl > signedUrl &&
        (await readdir(join(folder, "state/analytics"))).every((name) => !name.endsWith("sending")),
      { what: "an attempt to be over", timeoutMs: 20_000 },
    );
    weir.process.signal("SIGKILL");
    await weir.process.whenEnded;
    apigee.behaviour = {};
    await start();
    await tell(5);
    await allRecorded(35);
    assert.deepEqual(recordedPaths(), numbers(35));
    await until(async () => (await readdir(join(folder, "state/analytics"))).join() === "owner", {
      what: "an empty disk",
    });
  });

  it("puts aside what it was uploading when it was killed", async () => {
    await start();
    apigee.behaviour.upload = "hang";
    await tell(4);
    await until(() => apigee.calls.upload === 1, { what: "an upload", timeoutMs: 15_000 });
    weir.process.signal("SIGKILL");
    await weir.process.whenEnded;
    apigee.behaviour = {};
    await start();
    await tell(1);
    await allRecorded(1);
    assert.equal(recordedPaths().length, 1);
    assert.equal(await spooled("unknown"), 4);
  });

  it("goes on while the disk is full, and records again when there is room", async () => {
    const disk = join(folder, "disk");
    await mkdir(disk);
    await start(join(disk, "state"), onSmallDisk(disk));
    apigee.behaviour.signedUrl = { status: 503, body: "" };
    await until(
      async () => {
        await tell(100);
        return (await spooled("full")) > 0;
      },
      { what: "a full disk", timeoutMs: 40_000 },
    );
    assert.equal(await status("plain"), 200);
    apigee.behaviour = {};
    await until(async () => (await spooled("delivered")) > 0, { what: "an upload", timeoutMs: 30_000 });
    const [taken, before] = [await spooled("taken"), asked];
    await until(
      async () => {
        await tell(1);
        return (await spooled("taken")) > taken;
      },
      { what: "a record that is taken", timeoutMs: 15_000 },
    );
    await until(() => recordedPaths().some((path) => path >= before), {
      what: "it to be uploaded",
      timeoutMs: 15_000,
    });
    const paths = recordedPaths();
    assert.equal(new Set(paths).size, paths.length);
  });
});
