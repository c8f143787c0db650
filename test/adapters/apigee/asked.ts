import assert from "node:assert/strict";
import { apigee as adapter } from "../../../adapters/apigee/adapter.ts";
import type { CheckAnswer, Handler } from "../../../src/adapter/adapter.ts";
import { createOutbound } from "../../../src/host/fetch.ts";
import { startApigee, type Apigee } from "../../support/apigee.ts";
import { until } from "../../support/until.ts";
import { createTestHost, type TestHost } from "../host.ts";

export const PRODUCT = {
  name: "p",
  environments: ["test"],
  attributes: [{ name: "apigee-remote-service-targets", value: "orders" }],
  apiResources: ["/orders/**"],
  quota: "5",
  quotaInterval: "1",
  quotaTimeUnit: "minute",
};
export const CLAIMS = { api_product_list: ["p"], application_name: "app", developer_email: "d@x" };
export const COUNTER = "p-test-d@x-app";
export const GET = { api: "orders", method: "GET", path: "/orders/1" };

/** A handler over real HTTP, with a clock of the test's own. */
export class AskedApigee {
  readonly open = new AsyncDisposableStack();

  readonly host: TestHost = createTestHost();
  #remote: Apigee | undefined;
  #handler: Handler | undefined;

  get remote(): Apigee {
    return this.#remote ?? assert.fail("it is not started");
  }

  /** The one that is asked. */
  get handler(): Handler {
    return this.#handler ?? assert.fail("it is not started");
  }

  set handler(handler: Handler) {
    this.#handler = handler;
  }

  create(config: object = {}, previous?: Handler): Handler {
    const { url } = this.remote;
    const settings = {
      url: `${url}/remote-service`,
      organization: "acme",
      environment: "test",
      credentials: { key: { env: "KEY" }, secret: { env: "SECRET" } },
      folder: "state",
      timeout: "500ms",
      analytics: { url },
      ...config,
    };
    return adapter.create(settings, this.host, previous);
  }

  /** Starts an Apigee, of which `set` may change something, and a handler that knows its products. */
  async start(set: () => void = () => undefined, config: object = {}): Promise<void> {
    const { open, host } = this;
    this.#remote = open.adopt(await startApigee(host.nowMs), (one) => one.stop());
    this.remote.products = [PRODUCT];
    this.remote.keys.set("key-1", CLAIMS);
    set();
    const settings = { allowPrivate: ["127.0.0.0/8"] };
    const outbound = open.adopt(createOutbound({ settings, log: host.log }), (one) => one.close());
    Object.assign(host, { fetch: outbound.fetch });
    host.secrets.set("KEY", "k");
    host.secrets.set("SECRET", "s");
    const handler = open.adopt(this.create(config), (one) => one.close());
    this.#handler = handler;
    await handler.start();
    await until(() => handler.status().state !== "starting", { what: "the products" });
  }

  async ask(input: object, forMs = 1_000): Promise<CheckAnswer> {
    const call = { deadlineAtMs: this.host.nowMs() + forMs, signal: AbortSignal.timeout(forMs) };
    return (
      (await this.handler.check?.(new Map(Object.entries(input)), call)) ?? assert.fail("it can be asked")
    );
  }

  /** The verdict on a request that is good, but for what `input` says: `allow`, a status, or why there is none. */
  async asked(input: object = {}): Promise<string> {
    const answer = await this.ask({ key: "key-1", ...GET, ...input });
    switch (answer.verdict) {
      case "allow":
        return "allow";
      case "deny":
        return String(answer.status);
      case "error":
        return answer.reason;
    }
  }

  async times(count: number): Promise<readonly string[]> {
    const answers: string[] = [];
    for (let one = 0; one < count; one++) answers.push(await this.asked());
    return answers;
  }
}
