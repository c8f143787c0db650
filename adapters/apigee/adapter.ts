import {
  defineAdapter,
  type Call,
  type CheckAnswer,
  type CheckInput,
  type Handler,
  type HandlerStatus,
} from "../../src/adapter/adapter.ts";
import type { Host } from "../../src/adapter/host.ts";
import { openInput, secretInput } from "../../src/adapter/optional-input.ts";
import type { Delivery, ReportRecord } from "../../src/adapter/report.ts";
import { AnalyticsSpool } from "./analytics.ts";
import { ApiKeys } from "./api-keys.ts";
import { identify, type Identified } from "./authentication.ts";
import type { Caller } from "./caller.ts";
import { Catalogue } from "./catalogue.ts";
import { complaint } from "./complaint.ts";
import { CONFIG, type ApigeeConfig } from "./config.ts";
import { openTo, type Wanted } from "./operations.ts";
import { OUTPUTS, outputsOf, type Known } from "./outputs.ts";
import { readQuestion, type Question } from "./question.ts";
import { Quotas, type Taken } from "./quotas.ts";
import { RemoteService } from "./service.ts";
import { TokenVerifier } from "./token-verifier.ts";

/** Asks Apigee who an API key is of, decides by its products and quotas here, and uploads analytics. */
export const apigee = defineAdapter<ApigeeConfig>({
  id: "apigee",
  summary: "Admits by Apigee's API products, keys, tokens and quotas, and uploads analytics",
  config: CONFIG,
  inputs: {
    check: {
      key: secretInput("The API key; empty: none"),
      token: secretInput("An access token of the organization's, which the handler verifies; empty: none"),
      claims: secretInput("The claims of a token that Envoy or weir has verified, a map; empty: none", "dyn"),
      api: openInput("The API that products name, such as the host; missing: the question is only who it is"),
      method: openInput("The request's method"),
      path: secretInput("The request's path; a query is cut"),
      environment: openInput("The environment, where the handler is of all"),
    },
    report: { presets: ["access-log"], plain: "refused", complaint },
  },
  outputs: OUTPUTS,
  credentialInput: "key",
  breaker: "own",
  create: (config, host, previous) => new ApigeeHandler(config, host, previous),
});

class ApigeeHandler implements Handler {
  readonly #config: ApigeeConfig;
  readonly #host: Host;
  readonly #service: RemoteService;
  readonly #verifier: TokenVerifier;
  readonly #keys: ApiKeys;
  readonly #catalogue: Catalogue;
  readonly #quotas: Quotas;
  readonly #analytics: AnalyticsSpool;
  #isClosed = false;

  constructor(config: ApigeeConfig, host: Host, previous: Handler | undefined) {
    this.#config = config;
    this.#host = host;
    const before = previous instanceof ApigeeHandler ? previous : undefined;
    const service = new RemoteService(config, host);
    this.#service = service;
    this.#verifier = new TokenVerifier(config, host);
    this.#keys = new ApiKeys({ config, host, service, verifier: this.#verifier }, before && before.#keys);
    this.#catalogue = new Catalogue(config, { host, service }, before && before.#catalogue);
    this.#quotas = new Quotas({ config, host, service }, before && before.#quotas);
    this.#analytics = new AnalyticsSpool({ config, host, service });
  }

  async start(): Promise<void> {
    if (this.#isClosed) return;
    await this.#service.start();
    await this.#analytics.start();
    await this.#catalogue.start();
    this.#quotas.start();
  }

  check(input: CheckInput, call: Call): CheckAnswer | Promise<CheckAnswer> {
    const question = readQuestion(input, this.#config);
    if (typeof question === "string") return { verdict: "error", reason: question };
    const proofs = { keys: this.#keys, verifier: this.#verifier, keyClaim: this.#config.keyClaim };
    const identified = identify(question, proofs, call);
    return identified instanceof Promise
      ? identified.then((one) => this.#admit(question, one, call))
      : this.#admit(question, identified, call);
  }

  report(batch: readonly ReportRecord[]): Delivery {
    return this.#analytics.take(batch);
  }

  status(): HandlerStatus {
    const products = this.#catalogue.status();
    if (products.state === "starting" || products.state === "failing") return products;
    const keys = this.#keys.status();
    if (keys.state !== "ready") return keys;
    const failure = this.#quotas.failure ?? this.#analytics.failure;
    if (failure !== undefined) return { state: "stale", detail: failure };
    return { state: products.state, detail: `${products.detail}; ${keys.detail}` };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#verifier.close();
    await Promise.all([
      ...[this.#keys.close(), this.#catalogue.close(), this.#quotas.close(), this.#analytics.close()],
    ]);
  }

  #admit({ wanted }: Question, identified: Identified, call: Call): CheckAnswer | Promise<CheckAnswer> {
    switch (identified.kind) {
      case "missing":
        return this.#refuse(401, { caller: undefined, wanted });
      case "bad":
        return this.#refuse(403, { caller: undefined, wanted });
      case "guarded":
        return { verdict: "deny", status: 429, message: "too many unknown keys; try again later" };
      case "failed":
        return { verdict: "error", reason: identified.reason };
      case "caller":
        return this.#open(identified.caller, wanted, call);
    }
  }

  #open(caller: Caller, wanted: Wanted | undefined, call: Call): CheckAnswer | Promise<CheckAnswer> {
    if (caller.products.length === 0) return this.#refuse(403, { caller, wanted });
    if (wanted === undefined) return { verdict: "allow", outputs: this.#outputs({ caller, wanted }) };
    const { products } = this.#catalogue;
    if (products === undefined) return { verdict: "error", reason: "no products were read yet" };
    const operations = openTo(caller, wanted, products);
    const [first] = operations;
    if (first === undefined) return this.#refuse(403, { caller, wanted });
    // What an earlier hop was charged for is neither counted again nor refused for want of room.
    const quotas = call.charge === "before" ? [] : operations.flatMap(({ quota }) => quota ?? []);
    const taken = this.#quotas.take(quotas, call);
    const known = { caller, wanted, product: first.product };
    return taken instanceof Promise
      ? taken.then((one) => this.#conclude(one, known))
      : this.#conclude(taken, known);
  }

  #conclude(taken: Taken, known: Omit<Known, "organization">): CheckAnswer {
    switch (taken.kind) {
      case "taken":
        return { verdict: "allow", outputs: this.#outputs({ ...known, remaining: taken.remaining }) };
      case "exceeded": {
        const seconds = Math.max(1, Math.ceil((taken.resetAtMs - this.#host.nowMs()) / 1_000));
        const refusal = this.#refuse(429, { ...known, remaining: 0 });
        return { ...refusal, headers: new Map([["retry-after", String(seconds)]]) };
      }
    }
  }

  #refuse(status: number, known: Omit<Known, "organization">): Extract<CheckAnswer, { verdict: "deny" }> {
    return { verdict: "deny", status, outputs: this.#outputs(known) };
  }

  #outputs(known: Omit<Known, "organization">): ReadonlyMap<string, unknown> {
    return outputsOf({ organization: this.#config.organization, ...known });
  }
}
