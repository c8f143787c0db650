import { join } from "node:path";
import { z } from "zod";
import type { HandlerStatus } from "../../src/adapter/adapter.ts";
import type { Host } from "../../src/adapter/host.ts";
import type { Refreshed } from "../../src/adapter/refreshed.ts";
import type { ApigeeConfig } from "./config.ts";
import { readProducts, type Products } from "./products.ts";
import { messageOf, readJson, type RemoteService } from "./service.ts";

const RETRY_MS = 1_000;
const TIMEOUT_MS = 30_000;
const MAX_BYTES = 64 * 1_048_576;

/** The products of the organization, as they are now: asked for again and again, and kept on disk for the next start. */
export class Catalogue {
  readonly #config: ApigeeConfig;
  readonly #host: Host;
  readonly #service: RemoteService;
  readonly #refreshed: Refreshed;
  readonly #file: string;
  #products: Products | undefined;
  /** Whether they are of this process's time, and not of a file. */
  #isFresh = false;
  #etag: string | undefined;

  constructor(
    config: ApigeeConfig,
    options: { readonly host: Host; readonly service: RemoteService },
    before?: Catalogue,
  ) {
    this.#config = config;
    this.#host = options.host;
    this.#service = options.service;
    this.#file = join(config.folder, "products.json");
    this.#refreshed = options.host.refresh({
      ...{ what: "API products", everyMs: config.refreshMs, retryMs: RETRY_MS },
      load: (signal) => this.#load(signal),
    });
    if (before === undefined || before.#config.url !== config.url) return;
    if (before.#config.organization !== config.organization) return;
    this.#products = before.#products;
    this.#etag = before.#etag;
    this.#isFresh = before.#isFresh;
  }

  /** Undefined until there was a list. */
  get products(): Products | undefined {
    return this.#products;
  }

  /** The service may be away: `close` ends what is begun here. */
  async start(): Promise<void> {
    if (this.#products === undefined) await this.#recall();
    this.#refreshed.start();
  }

  status(): HandlerStatus {
    const { failure } = this.#refreshed;
    if (this.#products === undefined) {
      return failure === undefined
        ? { state: "starting", detail: "no products yet" }
        : { state: "failing", detail: `no products yet: ${failure}` };
    }
    const { size } = this.#products;
    if (failure === undefined && this.#isFresh) return { state: "ready", detail: `${size} products` };
    return {
      state: "stale",
      detail: `${size} products, kept from before: ${failure ?? "not asked for yet"}`,
    };
  }

  close(): Promise<void> {
    return this.#refreshed.close();
  }

  async #load(signal: AbortSignal): Promise<void> {
    await this.#read(signal);
    this.#isFresh = true;
  }

  async #read(signal: AbortSignal): Promise<void> {
    const headers = this.#etag === undefined ? undefined : { "if-none-match": this.#etag };
    const answer = await this.#service.get(
      "/products",
      { timeoutMs: TIMEOUT_MS, signal, maxBytes: MAX_BYTES },
      headers,
    );
    if (answer.status === 304 && this.#products !== undefined) return;
    if (answer.status !== 200)
      throw new Error(`the remote service answers ${answer.status} when asked for products`);
    if (!this.#learn(readJson(answer.body)))
      throw new Error("the remote service answers with something else than products");
    this.#etag = answer.headers.get("etag");
    const { url, organization } = this.#config;
    const kept = JSON.stringify({ url, organization, list: readJson(answer.body) });
    await this.#host.writeFile(this.#file, kept).catch((error: unknown) => {
      this.#host.log.warn({ reason: messageOf(error) }, "API products are not kept for the next start");
    });
  }

  #learn(value: unknown): boolean {
    const list = readProducts(value);
    if (list === undefined) return false;
    for (const problem of list.problems.slice(0, MAX_TOLD))
      this.#host.log.warn({ problem }, "API products have a fault");
    this.#products = list.products;
    return true;
  }

  /** What cannot be read, or is of another organization, is none. */
  async #recall(): Promise<void> {
    const kept = await this.#host.readFile(this.#file, 2 * MAX_BYTES).catch(() => undefined);
    const read = KEPT.safeParse(kept && readJson(kept));
    const { url, organization } = this.#config;
    if (read.success && read.data.url === url && read.data.organization === organization)
      this.#learn(read.data.list);
  }
}

const MAX_TOLD = 10;

const KEPT = z.object({ url: z.string(), organization: z.string(), list: z.unknown() });
