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
  readonly timeoutMs: number;
}

/** Never `no_body`: it would take the codes of errors away. */
const FLAGS = "hierarchy=1&limit_headers=1&rejection_reason_header=1";

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
    { service, credential, usage, referrer }: AskedUsage,
    { signal, deadlineAtMs }: Call,
  ): Promise<FetchAnswer> {
    const parameters = new URLSearchParams(authentication(service));
    parameters.set(credential.name, credential.value);
    // One that is there and empty is a wrong one.
    if (credential.secret !== undefined) parameters.set("app_key", credential.secret);
    if (referrer !== undefined) parameters.set("referrer", referrer);
    for (const [metric, amount] of usage) parameters.set(`usage[${metric}]`, String(amount));
    return this.#options.host.fetch({
      url: `${service.backend.url}/transactions/${asking}.xml?${parameters.toString()}`,
      headers: { "3scale-options": FLAGS },
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
      headers: { "content-type": "application/x-www-form-urlencoded", "3scale-options": FLAGS },
      body: body.toString(),
      maxBytes: MAX_ANSWER_BYTES,
      timeoutMs: this.#untilMs(deadlineAtMs),
      signal,
    });
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
  /** Whence the caller comes, for applications that filter by it; undefined: nothing is said. */
  readonly referrer: string | undefined;
}

const authentication = ({ id, backend: { token } }: Service): [string, string][] => [
  [token.name, token.value],
  ["service_id", id],
];
