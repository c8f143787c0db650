import type { Stop } from "../adapter/host.ts";

/**
 * Runs a task again and again, `everyMs` after the last run ended, so that runs never overlap. The timer keeps no process
 * alive. What a run throws goes to `onError`; the next run comes all the same. A run that is under way when the stop is
 * called ends by itself, and no other follows.
 */
export function repeat(everyMs: number, task: () => Promise<void>, onError: (error: unknown) => void): Stop {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  const schedule = (): void => {
    if (isStopped) return;
    timer = setTimeout(() => {
      // Owned here: it reports its own error and schedules the next.
      void run();
    }, everyMs);
    timer.unref();
  };
  const run = async (): Promise<void> => {
    try {
      await task();
    } catch (error) {
      if (!isStopped) onError(error);
    } finally {
      schedule();
    }
  };
  schedule();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
