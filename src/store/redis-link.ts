import { setTimeout as pause } from "node:timers/promises";
import type { Failure } from "./counter.ts";
import { ConnectionLost, Refusal, type Client } from "./redis-client.ts";
import { SCRIPT } from "./redis-script.lua.ts";

export interface LinkOptions {
  /** What it is called in logs and metrics. */
  readonly name: string;
  /** Opens a connection to where it leads now; gives up when the signal says so. */
  readonly open: (signal: AbortSignal) => Promise<Client>;
  readonly onState: (state: LinkState) => void;
}

/**
 * `ready`: it is connected, and the script answers. `away`: it is not, and a connection is being tried. `gone`: nobody needs it
 * any more.
 */
export interface LinkState {
  readonly name: string;
  readonly state: "ready" | "away" | "gone";
  /** Why it is away; empty when it is ready. */
  readonly reason: string;
}

/** What came of a call. Where `failed`, nothing was counted but after `timeout`, which leaves it open. */
export type Called =
  | { readonly kind: "answered"; readonly reply: Uint8Array }
  | { readonly kind: "failed"; readonly reason: Failure }
  /** The keys are at another node: for good, or (`ask`) those that this one has no more. Nothing was counted. */
  | { readonly kind: "moved" | "ask"; readonly slot: number; readonly to: string }
  /** Keys of one call are at two nodes, while a slot moves. Nothing was counted. */
  | { readonly kind: "divided" };

/** Calls that come too late, one after the other, before a link is given up. */
const MAX_LATE = 5;
/** For how long nothing is tried then. */
const OPEN_MS = 500;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;
/** For the first answer of the script. */
const GREETING_MS = 1_000;
const DRAIN_MS = 100;
/** Calls of one link without an answer; what was settled as too late counts until it is answered or the link is given up. */
const MAX_UNANSWERED = 1_000;

/** Redis is there, and not the one to ask: of a replica that was a master, and of one that has just been started. */
const ELSEWHERE: ReadonlySet<string> = new Set(["READONLY", "LOADING", "MASTERDOWN"]);

/**
 * A way to one Redis, kept open: when its connection ends, another is opened, with growing pauses. Where calls come too late
 * again and again it is given up for a while, and the first answer of the next connection says whether it is used again.
 */
export class Link {
  readonly name: string;
  readonly #options: LinkOptions;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  #client: Client | undefined;
  #reason = "not connected yet";
  #pauseMs = FIRST_PAUSE_MS;
  #late = 0;
  #lateSinceMs = 0;
  #unanswered = 0;
  #isGone = false;

  constructor(options: LinkOptions) {
    this.name = options.name;
    this.#options = options;
    this.#running = this.#run();
  }

  get state(): LinkState {
    return this.#client === undefined
      ? { name: this.name, state: "away", reason: this.#reason }
      : { name: this.name, state: "ready", reason: "" };
  }

  get isReady(): boolean {
    return this.#client !== undefined;
  }

  /** Runs the script. `isAsking`: for keys that are on their way here. */
  async call(keys: readonly string[], items: string, isAsking?: "asking"): Promise<Called> {
    const client = this.#client;
    if (client === undefined || this.#unanswered >= MAX_UNANSWERED) return { kind: "failed", reason: "away" };
    this.#unanswered++;
    try {
      return await this.#evaluate(client, keys, { items, isAsking });
    } catch (error) {
      return this.#failed(client, error);
    } finally {
      this.#unanswered--;
    }
  }

  /** Any other command; rejects with what Redis says. */
  async command(name: string, ...parameters: readonly string[]): Promise<unknown> {
    if (this.#client === undefined) throw new ConnectionLost(this.#reason);
    return this.#client.send(name, ...parameters);
  }

  /** A call has had no answer in time. Those that waited side by side count once. `sentAtMs`: by the monotonic clock. */
  noteLate(sentAtMs: number): void {
    if (sentAtMs < this.#lateSinceMs) return;
    this.#lateSinceMs = performance.now();
    if (++this.#late >= MAX_LATE) this.#giveUp(`${MAX_LATE} calls in a row had no answer in time`, OPEN_MS);
  }

  noteInTime(): void {
    this.#late = 0;
    this.#pauseMs = FIRST_PAUSE_MS;
  }

  /** What is under way has a moment to be answered. Safe twice. */
  async close(): Promise<void> {
    this.#closing.abort();
    const endMs = performance.now() + DRAIN_MS;
    while (this.#unanswered > 0 && performance.now() < endMs) await pause(1);
    this.#client?.close();
    await this.#running;
    if (this.#isGone) return;
    this.#isGone = true;
    this.#options.onState({ name: this.name, state: "gone", reason: "" });
  }

  async #evaluate(
    client: Client,
    keys: readonly string[],
    { items, isAsking }: { readonly items: string; readonly isAsking: "asking" | undefined },
  ): Promise<Called> {
    const run = (command: "EVALSHA" | "EVAL", script: string): Promise<unknown> => {
      // Commands of one connection arrive in order, so that this one speaks for the next.
      if (isAsking !== undefined) void client.send("ASKING").catch(() => undefined);
      return client.sendForBytes(command, [script, keys.length, ...keys, items]);
    };
    try {
      return answered(await run("EVALSHA", SCRIPT.sha));
    } catch (error) {
      // Redis was started anew, or was told to forget: it has run nothing.
      if (error instanceof Refusal && error.code === "NOSCRIPT")
        return answered(await run("EVAL", SCRIPT.text));
      throw error;
    }
  }

  #failed(client: Client, error: unknown): Called {
    if (!(error instanceof Refusal)) return { kind: "failed", reason: "timeout" };
    if (ELSEWHERE.has(error.code)) {
      if (client === this.#client) this.#giveUp(error.message, 0);
      return { kind: "failed", reason: "away" };
    }
    const [code, slot, to] = error.message.split(" ");
    if (code === "TRYAGAIN") return { kind: "divided" };
    if ((code === "MOVED" || code === "ASK") && to !== undefined)
      return { kind: code === "MOVED" ? "moved" : "ask", slot: Number(slot), to };
    return { kind: "failed", reason: "refused" };
  }

  #giveUp(reason: string, pauseMs: number): void {
    const client = this.#client;
    if (client === undefined) return;
    this.#pauseMs = Math.max(this.#pauseMs, pauseMs);
    this.#lose(reason);
    client.close();
  }

  #lose(reason: string): void {
    if (this.#client === undefined && reason === this.#reason) return;
    this.#client = undefined;
    this.#reason = reason;
    if (!this.#closing.signal.aborted) this.#options.onState(this.state);
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        const client = await this.#connect();
        const reason = await client.whenClosed;
        if (this.#client === client) this.#lose(reason);
      } catch (error) {
        this.#lose(error instanceof Error ? error.message : String(error));
      }
      const jitter = 0.5 + Math.random() / 2;
      await pause(this.#pauseMs * jitter, undefined, { signal }).catch(() => undefined);
      this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
    }
  }

  /** A connection on which the script has answered once. */
  async #connect(): Promise<Client> {
    const client = await this.#options.open(this.#closing.signal);
    const timer = setTimeout(() => client.close(), GREETING_MS);
    try {
      await client.send("EVAL", SCRIPT.text, 0, "[[],[],[]]");
    } catch (error) {
      client.close();
      await client.whenClosed;
      throw error;
    } finally {
      clearTimeout(timer);
    }
    if (this.#closing.signal.aborted) {
      client.close();
      return client;
    }
    this.#client = client;
    this.#late = 0;
    this.#lateSinceMs = performance.now();
    this.#options.onState(this.state);
    return client;
  }
}

function answered(reply: unknown): Called {
  return reply instanceof Uint8Array ? { kind: "answered", reply } : { kind: "failed", reason: "timeout" };
}
