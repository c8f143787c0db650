/** A timer that is set for longer fires at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** What a promise yields, or `otherwise` when `ms` have gone by before. The promise must not reject. */
export function within<T>(promise: Promise<T>, ms: number, otherwise: T): Promise<T> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(otherwise), Math.min(Math.max(0, ms), LONGEST_MS));
    void promise.then((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}
