import { join } from "node:path";
import { z } from "zod";
import type { HandlerStatus } from "../../src/adapter/adapter.ts";
import type { Host, Stop } from "../../src/adapter/host.ts";
import type { ApigeeConfig } from "./config.ts";
import { readProducts, type Products } from "./products.ts";
import { messageOf, readJson, type RemoteService } from "./service.ts";

const TICK_MS = 1_000;
const RETRY_MS = 1_000;
const TIMEOUT_MS = 30_000;
const MAX_BYTES = 64 * 1_048_576;

/** The products of the organization, as they are now: asked for again and again, and kept on disk for the next start. */
export class Catalogue {
  readonly #config: ApigeeConfig;
  readonly #host: Host;
  readonly #service: RemoteService;
  readonly #closing = new AbortController();
  readonly #file: string;
  #products: Products | undefined;
  /** Whether they are of this process's time, and not of a file. */
  #isFresh = false;
  #etag: string | undefined;
  #failures = 0;
  #reason = "";
  #dueAtMs = 0;
  #stop: Stop | undefined;
  #refreshing: Promise<void> | undefined;

  constructor(
    config: ApigeeConfig,
    options: { readonly host: Host; readonly service: RemoteService },
    before?: Catalogue,
  ) {
    this.#config = config;
    this.#host = options.host;
    this.#service = options.service;
    this.#file = join(config.folder, "products.json");
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

  /** The service may be away: `close` ends what is begun here, and it never rejects. */
  async start(): Promise<void> {
    if (this.#stop !== undefined || this.#isClosed()) return;
    if (this.#products === undefined) await this.#recall();
    if (this.#isClosed()) return;
    this.#stop = this.#host.repeat(Math.min(TICK_MS, this.#config.refreshMs), async () => {
      const untilDueMs = this.#dueAtMs - this.#host.nowMs();
      // Further away than a refresh ever is, it was set before the clock was.
      if (untilDueMs <= 0 || untilDueMs > 2 * this.#config.refreshMs) await this.#refresh();
    });
    void this.#refresh();
  }

  status(): HandlerStatus {
    const { size } = this.#products ?? { size: 0 };
    if (this.#products === undefined) {
      const state = this.#failures === 0 ? "starting" : "failing";
      return { state, detail: `no products yet${this.#reason === "" ? "" : `: ${this.#reason}`}` };
    }
    if (this.#failures === 0 && this.#isFresh) return { state: "ready", detail: `${size} products` };
    const why = this.#reason === "" ? "not asked for yet" : this.#reason;
    return { state: "stale", detail: `${size} products, kept from before: ${why}` };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#stop?.();
    this.#stop = undefined;
    await this.#refreshing;
  }

  #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  #refresh(): Promise<void> {
    this.#refreshing ??= this.#load()
      .then(() => {
        this.#failures = 0;
        this.#reason = "";
        this.#isFresh = true;
        this.#dueAtMs = this.#host.nowMs() + this.#config.refreshMs;
      })
      .catch((error: unknown) => {
        this.#failures++;
        this.#reason = messageOf(error);
        const waitMs = RETRY_MS * 2 ** Math.min(this.#failures - 1, 10);
        this.#dueAtMs = this.#host.nowMs() + Math.min(waitMs, this.#config.refreshMs);
        if (!this.#isClosed()) {
          this.#host.log.warn(
            { reason: this.#reason },
            "API products could not be read; the last good ones are used",
          );
        }
      })
      .finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #load(): Promise<void> {
    const headers = this.#etag === undefined ? undefined : { "if-none-match": this.#etag };
    const { signal } = this.#closing;
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
