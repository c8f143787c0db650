import assert from "node:assert/strict";
import { signingKey, signToken } from "../../support/apigee-keys.ts";
import { until } from "../../support/until.ts";
import { tick } from "../host.ts";
import { AskedApigee, CLAIMS, GET, PRODUCT } from "./asked.ts";

describe("Apigee, asked", () => {
  let on: AskedApigee;
  beforeEach(() => (on = new AskedApigee()));
  afterEach(() => on.open.disposeAsync());

  it("signs tokens of its own, renewed early, and does so with a clock that is not the service's", async () => {
    const key = signingKey("7");
    const credentials = { privateKey: { file: "key.pem" }, keyId: "7" };
    for (const aheadMs of [0, 50_000, -50_000]) {
      await on.start(
        () => {
          on.host.secrets.set("key.pem", key.pem);
          on.remote.provisioned = [key];
          on.remote.nowMs = () => on.host.nowMs() + aheadMs;
        },
        { credentials },
      );
      assert.equal(await on.asked(), "allow", `${aheadMs}`);
      on.host.advance(9 * 60_000);
      assert.equal(await on.asked({ key: "" }), "401");
      await tick(on.host);
      assert.equal(on.handler.status().state, "ready");
      assert.deepEqual(await on.times(6), [...Array<string>(5).fill("allow"), "429"]);
    }
  });

  it("reads the products anew only where they have changed", async () => {
    await on.start();
    on.host.advance(3 * 60_000);
    await tick(on.host);
    await until(() => on.remote.calls.products === 2, { what: "the second question" });
    assert.equal(on.remote.unchanged, 1);
    assert.equal(await on.asked(), "allow");
  });

  it("is of every environment, which each question names", async () => {
    const named = { ...PRODUCT, environments: ["test", "prod"] };
    await on.start(() => (on.remote.products = [named]), { environment: "*" });
    assert.deepEqual(await on.times(1), ["the handler is of every environment, and the question names none"]);
    for (const environment of ["test", "prod"]) assert.equal(await on.asked({ environment }), "allow");
    assert.equal(await on.asked({ environment: "dev" }), "403");
    await tick(on.host);
    assert.deepEqual(
      [...on.remote.counters],
      [
        ["p-test-d@x-app", 1],
        ["p-prod-d@x-app", 1],
      ],
    );
    const answer = await on.ask({ key: "key-1", ...GET, environment: "prod" });
    assert.ok(answer.verdict === "allow");
    assert.match(String(answer.outputs?.get("analytics")), /"environment":"prod"/);
  });

  it("takes the key that a claim holds, before the one that is shown", async () => {
    await on.start(() => on.remote.keys.set("key-2", { ...CLAIMS, api_product_list: [] }), {
      keyClaim: "api_key",
    });
    const claims = (api_key: string): object => ({ claims: new Map([["api_key", api_key]]) });
    assert.equal(await on.asked({ key: "key-2", ...claims("key-1") }), "allow");
    assert.equal(await on.asked({ key: "key-1", ...claims("key-2") }), "403");
    assert.equal(await on.asked({ key: "key-1", ...claims("") }), "allow");
    assert.deepEqual(await on.asked({ claims: "x" }), "claims are a map by name");
  });

  it("answers as the contract says", async () => {
    await on.start();
    assert.equal(await on.asked({ key: "" }), "401");
    assert.equal(await on.asked({ key: "unknown" }), "403");
    assert.equal(await on.asked({ path: "/other" }), "403");
    assert.equal(await on.asked({ api: "other" }), "403");
    assert.match(await on.asked({ environment: "prod" }), /another environment/);
    assert.match(await on.asked({ path: "" }), /needs api, method and path/);
  });

  it("says who it is, without an operation, where an identity asks", async () => {
    await on.start();
    const answer = await on.ask({ key: "key-1" });
    assert.ok(answer.verdict === "allow");
    assert.equal(answer.outputs?.get("application"), "app");
    assert.equal(on.remote.calls.quotas, 0);
  });

  it("refuses, and tells, whose application has no product, whatever is asked", async () => {
    await on.start(() => on.remote.keys.set("key-0", { ...CLAIMS, api_product_list: [] }));
    for (const input of [{ key: "key-0" }, { key: "key-0", ...GET }]) {
      const answer = await on.ask(input);
      assert.ok(answer.verdict === "deny" && answer.status === 403);
      assert.equal(answer.outputs?.get("client_id"), "key-0");
    }
  });

  it("tells whom it has refused", async () => {
    await on.start();
    const answer = await on.ask({ key: "key-1", ...GET, path: "/other" });
    assert.ok(answer.verdict === "deny");
    assert.equal(answer.outputs?.get("client_id"), "key-1");
  });

  it("takes a token that the service has signed, and claims that were verified", async () => {
    await on.start();
    const exp = Math.floor(on.host.nowMs() / 1_000) + 60;
    const token = signToken(on.remote.signing, { ...CLAIMS, client_id: "id", exp });
    assert.equal(await on.asked({ key: "", token }), "allow");
    assert.equal(await on.asked({ key: "", token: `${token.slice(0, -8)}AAAAAAAA` }), "403");
    const claims = new Map(Object.entries({ ...CLAIMS, client_id: "id" }));
    assert.equal(await on.asked({ key: "", claims }), "allow");
    assert.equal(await on.asked({ key: "unknown", claims }), "allow");
  });

  it("takes no answer about a key that the service's keys do not prove, and reads new keys", async () => {
    await on.start();
    on.remote.signing = signingKey("2");
    assert.match(await on.asked(), /is not proved: the token's key is not one/);
    on.remote.published = [on.remote.signing];
    on.host.advance(10_000);
    assert.equal(await on.asked(), "allow");
  });

  it("forgets no key because the service fails or refuses our own credentials", async () => {
    await on.start(undefined, { onFailure: "resilient" });
    assert.equal(await on.asked(), "allow");
    on.remote.behaviour.verifyApiKey = { status: 401, body: '{"fault":{"faultstring":"Invalid token"}}' };
    on.host.advance(7 * 60_000);
    assert.equal(await on.asked(), "allow");
    assert.match(await on.asked({ key: "key-2" }), /401: does it know our credentials/);
    assert.equal(on.handler.status().state, "stale");
  });

  it("remembers keys over a reload, and none that it was told with other credentials", async () => {
    await on.start();
    assert.equal(await on.asked(), "allow");
    const replace = async (config: object): Promise<number> => {
      on.handler = on.open.adopt(on.create(config, on.handler), (one) => one.close());
      await on.handler.start();
      assert.equal(await on.asked(), "allow");
      return on.remote.calls.verifyApiKey;
    };
    assert.equal(await replace({ quotas: { sync: "2s" } }), 1);
    on.host.secrets.set("OTHER", "s");
    const credentials = { key: { env: "KEY" }, secret: { env: "OTHER" } };
    assert.equal(await replace({ credentials }), 2);
  });

  it("never waits for products, and starts with the last good ones", async () => {
    await on.start(() => (on.remote.behaviour.products = { status: 500, body: "" }));
    assert.equal(on.handler.status().state, "failing");
    assert.match(await on.asked(), /no products were read yet/);
    delete on.remote.behaviour.products;
    on.host.advance(2_000);
    await tick(on.host);
    assert.equal(await on.asked(), "allow");
    on.remote.behaviour.products = "cut";
    on.handler = on.open.adopt(on.create(), (one) => one.close());
    await on.handler.start();
    assert.equal(await on.asked(), "allow");
  });

  it("closes what a product opened when it is gone", async () => {
    await on.start();
    assert.equal(await on.asked(), "allow");
    on.remote.products = [];
    on.host.advance(3 * 60_000);
    await tick(on.host);
    assert.equal(await on.asked(), "403");
  });
});
