/** A timer that is set for longer fires at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** What a promise yields, or `otherwise` when `ms` have gone by before, or the signal aborts. The promise must not reject. */
export function within<T>(promise: Promise<T>, ms: number, otherwise: T, signal?: AbortSignal): Promise<T> {
  return new Promise((resolve) => {
    const end = (value: T): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", give);
      resolve(value);
    };
    const give = (): void => end(otherwise);
    const timer = setTimeout(give, Math.min(Math.max(0, ms), LONGEST_MS));
    void promise.then(end);
    if (signal?.aborted === true) give();
    else signal?.addEventListener("abort", give);
  });
}
