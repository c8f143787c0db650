/** A clock and its timers, so that tests may have their own. */
export interface Timers {
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
  /** Runs a task later, unless what it gives is called before. */
  readonly after: (ms: number, task: () => void) => () => void;
}

/** The process's own. */
export const TIMERS: Timers = {
  nowMs: Date.now,
  after: (ms, task) => {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  },
};
