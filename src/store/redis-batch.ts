import type { Failure } from "./counter.ts";
import { Call, Reply, type Item } from "./redis-items.ts";
import type { Called, Link } from "./redis-link.ts";
import type { Routes } from "./redis-routes.ts";

/** An item of somebody who waits for its answer. */
export interface Waiting {
  /** Epoch milliseconds; there is an answer by then. */
  readonly expiresAtMs: number;
  readonly write: Item<unknown>["write"];
  /** Settles it with what the script has answered. @throws where that cannot be read. */
  readonly answer: (reply: Reply) => void;
  /** Settles it. */
  readonly fail: (reason: Failure) => void;
  isSettled: boolean;
}

export interface BatchOptions {
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
  readonly routes: Routes;
  /** What the names of all keys begin with, `<prefix>:`; undefined: nothing. */
  readonly prefix?: string | undefined;
  /** A call has been answered. */
  readonly onCall: (items: number, seconds: number) => void;
}

/** Whose answer says who is to be asked instead is asked so often. */
const MAX_TRIES = 3;

/** Items of one group that go to a store in one call. Each is settled once, at the latest when its time is up. */
export class Batch {
  readonly #options: BatchOptions;
  readonly #group: number;
  readonly #items: readonly Waiting[];
  #link: Link | undefined;
  #sentAtMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #isDone = false;

  constructor(options: BatchOptions, group: number, items: readonly Waiting[]) {
    this.#options = options;
    this.#group = group;
    this.#items = items;
  }

  /** Never rejects. */
  async run(): Promise<void> {
    this.#watch();
    try {
      await this.#send(this.#options.routes.linkOf(this.#group), MAX_TRIES);
    } finally {
      this.#isDone = true;
      clearTimeout(this.#timer);
    }
  }

  async #send(link: Link | undefined, tries: number, isAsking?: "asking"): Promise<void> {
    const items = this.#items.filter(({ isSettled }) => !isSettled);
    if (items.length === 0) return;
    if (link === undefined || tries === 0) {
      failAll(items, link === undefined ? "away" : "refused");
      return;
    }
    const call = new Call(this.#options.prefix);
    const content = call.content(items.map(({ write }) => write(call)));
    this.#link = link;
    this.#sentAtMs = performance.now();
    const called = await link.call(call.keys, content, isAsking);
    await this.#take(called, items, { link, tries });
  }

  async #take(
    called: Called,
    items: readonly Waiting[],
    { link, tries }: { readonly link: Link; readonly tries: number },
  ): Promise<void> {
    const { routes, onCall } = this.#options;
    switch (called.kind) {
      case "answered":
        if (items.some(({ isSettled }) => !isSettled)) link.noteInTime();
        onCall(items.length, (performance.now() - this.#sentAtMs) / 1_000);
        answerAll(items, called.reply);
        return;
      case "failed":
        failAll(items, called.reason);
        return;
      case "moved":
        return this.#send(routes.moved(this.#group, called.to, link), tries - 1);
      case "ask":
        if (items.length > 1) return this.#sendEach(items, tries);
        return this.#send(routes.asked(called.to, link), tries - 1, "asking");
      case "divided":
        // Each by itself may have all of its keys at one node.
        if (items.length > 1) return this.#sendEach(items, tries);
        failAll(items, "refused");
    }
  }

  async #sendEach(items: readonly Waiting[], tries: number): Promise<void> {
    const { routes } = this.#options;
    await Promise.all(
      items.map((item) => {
        const one = new Batch(this.#options, this.#group, [item]);
        return one.#send(routes.linkOf(this.#group), tries - 1);
      }),
    );
  }

  /** Settles what has waited long enough, and waits for the next to have. */
  #watch(): void {
    const open = this.#items.filter(({ isSettled }) => !isSettled);
    if (this.#isDone || open.length === 0) return;
    const firstMs = open.reduce((least, { expiresAtMs }) => Math.min(least, expiresAtMs), Infinity);
    // Where the process has been busy, the answer may be there and unread: it is read before anybody is given up.
    this.#timer = setTimeout(
      () => setImmediate(() => this.#expire()),
      Math.max(0, firstMs - this.#options.nowMs()),
    );
  }

  #expire(): void {
    if (this.#isDone) return;
    const nowMs = this.#options.nowMs();
    const late = this.#items.filter(({ isSettled, expiresAtMs }) => !isSettled && expiresAtMs <= nowMs);
    failAll(late, "timeout");
    if (late.length > 0) this.#link?.noteLate(this.#sentAtMs);
    this.#watch();
  }
}

function answerAll(items: readonly Waiting[], bytes: Uint8Array): void {
  const reply = new Reply(bytes);
  for (const item of items) {
    try {
      item.answer(reply);
    } catch {
      // It has been carried out, and nobody can say with what outcome.
      item.fail("timeout");
    }
  }
}

function failAll(items: readonly Waiting[], reason: Failure): void {
  for (const item of items) item.fail(reason);
}
