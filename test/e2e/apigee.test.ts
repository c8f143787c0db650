import assert from "node:assert/strict";
import { type Apigee, recordsOf, startApigee } from "../support/apigee.ts";
import {
  ANALYTICS,
  API,
  claimsOf,
  documentedPolicy,
  productOf,
  serverFor,
  startReady,
} from "../support/apigee-mesh.ts";
import { requestHttp1 } from "../support/http.ts";
import { ask, type Mesh, startAskingEnvoy } from "../support/mesh.ts";
import { need } from "../support/need.ts";
import { until } from "../support/until.ts";
import { startUpstream } from "../support/upstream.ts";
import { removeFolder, type Weir, writeFolder } from "../support/weir.ts";

type Asked = Awaited<ReturnType<typeof ask>>;

describe("Apigee behind Envoy's checks, by the documented policy", () => {
  const open = new AsyncDisposableStack();
  let apigee: Apigee;
  let mesh: Mesh;
  let other: Mesh;

  before(async function () {
    const program = await need(this, "envoy");
    apigee = open.adopt(await startApigee(), (one) => one.stop());
    apigee.products = [productOf("open"), productOf("thousand", 1_000), productOf("ten", 10)];
    apigee.keys.set("many", claimsOf("many-app", "thousand"));
    apigee.keys.set("shared", claimsOf("shared-app", "ten"));
    apigee.keys.set("plain", {
      ...claimsOf("plain-app", "open", "thousand"),
      custom_attributes: '{"tier":"gold"}',
    });
    const upstream = open.adopt(await startUpstream(), (one) => one.stop());
    const startOne = async (): Promise<Mesh> => {
      const files = {
        "weir.yaml": serverFor(apigee, "state", ANALYTICS(apigee)),
        "orders.yaml": documentedPolicy(),
      };
      const folder = open.adopt(await writeFolder(files), removeFolder);
      const weir: Weir = await startReady(folder, open);
      const envoy = await startAskingEnvoy({ program, weir, upstream, logs: "sent" }, open);
      return { folder, weir, upstream, envoy };
    };
    mesh = await startOne();
    other = await startOne();
  });
  after(() => open.disposeAsync());

  const send = (
    key: string,
    more: { path?: string; headers?: [string, string][] } = {},
    by = mesh,
  ): Promise<Asked> =>
    ask(by, requestHttp1, {
      authority: API,
      path: more.path ?? "/orders/7",
      headers: [...(key === "" ? [] : [["x-api-key", key] as const]), ...(more.headers ?? [])],
    });
  const recorded = (path: string): ReturnType<typeof recordsOf> =>
    recordsOf(apigee).filter((one) => one["request_path"] === path);
  const untilRecorded = (path: string, count: number): Promise<unknown> =>
    until(() => recorded(path).length >= count, { what: `${count} records of ${path}`, timeoutMs: 15_000 });

  it("asks once about a key of two hundred requests, whose quota is told in a few syncs", async () => {
    const before = { ...apigee.calls };
    const answers = await Promise.all(Array.from({ length: 200 }, () => send("many")));
    assert.deepEqual(new Set(answers.map(({ answer }) => answer.status)), new Set([200]));
    await until(() => apigee.counters.get("thousand-prod-ann@example.com-many-app") === 200, {
      what: "two hundred to be counted",
      timeoutMs: 10_000,
    });
    assert.equal(apigee.calls.verifyApiKey - before.verifyApiKey, 1);
    const syncs = apigee.calls.quotas - before.quotas;
    assert.ok(syncs <= 30, `${syncs} syncs`);
    assert.equal(apigee.calls.products, before.products);
  });

  it("lets a quota of ten pass ten requests through two weirs, and charges no more", async () => {
    let passed = 0;
    for (let round = 0; round < 8; round++) {
      for (const by of [mesh, other]) {
        const { status } = (await send("shared", {}, by)).answer;
        if (status === 200) passed++;
        else assert.equal(status, 429);
      }
      // Each learns what the other has let pass when it tells its own.
      const known = passed;
      await until(() => (apigee.counters.get("ten-prod-ann@example.com-shared-app") ?? 0) >= known, {
        what: `${known} to be counted`,
      });
    }
    assert.ok(passed >= 10 && passed <= 11, `${passed} have passed`);
    await until(() => apigee.counters.get("ten-prod-ann@example.com-shared-app") === passed, {
      what: "the sum",
    });
    const { answer } = await send("shared");
    const retry = Number(answer.headers.find(([name]) => name === "retry-after")?.[1]);
    assert.ok(retry > 0 && retry <= 86_400, String(retry));
  });

  it("sets its headers and metadata, and lets no copy of a caller's pass", async () => {
    const forged = ["authorized", "clientid", "apiproducts", "scope", "accesstoken", "customattributes"];
    const headers = forged.map((name): [string, string] => [`x-apigee-${name}`, "forged"]);
    const { received, answer } = await send("plain", { headers });
    assert.equal(answer.status, 200);
    const found = Object.entries(received?.headers ?? {}).filter(([name]) => name.startsWith("x-apigee-"));
    assert.deepEqual(Object.fromEntries(found.sort()), {
      "x-apigee-analytics-product": "open",
      "x-apigee-api": API,
      "x-apigee-apiproducts": "open,thousand",
      "x-apigee-application": "plain-app",
      "x-apigee-authorized": "true",
      "x-apigee-clientid": "plain",
      "x-apigee-customattributes": '{"tier":"gold"}',
      "x-apigee-developeremail": "ann@example.com",
      "x-apigee-environment": "prod",
      "x-apigee-organization": "acme",
    });
  });

  it("refuses as the contract says, and records each refusal once", async () => {
    const cases = [
      { path: "/orders/none", key: "", status: 401, client: undefined, product: undefined },
      { path: "/orders/unknown", key: "nobody", status: 403, client: undefined, product: undefined },
      { path: "/closed", key: "plain", status: 403, client: "plain", product: undefined },
      { path: "/orders/full", key: "shared", status: 429, client: "shared", product: "ten" },
    ];
    for (const { path, key, status } of cases)
      assert.equal((await send(key, { path: `${path}?a=1` })).answer.status, status);
    // What is recorded after them is recorded when they are.
    await send("plain", { path: "/orders/last" });
    await untilRecorded("/orders/last", 1);
    for (const { path, status, client, product } of cases) {
      const [record, ...others] = recorded(path);
      assert.deepEqual(others, [], path);
      assert.deepEqual(
        [record?.["response_status_code"], record?.["client_id"], record?.["api_product"]],
        [status, client, product],
        path,
      );
      assert.equal(record?.["target_sent_start_timestamp"], undefined, path);
    }
  });

  it("records what was let through, with eight times in their order", async () => {
    await send("plain", { path: "/orders/9?q=1" });
    await untilRecorded("/orders/9", 1);
    const [record = {}] = recorded("/orders/9");
    const times = [
      "client_received_start",
      "client_received_end",
      "target_sent_start",
      "target_sent_end",
    ].concat(["target_received_start", "target_received_end", "client_sent_end"]);
    const values = times.map((name) => Number(record[`${name}_timestamp`]));
    assert.deepEqual(
      values,
      values.toSorted((one, next) => one - next),
    );
    assert.ok(Math.abs(Number(values[0]) - Date.now()) < 60_000);
    assert.ok(
      Number(record["client_sent_start_timestamp"]) >= Number(record["target_received_start_timestamp"]),
    );
    const { developer_app, apiproxy, environment, organization, request_verb, recordType } = record;
    assert.deepEqual(
      [developer_app, apiproxy, environment, organization, request_verb, recordType],
      ["plain-app", API, "prod", "acme", "GET", "APIAnalytics"],
    );
  });
});
