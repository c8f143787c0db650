/**
 * Does a task now, and again so long after each time; not while nobody looks. Ends with `signal`.
 *
 * @param {() => Promise<void>} task
 * @param {{ readonly everyMs: number, readonly signal: AbortSignal }} options
 */
export async function poll(task, { everyMs, signal }) {
  while (!signal.aborted) {
    if (!document.hidden) await task().catch(rethrowUnlessAborted(signal));
    await pause(everyMs, signal);
  }
}

/**
 * What a page that was left has begun ends in an abort, which is nobody's error.
 *
 * @param {AbortSignal} signal
 * @returns {(error: unknown) => void}
 */
export const rethrowUnlessAborted = (signal) => (error) => {
  if (!signal.aborted) throw error;
};

/**
 * @param {number} ms
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
const pause = (ms, signal) =>
  new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", wake);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const wake = () => {
      if (!document.hidden) end();
    };
    const timer = setTimeout(end, ms);
    document.addEventListener("visibilitychange", wake);
    signal.addEventListener("abort", end);
  });
