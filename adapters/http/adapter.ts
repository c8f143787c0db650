import { isDeepStrictEqual } from "node:util";
import {
  defineAdapter,
  type Call,
  type CheckAnswer,
  type CheckInput,
  type Handler,
  type HandlerStatus,
  type Input,
} from "../../src/adapter/adapter.ts";
import type { Host } from "../../src/adapter/host.ts";
import { checkAnswerOf } from "../../src/adapter/remembered-answer.ts";
import { rememberedOptions } from "../../src/adapter/remembered-config.ts";
import type { Fetched, Remembered } from "../../src/adapter/remembered.ts";
import { declaredOutputs } from "../../src/adapter/typed-values.ts";
import { CONFIG, type HttpConfig } from "./config.ts";
import { compileProgram, type Program } from "./program.ts";
import { requestOf, type BuiltRequest } from "./request.ts";
import { fetchedOf } from "./response.ts";

/** Any service that answers over HTTP, by expressions about what it answers. */
export const http = defineAdapter<HttpConfig>({
  id: "http",
  summary:
    "Asks any service over HTTP, with requests and verdicts that you write in CEL, and remembers its answers",
  config: CONFIG,
  inputs: { check: {} },
  outputs: {},
  breaker: "own",
  declare: (config, compiler) => ({
    inputs: Object.fromEntries(Object.entries(config.inputs).map(([name, type]) => [name, inputOf(type)])),
    outputs: declaredOutputs(
      Object.entries(config.outputs).map(([name, { type }]) => [name, type]),
      "Read of the answer",
    ),
    problems: compileProgram(config, compiler).problems,
  }),
  create: (config, host, previous) => new HttpHandler(config, host, previous),
});

const inputOf = (type: string): Input => ({
  type,
  presence: "required",
  class: "secret",
  meaning: "For the request",
});

class HttpHandler implements Handler {
  readonly #config: HttpConfig;
  readonly #host: Host;
  readonly #program: Program;
  readonly #answers: Remembered<CheckAnswer>;

  constructor(config: HttpConfig, host: Host, previous: Handler | undefined) {
    const { program, problems } = compileProgram(config, host.compiler);
    if (problems[0] !== undefined) throw new Error(`${problems[0].path.join(".")}: ${problems[0].message}`);
    this.#config = config;
    this.#host = host;
    this.#program = program;
    const before =
      previous instanceof HttpHandler && isDeepStrictEqual(askedBy(previous.#config), askedBy(config))
        ? previous.#answers
        : undefined;
    this.#answers = host.remember<CheckAnswer>(rememberedOptions(config), before);
  }

  /** The service may be away; it is asked when somebody asks. */
  async start(): Promise<void> {
    await this.#secrets();
  }

  check(input: CheckInput, call: Call): CheckAnswer | Promise<CheckAnswer> {
    const key = Object.keys(this.#config.inputs).map((name) => keyPart(input.get(name)));
    const answered = this.#answers.ask(key, (one) => this.#fetch(input, one), call);
    return answered instanceof Promise ? answered.then(checkAnswerOf) : checkAnswerOf(answered);
  }

  async #fetch(input: CheckInput, call: Call): Promise<Fetched<CheckAnswer>> {
    const values = { input };
    const request = requestOf(this.#config, this.#program, values);
    if (request === undefined) return NO_REQUEST;
    const answer = await this.#exchange(request, call);
    if (typeof answer !== "string") return fetchedOf(this.#config, this.#program, values, answer);
    return { kind: "failed", reason: answer, ...(this.#config.retry === "safe" ? { retry: "safe" } : {}) };
  }

  /** The answer, or why there is none: a message of the host's, without query and secrets. */
  async #exchange(request: BuiltRequest, call: Call) {
    const { maxBytes, timeout, url } = this.#config;
    const headers = { ...request.headers, ...(await this.#secrets()) };
    const asked = { ...request, headers, maxBytes, timeoutMs: timeout, signal: call.signal };
    return this.#host.fetch(asked).catch((error: unknown) => {
      // The path is made of what callers send.
      const message = error instanceof Error ? error.message : String(error);
      return message.replace(/(https?:\/\/)\S+/g, () => url);
    });
  }

  async #secrets(): Promise<Readonly<Record<string, string>>> {
    const headers = Array.from(this.#config.secretHeaders, async ([name, source]) => {
      return [name, await this.#host.secret(source)] as const;
    });
    return Object.fromEntries(await Promise.all(headers));
  }

  status(): HandlerStatus {
    return this.#answers.status();
  }

  close(): Promise<void> {
    return this.#answers.close();
  }
}

/** What answers depend on beside the inputs. */
const askedBy = (config: HttpConfig): object => ({
  ...config,
  ...{ cache: undefined, onFailure: undefined, timeout: undefined, retry: undefined },
});

/** Different for values that are not equal; all of one input are of one type. */
const keyPart = (value: unknown): string => (Array.isArray(value) ? JSON.stringify(value) : String(value));

/** The inputs hold what no request can carry: an empty segment of a path, a line break in a header. */
const NO_REQUEST: Fetched<CheckAnswer> = {
  kind: "denied",
  value: { verdict: "deny", status: 400, message: "The request cannot be looked up." },
};
