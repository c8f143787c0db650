import {
  defineAdapter,
  type CheckAnswer,
  type CheckInput,
  type Handler,
  type HandlerStatus,
} from "../../src/adapter/adapter.ts";
import type { Host, Stop } from "../../src/adapter/host.ts";
import { CONFIG, type ListConfig } from "./config.ts";
import type { Entries } from "./entries.ts";
import { isSameSource, load, type Loaded } from "./refresh.ts";

/** Whether a value is on a list, which stands in weir.yaml, in a file, or behind a URL. */
export const list = defineAdapter<ListConfig>({
  id: "list",
  summary: "Allows or denies what is on a list: texts, addresses and networks, or regular expressions",
  config: CONFIG,
  inputs: {
    check: {
      value: {
        type: "string",
        presence: "required",
        class: "secret",
        meaning: "What is looked for on the list",
      },
    },
  },
  outputs: {
    matched: { type: "bool", meaning: "Whether the value is on the list" },
    entry: { type: "string", meaning: "The entry that matched, as it is written; missing where none did" },
  },
  credentialInput: "value",
  create: (config, host, previous) => new ListHandler(config, host, previous),
});

/** How often it is looked whether a refresh is due, and how soon a failed one is tried again, doubling. */
const TICK_MS = 1_000;
const RETRY_MS = 5_000;

class ListHandler implements Handler {
  readonly #config: ListConfig;
  readonly #host: Host;
  readonly #closing = new AbortController();
  #loaded: Loaded | undefined;
  #failures = 0;
  #reason = "";
  #dueAtMs = 0;
  #stop: Stop | undefined;
  #refreshing: Promise<void> | undefined;

  constructor(config: ListConfig, host: Host, previous: Handler | undefined) {
    this.#config = config;
    this.#host = host;
    if (previous instanceof ListHandler && isSameSource(previous.#config, config)) {
      this.#loaded = previous.#loaded;
    }
  }

  async start(): Promise<void> {
    const { source, refreshMs } = this.#config;
    if (source.kind === "entries" || this.#stop !== undefined || this.#closing.signal.aborted) return;
    this.#stop = this.#host.repeat(Math.min(TICK_MS, refreshMs), async () => {
      const untilDueMs = this.#dueAtMs - this.#host.nowMs();
      // Further away than a refresh ever is, it was set before the clock was.
      if (untilDueMs <= 0 || untilDueMs > 2 * refreshMs) await this.#refresh();
    });
    if (source.kind === "url") {
      // The remote may be away; `close` waits for this one, and it never rejects.
      void this.#refresh();
      return;
    }
    try {
      await this.#load();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  check(input: CheckInput): CheckAnswer {
    const value = input.get("value");
    if (typeof value !== "string") return { verdict: "error", reason: "the input value is missing" };
    const entries = this.#present();
    if (typeof entries === "string") return { verdict: "error", reason: entries };
    const found = entries.find(value);
    if (found.kind === "malformed") return { verdict: "deny", status: 400, message: found.why };
    const isMatch = found.kind === "entry";
    if (isMatch !== (this.#config.means === "allow")) return { verdict: "deny" };
    const outputs = new Map<string, unknown>([["matched", isMatch]]);
    return { verdict: "allow", outputs: isMatch ? outputs.set("entry", found.entry) : outputs };
  }

  /** The entries that may be used now, or why there are none. */
  #present(): Entries | string {
    const { source, maxAgeMs } = this.#config;
    if (source.kind === "entries") return source.entries;
    if (this.#loaded === undefined) return `the list was never loaded${this.#because()}`;
    return this.#ageMs(this.#loaded) <= maxAgeMs
      ? this.#loaded.entries
      : `the list is too old${this.#because()}`;
  }

  /** A clock that was set back makes the list young, not of the future. */
  #ageMs({ confirmedAtMs }: Loaded): number {
    return Math.max(0, this.#host.nowMs() - confirmedAtMs);
  }

  #because(): string {
    return this.#reason === "" ? "" : `: ${this.#reason}`;
  }

  status(): HandlerStatus {
    const entries = this.#present();
    if (typeof entries === "string") {
      const isStarting = this.#loaded === undefined && this.#failures === 0;
      return { state: isStarting ? "starting" : "failing", detail: entries };
    }
    const size = `${entries.size} entries`;
    if (this.#loaded === undefined) return { state: "ready", detail: `${size}, in the configuration` };
    const since = `${size}, current at ${new Date(this.#loaded.confirmedAtMs).toISOString()}`;
    return { state: this.#failures === 0 ? "ready" : "stale", detail: since + this.#because() };
  }

  #refresh(): Promise<void> {
    this.#refreshing ??= this.#load()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #load(): Promise<void> {
    const last = this.#loaded;
    const loaded = await load(this.#config, this.#host, last, this.#closing.signal);
    if (loaded.digest !== last?.digest) this.#host.log.info({ entries: loaded.entries.size }, "list loaded");
    this.#loaded = loaded;
    this.#failures = 0;
    this.#reason = "";
    this.#schedule(this.#config.refreshMs);
  }

  #failed(error: unknown): void {
    if (this.#closing.signal.aborted) return;
    const reason = error instanceof Error ? error.message : String(error);
    if (reason !== this.#reason) this.#host.log.warn({ reason }, "list not loaded");
    this.#reason = reason;
    this.#failures++;
    this.#schedule(Math.min(this.#config.refreshMs, RETRY_MS * 2 ** Math.min(this.#failures - 1, 20)));
  }

  /** Spread by a tenth to both sides, so that the replicas of a weir do not ask at one moment. */
  #schedule(inMs: number): void {
    this.#dueAtMs = this.#host.nowMs() + inMs * (0.9 + Math.random() * 0.2);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#stop?.();
    await this.#refreshing;
  }
}
