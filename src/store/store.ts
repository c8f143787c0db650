import type { Counter, Settled, Settlement, Take, Taken } from "./counter.ts";

/** Where counters are kept. A failure is a value; nothing here throws for what a store does. */
export interface Store {
  /**
   * Charges of counters with tags of the same group may stand in one take, which the store decides as a whole. Charges of
   * different groups must not.
   */
  groupOf(tag: string): number;
  /** Whether groups differ at all. */
  readonly division: "whole" | "by-tag";
  /**
   * Decides a take. There is a promise only where somebody is waited for. `deadlineAtMs`, epoch milliseconds: an answer
   * that has not come by then is a failure.
   */
  take(take: Take, deadlineAtMs: number): Taken | Promise<Taken>;
  /** Corrects what was reserved to what it came to, once. */
  settle(settlement: Settlement, deadlineAtMs: number): Settled | Promise<Settled>;
  /** Forgets a counter. False: there was none. Rejects where the store could not be asked. */
  reset(counter: Pick<Counter, "tag" | "key">): Promise<boolean>;
  /** What is told of it on /status. */
  status(): StoreStatus;
  /** Safe twice. */
  close(): Promise<void>;
}

export interface StoreStatus {
  readonly type: "memory" | "redis";
  /** `away`: takes fail now. */
  readonly state: "ready" | "away";
  /** Why it is away, for a person; empty when it is ready. */
  readonly detail: string;
  /** Counters that this process keeps itself; undefined where others keep them. */
  readonly counters: number | undefined;
}
