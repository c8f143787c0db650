import { isDeepStrictEqual } from "node:util";
import {
  defineAdapter,
  type Call,
  type CheckAnswer,
  type CheckInput,
  type Handler,
  type HandlerStatus,
} from "../../src/adapter/adapter.ts";
import type { Host } from "../../src/adapter/host.ts";
import { checkAnswerOf } from "../../src/adapter/remembered-answer.ts";
import { rememberedOptions } from "../../src/adapter/remembered-config.ts";
import type { Fetched, Remembered } from "../../src/adapter/remembered.ts";
import { declaredOutputs } from "../../src/adapter/typed-values.ts";
import { CONFIG, type OpaConfig } from "./config.ts";
import { fetchedOf } from "./result.ts";

/** What an Open Policy Agent decides, by its REST API. */
export const opa = defineAdapter<OpaConfig>({
  id: "opa",
  summary: "Asks an Open Policy Agent for a decision, and remembers it",
  config: CONFIG,
  inputs: {
    check: {
      input: {
        type: "json",
        presence: "required",
        class: "secret",
        meaning: "What the policy sees as `input`: any value, mostly a map of chosen attributes",
      },
    },
  },
  outputs: {
    result: { type: "map(string, dyn)", meaning: "The result, where it is an object" },
    decision_id: { type: "string", meaning: "OPA's id of the decision, where it logs decisions" },
  },
  breaker: "own",
  declare: ({ outputs }) => ({ outputs: declaredOutputs(Object.entries(outputs), "A field of the result") }),
  create: (config, host, previous) => new OpaHandler(config, host, previous),
});

/** What answers depend on beside the input. */
const askedBy = (config: OpaConfig): object => ({
  ...config,
  ...{ cache: undefined, onFailure: undefined, timeout: undefined },
});

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

class OpaHandler implements Handler {
  readonly #config: OpaConfig;
  readonly #host: Host;
  readonly #answers: Remembered<CheckAnswer>;

  constructor(config: OpaConfig, host: Host, previous: Handler | undefined) {
    this.#config = config;
    this.#host = host;
    const before =
      previous instanceof OpaHandler && isDeepStrictEqual(askedBy(previous.#config), askedBy(config))
        ? previous.#answers
        : undefined;
    this.#answers = host.remember<CheckAnswer>(rememberedOptions(config), before);
  }

  /** OPA may be away; it is asked when somebody asks. */
  async start(): Promise<void> {
    if (this.#config.token !== undefined) await this.#host.secret(this.#config.token);
  }

  check(input: CheckInput, call: Call): CheckAnswer | Promise<CheckAnswer> {
    const value = input.get("input");
    if (typeof value !== "string") return { verdict: "error", reason: "the input is missing" };
    const answered = this.#answers.ask([value], (one) => this.#fetch(value, one), call);
    return answered instanceof Promise ? answered.then(checkAnswerOf) : checkAnswerOf(answered);
  }

  async #fetch(input: string, call: Call): Promise<Fetched<CheckAnswer>> {
    const { url, token, maxBytes, timeout } = this.#config;
    const secret = token && (await this.#host.secret(token));
    const asked = this.#host.fetch({
      url,
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(secret === undefined ? {} : { authorization: `Bearer ${secret}` }),
      },
      body: `{"input":${input}}`,
      maxBytes,
      timeoutMs: timeout,
      signal: call.signal,
    });
    // A decision changes nothing there, so that it may be asked for twice.
    const answer = await asked.catch(messageOf);
    if (typeof answer === "string") return { kind: "failed", reason: answer, retry: "safe" };
    switch (answer.status) {
      case 200:
        return fetchedOf(answer.body, this.#config);
      case 401:
      case 403:
      case 404:
        return { kind: "misconfigured", reason: `OPA answered ${url} with status ${answer.status}` };
      default: {
        const reason = `OPA answered with status ${answer.status}`;
        return answer.status >= 500 ? { kind: "failed", reason, retry: "safe" } : { kind: "failed", reason };
      }
    }
  }

  status(): HandlerStatus {
    return this.#answers.status();
  }

  close(): Promise<void> {
    return this.#answers.close();
  }
}
