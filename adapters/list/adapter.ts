import {
  defineAdapter,
  type CheckAnswer,
  type CheckInput,
  type Handler,
  type HandlerStatus,
} from "../../src/adapter/adapter.ts";
import type { Host } from "../../src/adapter/host.ts";
import type { Refreshed } from "../../src/adapter/refreshed.ts";
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

/** How soon a list that could not be had is tried again, doubling. */
const RETRY_MS = 5_000;

class ListHandler implements Handler {
  readonly #config: ListConfig;
  readonly #host: Host;
  readonly #refreshed: Refreshed;
  #loaded: Loaded | undefined;

  constructor(config: ListConfig, host: Host, previous: Handler | undefined) {
    this.#config = config;
    this.#host = host;
    if (previous instanceof ListHandler && isSameSource(previous.#config, config)) {
      this.#loaded = previous.#loaded;
    }
    const load = (signal: AbortSignal): Promise<void> => this.#load(signal);
    this.#refreshed = host.refresh({ what: "list", everyMs: config.refreshMs, retryMs: RETRY_MS, load });
  }

  start(): Promise<void> {
    switch (this.#config.source.kind) {
      case "entries":
        return Promise.resolve();
      case "file":
        return this.#refreshed.startLoaded();
      case "url":
        // The remote may be away.
        this.#refreshed.start();
        return Promise.resolve();
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
    const { failure } = this.#refreshed;
    return failure === undefined ? "" : `: ${failure}`;
  }

  status(): HandlerStatus {
    const entries = this.#present();
    if (typeof entries === "string") {
      const isStarting = this.#loaded === undefined && this.#refreshed.failure === undefined;
      return { state: isStarting ? "starting" : "failing", detail: entries };
    }
    const size = `${entries.size} entries`;
    if (this.#loaded === undefined) return { state: "ready", detail: `${size}, in the configuration` };
    const since = `${size}, current at ${new Date(this.#loaded.confirmedAtMs).toISOString()}`;
    return {
      state: this.#refreshed.failure === undefined ? "ready" : "stale",
      detail: since + this.#because(),
    };
  }

  async #load(signal: AbortSignal): Promise<void> {
    const last = this.#loaded;
    const loaded = await load(this.#config, this.#host, last, signal);
    if (loaded.digest !== last?.digest) this.#host.log.info({ entries: loaded.entries.size }, "list loaded");
    this.#loaded = loaded;
  }

  close(): Promise<void> {
    return this.#refreshed.close();
  }
}
