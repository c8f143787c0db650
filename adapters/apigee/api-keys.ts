import type { Call, HandlerStatus } from "../../src/adapter/adapter.ts";
import type { Host } from "../../src/adapter/host.ts";
import type { Answered, Fetched, Remembered } from "../../src/adapter/remembered.ts";
import { readCaller, type Caller } from "./caller.ts";
import type { ApigeeConfig } from "./config.ts";
import { messageOf, readJson, type RemoteService } from "./service.ts";
import type { TokenVerifier } from "./token-verifier.ts";

export interface ApiKeysOptions {
  readonly config: ApigeeConfig;
  readonly host: Host;
  readonly service: RemoteService;
  readonly verifier: TokenVerifier;
}

/** Who has which API key, as the service says; undefined of a key that is nobody's. */
export class ApiKeys {
  readonly #options: ApiKeysOptions;
  readonly #known: Remembered<Caller | undefined>;
  /** Who is asked, who proves the answer, and who asks: answers of others are others'. */
  readonly #asked: readonly string[];

  constructor(options: ApiKeysOptions, previous: ApiKeys | undefined) {
    const { url, certs, credentials, cache, onFailure, asksPerSecond, timeoutMs } = options.config;
    this.#options = options;
    this.#asked = [url, certs, JSON.stringify(credentials)];
    const bounds = {
      maxEntries: cache.entries,
      allowedMs: cache.allowedMs,
      deniedMs: cache.deniedMs,
      staleMs: cache.staleMs,
      maxAgeMs: cache.maxAgeMs,
      onFailure,
      maxAsksPerSecond: asksPerSecond,
      fetchTimeoutMs: timeoutMs,
    };
    this.#known = options.host.remember(bounds, previous && previous.#known);
  }

  ask(key: string, call: Call): Answered<Caller | undefined> | Promise<Answered<Caller | undefined>> {
    return this.#known.ask([...this.#asked, key], (asked) => this.#fetch(key, asked), call);
  }

  status(): HandlerStatus {
    return this.#known.status();
  }

  close(): Promise<void> {
    return this.#known.close();
  }

  async #fetch(apiKey: string, { signal, deadlineAtMs }: Call): Promise<Fetched<Caller | undefined>> {
    const { host, service } = this.#options;
    try {
      const timeoutMs = Math.max(1, deadlineAtMs - host.nowMs());
      const answer = await service.post("/verifyApiKey", { apiKey }, { timeoutMs, signal });
      const said = readJson(answer.body);
      if (answer.status === 200) return await this.#callerOf(said);
      if (isKeyFault(said)) return { kind: "denied", value: undefined };
      const reason = `the remote service answers ${answer.status}`;
      const isOurs =
        answer.status >= 400 && answer.status < 500 && answer.status !== 408 && answer.status !== 429;
      return isOurs
        ? { kind: "misconfigured", reason: `${reason}${HINTS[answer.status] ?? ""}` }
        : { kind: "failed", reason, retry: "safe" };
    } catch (error) {
      return { kind: "failed", reason: messageOf(error), retry: "safe" };
    }
  }

  async #callerOf(said: unknown): Promise<Fetched<Caller | undefined>> {
    const token = isRecord(said) ? said["token"] : undefined;
    if (typeof token !== "string")
      return { kind: "failed", reason: "the remote service answers without a token" };
    const verified = await this.#options.verifier.verify(token);
    switch (verified.kind) {
      case "bad":
        return {
          kind: "failed",
          reason: `what the remote service answers is not proved: ${verified.reason}`,
        };
      case "unavailable":
        return { kind: "failed", reason: verified.reason };
      case "holds": {
        const caller = readCaller(verified.claims, "key");
        if (typeof caller === "string") return { kind: "denied", value: undefined };
        const maxAgeMs = Math.max(0, verified.endsAtMs - this.#options.host.nowMs());
        return { kind: "allowed", value: caller, maxAgeMs };
      }
    }
  }
}

const HINTS: Readonly<Record<number, string | undefined>> = {
  401: ": does it know our credentials, and is our clock right?",
  403: ": may our credentials be used there?",
  404: ": is the URL right, and is the proxy remote-service deployed?",
};

/** The service says that it is the key that is wrong, in its own words: a status alone may speak of our credentials. */
function isKeyFault(said: unknown): boolean {
  if (!isRecord(said)) return false;
  const fault = isRecord(said["fault"]) ? said["fault"] : undefined;
  const detail = isRecord(fault?.["detail"]) ? fault["detail"] : undefined;
  const code = detail?.["errorcode"];
  return (typeof code === "string" && KEY_FAULTS.has(code)) || said["error"] === "invalid_request";
}

const KEY_FAULTS: ReadonlySet<string> = new Set([
  "oauth.v2.InvalidApiKey",
  "oauth.v2.FailedToResolveAPIKey",
  "keymanagement.service.invalid_client-app_not_approved",
  "keymanagement.service.DeveloperStatusNotActive",
  "keymanagement.service.apikey_expired",
  "keymanagement.service.consumer_key_missing_api_product_mapping",
  "oauth.v2.ApiKeyNotApproved",
]);

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
