import type { Counter, Failure, Settled, Settlement, Take, Taken } from "./counter.ts";
import { Batch, type BatchOptions, type Waiting } from "./redis-batch.ts";
import { resetItem, settleItem, takeItem, type Item } from "./redis-items.ts";
import type { Store, StoreStatus } from "./store.ts";

export interface RedisStoreOptions extends BatchOptions {
  /** For an answer; a take whose own time is up sooner has that. */
  readonly timeoutMs: number;
}

/** Takes in one call; more become several, so that no call keeps Redis from others for long. */
const MAX_ITEMS_A_CALL = 64;
/** Takes that wait for an answer; who comes then is told `away`. */
const MAX_WAITING = 10_000;
const RESET_MS = 1_000;

/**
 * Counters in Redis, or in what speaks its language. What comes in one turn of the event loop goes as one call a node (in a
 * Cluster, a slot), which Redis decides in order and as a whole. Nothing is ever sent twice, but for what Redis has said it has
 * not carried out.
 */
export class RedisStore implements Store {
  readonly #options: RedisStoreOptions;
  /** By group. */
  #queues = new Map<number, Waiting[]>();
  #waiting = 0;
  #isClosed = false;
  /** Called when nobody waits any more. */
  #onIdle: (() => void) | undefined;
  /** Batches under way; each ends with its call. */
  readonly #running = new Set<Promise<void>>();

  constructor(options: RedisStoreOptions) {
    this.#options = options;
  }

  get division(): Store["division"] {
    return this.#options.routes.division;
  }

  groupOf(tag: string): number {
    return this.#options.routes.groupOf(tag);
  }

  take(take: Take, deadlineAtMs: number): Taken | Promise<Taken> {
    const [first] = take.charges;
    if (first === undefined)
      return { kind: "counted", nowMs: Math.floor(this.#options.nowMs()), verdict: "fits", counts: [] };
    for (const { counter } of take.charges) mustBeTagged(counter);
    return this.#ask(first.counter, deadlineAtMs, takeItem(take));
  }

  settle(settlement: Settlement, deadlineAtMs: number): Promise<Settled> {
    mustBeTagged(settlement.counter);
    return this.#ask(settlement.counter, deadlineAtMs, settleItem(settlement));
  }

  async reset(counter: Pick<Counter, "tag" | "key">): Promise<boolean> {
    mustBeTagged(counter);
    const deadlineAtMs = this.#options.nowMs() + RESET_MS;
    const answer = await this.#ask(counter, deadlineAtMs, resetItem(counter.key), RESET_MS);
    if (typeof answer === "boolean") return answer;
    throw new Error(`the store has not answered: ${answer.reason}`);
  }

  status(): StoreStatus {
    const away = this.#options.routes.states().filter(({ state }) => state === "away");
    return {
      type: "redis",
      state: away.length === 0 ? "ready" : "away",
      detail: away.map(({ name, reason }) => `${name}: ${reason}`).join("; "),
      counters: undefined,
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#flush();
    // Each has its answer by its time; calls to a Redis that hangs end with their connection.
    if (this.#waiting > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    await this.#options.routes.close();
    await Promise.all(this.#running);
  }

  #ask<A>(
    { tag }: Pick<Counter, "tag">,
    deadlineAtMs: number,
    { write, read }: Item<A>,
    timeoutMs = this.#options.timeoutMs,
  ): Promise<A | Failed> {
    const nowMs = this.#options.nowMs();
    if (this.#isClosed || this.#waiting >= MAX_WAITING) return Promise.resolve(failed("away"));
    if (deadlineAtMs <= nowMs) return Promise.resolve(failed("timeout"));
    this.#waiting++;
    return new Promise((resolve) => {
      const settle = (answer: A | Failed): void => {
        if (waiting.isSettled) return;
        waiting.isSettled = true;
        resolve(answer);
        if (--this.#waiting === 0) this.#onIdle?.();
      };
      const waiting: Waiting = {
        expiresAtMs: Math.min(deadlineAtMs, nowMs + timeoutMs),
        write,
        // It is read in any case: what follows it is somebody else's.
        answer: (reply) => settle(read(reply)),
        fail: (reason) => settle(failed(reason)),
        isSettled: false,
      };
      this.#enqueue(this.groupOf(tag), waiting);
    });
  }

  #enqueue(group: number, waiting: Waiting): void {
    if (this.#queues.size === 0) setImmediate(() => this.#flush());
    const queue = this.#queues.get(group);
    if (queue === undefined) this.#queues.set(group, [waiting]);
    else queue.push(waiting);
  }

  #flush(): void {
    const queues = this.#queues;
    this.#queues = new Map();
    for (const [group, queue] of queues) {
      for (let from = 0; from < queue.length; from += MAX_ITEMS_A_CALL) {
        const batch = new Batch(this.#options, group, queue.slice(from, from + MAX_ITEMS_A_CALL));
        const running = batch.run().finally(() => this.#running.delete(running));
        this.#running.add(running);
      }
    }
  }
}

interface Failed {
  readonly kind: "failed";
  readonly reason: Failure;
}

const failed = (reason: Failure): Failed => ({ kind: "failed", reason });

/** In a Cluster the slot is that of what stands in the first braces of a key: it must be the tag, or a take would be divided. */
function mustBeTagged({ tag, key }: Pick<Counter, "tag" | "key">): void {
  const open = key.indexOf("{") + 1;
  if (open > 0 && tag !== "" && key.startsWith(tag, open) && key.indexOf("}", open) === open + tag.length)
    return;
  throw new RangeError(
    `the key ${JSON.stringify(key)} has not its tag ${JSON.stringify(tag)} in its first braces`,
  );
}
