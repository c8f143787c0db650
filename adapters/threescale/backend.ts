import type { Call } from "../../src/adapter/adapter.ts";
import type { FetchAnswer, Host } from "../../src/adapter/host.ts";
import type { Service } from "./services.ts";
import type { Usage } from "./usage.ts";

/** What an application proves who it is with. */
export interface Credential {
  readonly name: "user_key" | "app_id";
  readonly value: string;
  /** The `app_key` beside an `app_id`; undefined where none is given, as of callers that are known otherwise. */
  readonly secret: string | undefined;
}

/** `authorize` asks, `authrep` asks and counts where the answer is yes. */
export type Asking = "authorize" | "authrep";

export interface BackendOptions {
  readonly host: Host;
  /** `flat`: usage of methods is not added to what is above them by the back-end. */
  readonly usage: "nested" | "flat";
  readonly timeoutMs: number;
}

const MAX_ANSWER_BYTES = 1_048_576;

/** 3scale's Service Management API. Its methods reject where there is no answer. */
export class Backend {
  readonly #options: BackendOptions;

  constructor(options: BackendOptions) {
    this.#options = options;
  }

  /** Whether an application may use so much. Source: Apisonator, listener.rb. */
  ask(
    asking: Asking,
    { service, credential, usage }: AskedUsage,
    { signal, deadlineAtMs }: Call,
  ): Promise<FetchAnswer> {
    const parameters = new URLSearchParams(authentication(service));
    parameters.set(credential.name, credential.value);
    // One that is there and empty is a wrong one.
    if (credential.secret !== undefined) parameters.set("app_key", credential.secret);
    for (const [metric, amount] of usage) parameters.set(`usage[${metric}]`, String(amount));
    return this.#options.host.fetch({
      url: `${service.backend.url}/transactions/${asking}.xml?${parameters.toString()}`,
      headers: { "3scale-options": this.#flags() },
      maxBytes: MAX_ANSWER_BYTES,
      timeoutMs: this.#untilMs(deadlineAtMs),
      signal,
    });
  }

  /** Brings transactions, which are parameters such as `transactions[0][app_id]`. 202 says that they were taken, not that they are good. */
  report(
    service: Service,
    transactions: readonly (readonly [name: string, value: string])[],
    { signal, deadlineAtMs }: Call,
  ): Promise<FetchAnswer> {
    const body = new URLSearchParams([...authentication(service), ...transactions.map(([...pair]) => pair)]);
    return this.#options.host.fetch({
      url: `${service.backend.url}/transactions.xml`,
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded", "3scale-options": this.#flags() },
      body: body.toString(),
      maxBytes: MAX_ANSWER_BYTES,
      timeoutMs: this.#untilMs(deadlineAtMs),
      signal,
    });
  }

  /** Never `no_body`: it would take the codes of errors away. */
  #flags(): string {
    const flags = "hierarchy=1&limit_headers=1&rejection_reason_header=1";
    return this.#options.usage === "flat" ? `${flags}&flat_usage=1` : flags;
  }

  #untilMs(deadlineAtMs: number): number {
    const { host, timeoutMs } = this.#options;
    return Math.max(1, Math.min(timeoutMs, deadlineAtMs - host.nowMs()));
  }
}

/** What a back-end is asked. */
export interface AskedUsage {
  readonly service: Service;
  readonly credential: Credential;
  readonly usage: Usage;
}

const authentication = ({ id, backend: { token } }: Service): [string, string][] => [
  [token.name, token.value],
  ["service_id", id],
];
