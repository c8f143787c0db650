/**
 * Runs tasks after the current answers have been written, in order, at most `bound` waiting.
 * Says false, and forgets the task, when that many wait already. A task that throws is handed to `onError`.
 */
export function laterQueue(bound: number, onError: (error: unknown) => void): (task: () => void) => boolean {
  let waiting: (() => void)[] = [];
  const run = (): void => {
    const tasks = waiting;
    waiting = [];
    for (const task of tasks) {
      try {
        task();
      } catch (error) {
        onError(error);
      }
    }
  };
  return (task) => {
    if (waiting.length >= bound) return false;
    if (waiting.push(task) === 1) setImmediate(run);
    return true;
  };
}
