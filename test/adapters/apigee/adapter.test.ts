import assert from "node:assert/strict";
import { apigee as adapter } from "../../../adapters/apigee/adapter.ts";
import type { CheckAnswer, Handler } from "../../../src/adapter/adapter.ts";
import { createOutbound } from "../../../src/host/fetch.ts";
import { startApigee, type Apigee } from "../../support/apigee.ts";
import { signingKey, signToken } from "../../support/apigee-keys.ts";
import { until } from "../../support/until.ts";
import { createTestHost, tick, type TestHost } from "../host.ts";
import { fieldRecord } from "../records.ts";

const PRODUCT = {
  name: "p",
  environments: ["test"],
  attributes: [{ name: "apigee-remote-service-targets", value: "orders" }],
  apiResources: ["/orders/**"],
  quota: "5",
  quotaInterval: "1",
  quotaTimeUnit: "minute",
};
const CLAIMS = { api_product_list: ["p"], application_name: "app", developer_email: "d@x" };
const COUNTER = "p-test-d@x-app";
const GET = { api: "orders", method: "GET", path: "/orders/1" };

describe("Apigee, asked", () => {
  let open: AsyncDisposableStack;
  let remote: Apigee;
  let host: TestHost;
  let handler: Handler;
  beforeEach(() => (open = new AsyncDisposableStack()));
  afterEach(() => open.disposeAsync());

  const create = (config: object = {}, previous?: Handler): Handler =>
    adapter.create(
      {
        url: `${remote.url}/remote-service`,
        organization: "acme",
        environment: "test",
        credentials: { key: { env: "KEY" }, secret: { env: "SECRET" } },
        folder: "state",
        timeout: "500ms",
        analytics: { url: remote.url },
        ...config,
      },
      host,
      previous,
    );

  async function start(set: () => void = () => undefined, config: object = {}): Promise<void> {
    host = createTestHost();
    remote = open.adopt(await startApigee(host.nowMs), (one) => one.stop());
    remote.products = [PRODUCT];
    remote.keys.set("key-1", CLAIMS);
    set();
    const settings = { allowPrivate: ["127.0.0.0/8"] };
    const outbound = open.adopt(createOutbound({ settings, log: host.log }), (one) => one.close());
    Object.assign(host, { fetch: outbound.fetch });
    host.secrets.set("KEY", "k");
    host.secrets.set("SECRET", "s");
    handler = open.adopt(create(config), (one) => one.close());
    await handler.start();
    await until(() => handler.status().state !== "starting", { what: "the products" });
  }

  const ask = async (input: object, forMs = 1_000): Promise<CheckAnswer> => {
    const call = { deadlineAtMs: host.nowMs() + forMs, signal: AbortSignal.timeout(forMs) };
    return (await handler.check?.(new Map(Object.entries(input)), call)) ?? assert.fail("it can be asked");
  };
  const asked = async (input: object = {}): Promise<string> => {
    const answer = await ask({ key: "key-1", ...GET, ...input });
    switch (answer.verdict) {
      case "allow":
        return "allow";
      case "deny":
        return String(answer.status);
      case "error":
        return answer.reason;
    }
  };
  const times = async (count: number): Promise<readonly string[]> => {
    const answers: string[] = [];
    for (let one = 0; one < count; one++) answers.push(await asked());
    return answers;
  };

  it("is asked once about a key, lets the quota pass, and is told what passed", async () => {
    await start();
    assert.deepEqual(await times(8), [...Array<string>(5).fill("allow"), "429", "429", "429"]);
    await tick(host);
    assert.deepEqual([remote.calls.verifyApiKey, remote.counters.get(COUNTER)], [1, 5]);
    host.advance(60_000);
    assert.equal(await asked(), "allow");
  });

  it("signs tokens of its own, renewed early, and does so with a clock that is not the service's", async () => {
    const key = signingKey("7");
    const credentials = { privateKey: { file: "key.pem" }, keyId: "7" };
    for (const aheadMs of [0, 50_000, -50_000]) {
      await start(
        () => {
          host.secrets.set("key.pem", key.pem);
          remote.provisioned = [key];
          remote.nowMs = () => host.nowMs() + aheadMs;
        },
        { credentials },
      );
      assert.equal(await asked(), "allow", `${aheadMs}`);
      host.advance(9 * 60_000);
      assert.equal(await asked({ key: "" }), "401");
      await tick(host);
      assert.equal(handler.status().state, "ready");
      assert.deepEqual(await times(6), [...Array<string>(5).fill("allow"), "429"]);
    }
  });

  it("knows by the service's own clock when a window ends", async () => {
    await start(() => (remote.nowMs = () => host.nowMs() - 25_000));
    const msToEnd = 60_000 - (remote.nowMs() % 60_000);
    assert.equal((await times(6)).at(-1), "429");
    host.advance(msToEnd - 1);
    assert.equal(await asked(), "429");
    host.advance(1);
    assert.equal(await asked(), "allow");
  });

  it("reads the products anew only where they have changed", async () => {
    await start();
    host.advance(2 * 60_000);
    await tick(host);
    await until(() => remote.calls.products === 2, { what: "the second question" });
    assert.equal(remote.unchanged, 1);
    assert.equal(await asked(), "allow");
  });

  it("is of every environment, which each question names", async () => {
    const named = { ...PRODUCT, environments: ["test", "prod"] };
    await start(() => (remote.products = [named]), { environment: "*" });
    assert.deepEqual(await times(1), ["the handler is of every environment, and the question names none"]);
    for (const environment of ["test", "prod"]) assert.equal(await asked({ environment }), "allow");
    assert.equal(await asked({ environment: "dev" }), "403");
    await tick(host);
    assert.deepEqual(
      [...remote.counters],
      [
        ["p-test-d@x-app", 1],
        ["p-prod-d@x-app", 1],
      ],
    );
    const answer = await ask({ key: "key-1", ...GET, environment: "prod" });
    assert.ok(answer.verdict === "allow");
    assert.match(String(answer.outputs?.get("analytics")), /"environment":"prod"/);
  });

  it("takes the key that a claim holds, before the one that is shown", async () => {
    await start(() => remote.keys.set("key-2", { ...CLAIMS, api_product_list: [] }), { keyClaim: "api_key" });
    const claims = (api_key: string): object => ({ claims: new Map([["api_key", api_key]]) });
    assert.equal(await asked({ key: "key-2", ...claims("key-1") }), "allow");
    assert.equal(await asked({ key: "key-1", ...claims("key-2") }), "403");
    assert.equal(await asked({ key: "key-1", ...claims("") }), "allow");
    assert.deepEqual(await asked({ claims: "x" }), "claims are a map by name");
  });

  it("hands products and counters to who comes after it, and asks nothing twice", async () => {
    await start(() => remote.counters.set(COUNTER, 2));
    assert.deepEqual(await times(2), ["allow", "allow"]);
    const { products } = remote.calls;
    remote.behaviour.products = "hang";
    remote.behaviour.quotas = { status: 503, body: "" };
    const before = handler;
    handler = open.adopt(create({ quotas: { sync: "500ms" } }, before), (one) => one.close());
    await handler.start();
    assert.deepEqual(await times(2), ["allow", "429"]);
    assert.ok(remote.calls.products <= products + 1);
    remote.behaviour.quotas = "well";
    await before.close();
    await handler.close();
    assert.equal(remote.counters.get(COUNTER), 5);
  });

  it("counts with others from the first request on", async () => {
    await start(() => remote.counters.set(COUNTER, 4));
    assert.deepEqual(await times(2), ["allow", "429"]);
  });

  it("charges nothing for what an earlier hop was charged for, and refuses nothing for want of room", async () => {
    await start(() => remote.counters.set(COUNTER, 4));
    assert.deepEqual(await times(2), ["allow", "429"]);
    const input = new Map(Object.entries({ key: "key-1", ...GET }));
    const call = { deadlineAtMs: host.nowMs() + 1_000, signal: AbortSignal.timeout(1_000) };
    const answer = await handler.check?.(input, { ...call, charge: "before" });
    assert.equal(answer?.verdict, "allow");
    const closed = await handler.check?.(new Map([...input, ["path", "/other"]]), {
      ...call,
      charge: "before",
    });
    assert.equal(closed?.verdict, "deny");
    await tick(host);
    assert.equal(remote.counters.get(COUNTER), 5);
  });

  it("answers as the contract says", async () => {
    await start();
    assert.equal(await asked({ key: "" }), "401");
    assert.equal(await asked({ key: "unknown" }), "403");
    assert.equal(await asked({ path: "/other" }), "403");
    assert.equal(await asked({ api: "other" }), "403");
    assert.match(await asked({ environment: "prod" }), /another environment/);
    assert.match(await asked({ path: "" }), /needs api, method and path/);
  });

  it("says who it is, without an operation, where an identity asks", async () => {
    await start();
    const answer = await ask({ key: "key-1" });
    assert.ok(answer.verdict === "allow");
    assert.equal(answer.outputs?.get("application"), "app");
    assert.equal(remote.calls.quotas, 0);
  });

  it("refuses, and tells, whose application has no product, whatever is asked", async () => {
    await start(() => remote.keys.set("key-0", { ...CLAIMS, api_product_list: [] }));
    for (const input of [{ key: "key-0" }, { key: "key-0", ...GET }]) {
      const answer = await ask(input);
      assert.ok(answer.verdict === "deny" && answer.status === 403);
      assert.equal(answer.outputs?.get("client_id"), "key-0");
    }
  });

  it("tells whom it has refused", async () => {
    await start();
    const answer = await ask({ key: "key-1", ...GET, path: "/other" });
    assert.ok(answer.verdict === "deny");
    assert.equal(answer.outputs?.get("client_id"), "key-1");
  });

  it("takes a token that the service has signed, and claims that were verified", async () => {
    await start();
    const exp = Math.floor(host.nowMs() / 1_000) + 60;
    const token = signToken(remote.signing, { ...CLAIMS, client_id: "id", exp });
    assert.equal(await asked({ key: "", token }), "allow");
    assert.equal(await asked({ key: "", token: `${token.slice(0, -8)}AAAAAAAA` }), "403");
    const claims = new Map(Object.entries({ ...CLAIMS, client_id: "id" }));
    assert.equal(await asked({ key: "", claims }), "allow");
    assert.equal(await asked({ key: "unknown", claims }), "allow");
  });

  it("takes no answer about a key that the service's keys do not prove, and reads new keys", async () => {
    await start();
    remote.signing = signingKey("2");
    assert.match(await asked(), /is not proved: the token's key is not one/);
    remote.published = [remote.signing];
    host.advance(10_000);
    assert.equal(await asked(), "allow");
  });

  it("forgets no key because the service fails or refuses our own credentials", async () => {
    await start(undefined, { onFailure: "resilient" });
    assert.equal(await asked(), "allow");
    remote.behaviour.verifyApiKey = { status: 401, body: '{"fault":{"faultstring":"Invalid token"}}' };
    host.advance(7 * 60_000);
    assert.equal(await asked(), "allow");
    assert.match(await asked({ key: "key-2" }), /401: does it know our credentials/);
    assert.equal(handler.status().state, "stale");
  });

  it("decides by what it knows while quotas cannot be told, within the deadline", async () => {
    await start(() => (remote.behaviour.quotas = "hang"));
    assert.equal((await ask({ key: "key-1", ...GET }, 150)).verdict, "allow");
    assert.ok((await times(6)).includes("429"));
  });

  it("tells a unit once, where it may have been counted", async () => {
    await start();
    assert.equal(await asked(), "allow");
    remote.behaviour.quotas = "cut";
    await tick(host);
    remote.behaviour.quotas = "well";
    host.advance(1_000);
    await asked();
    await tick(host);
    assert.equal(remote.counters.get(COUNTER), 2);
  });

  it("never waits for products, and starts with the last good ones", async () => {
    await start(() => (remote.behaviour.products = { status: 500, body: "" }));
    assert.equal(handler.status().state, "failing");
    assert.match(await asked(), /no products were read yet/);
    delete remote.behaviour.products;
    host.advance(2_000);
    await tick(host);
    assert.equal(await asked(), "allow");
    remote.behaviour.products = "cut";
    handler = open.adopt(create(), (one) => one.close());
    await handler.start();
    assert.equal(await asked(), "allow");
  });

  it("closes what a product opened when it is gone", async () => {
    await start();
    assert.equal(await asked(), "allow");
    remote.products = [];
    host.advance(3 * 60_000);
    await tick(host);
    assert.equal(await asked(), "403");
  });

  it("uploads a record of each entry, and the same file when it is refused at first", async () => {
    await start();
    const answer = await ask({ key: "key-1", ...GET });
    assert.ok(answer.verdict === "allow");
    const entry = fieldRecord(
      {
        access_log_type: "DownstreamEnd",
        method: "GET",
        path: "/orders/1",
        response_code: 200,
        duration: 12,
      },
      {
        timeMs: host.nowMs(),
        added: new Map([
          ["analytics", String(answer.outputs?.get("analytics"))],
          ["target_sent_start", "0.0025s"],
          ["team", "\u00e9".repeat(300)],
        ]),
      },
    );
    const call = { deadlineAtMs: host.nowMs() + 1_000, signal: AbortSignal.timeout(1_000) };
    assert.deepEqual(await handler.report?.([entry], call), { kind: "delivered" });
    const deliver = host.spooled.get("state/analytics") ?? assert.fail("there is no spool");
    remote.behaviour.upload = { status: 403, body: "" };
    const again = [entry];
    assert.equal((await deliver(call)).kind, "retry");
    delete remote.behaviour.upload;
    await handler.report?.(again, call);
    assert.deepEqual(await deliver(call), { kind: "delivered" });
    const [file] = remote.files.values();
    const { name = "", records: [record] = [] } = file ?? {};
    assert.match(name, /^date=\d{4}-\d\d-\d\d\/time=\d\d-\d\d-00\/\d+-[0-9a-f-]{36}\.gz$/);
    const at = host.nowMs();
    assert.deepEqual(
      [record?.["client_id"], record?.["api_product"], record?.["organization"], record?.["environment"]],
      ["key-1", "p", "acme", "test"],
    );
    assert.deepEqual(
      [record?.["target_sent_start_timestamp"], record?.["client_sent_end_timestamp"], record?.["dc.team"]],
      [at + 2, at + 12, "\u00e9".repeat(200)],
    );
  });
});
