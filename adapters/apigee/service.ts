import type { FetchAnswer, Host } from "../../src/adapter/host.ts";
import type { ApigeeConfig } from "./config.ts";
import { Authorization } from "./credentials.ts";

/** What one call of the service may take. */
export interface Bounds {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly maxBytes?: number;
}

const MAX_BYTES = 1_048_576;

/** The proxy `remote-service` in the customer's Apigee. */
export class RemoteService {
  readonly #url: string;
  readonly #host: Host;
  readonly #authorization: Authorization;

  constructor({ url, credentials }: ApigeeConfig, host: Host) {
    this.#url = url;
    this.#host = host;
    this.#authorization = new Authorization(credentials, host);
  }

  /** Rejects with a sentence where our own credentials cannot be read. */
  async start(): Promise<void> {
    await this.#authorization.header();
  }

  /** Rejects, as `host.fetch` does, where there is no answer. */
  async get(
    path: string,
    bounds: Bounds,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<FetchAnswer> {
    return this.#send({ method: "GET", path, headers }, bounds);
  }

  async post(path: string, body: object, bounds: Bounds): Promise<FetchAnswer> {
    const headers = { "content-type": "application/json" };
    return this.#send({ method: "POST", path, headers, body: JSON.stringify(body) }, bounds);
  }

  authorization(): Promise<string> {
    return this.#authorization.header();
  }

  async #send(request: Sent, { maxBytes = MAX_BYTES, timeoutMs, signal }: Bounds): Promise<FetchAnswer> {
    const authorization = await this.#authorization.header();
    const answer = await this.#host.fetch({
      url: `${this.#url}${request.path}`,
      method: request.method,
      headers: { accept: "application/json", authorization, ...request.headers },
      ...(request.body === undefined ? {} : { body: request.body }),
      ...{ maxBytes, timeoutMs, signal },
    });
    if (answer.status === 401) this.#authorization.renew();
    return answer;
  }
}

interface Sent {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The JSON of a body; undefined where it is none. */
export function readJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}

/** What went wrong, in words. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
