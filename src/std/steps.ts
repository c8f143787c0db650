/** Long work in steps: each `yield` is a place where other work may go in between. */
export type Steps<T> = Generator<undefined, T>;

/** All steps at once. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** All steps, giving the event loop a turn whenever `sliceMs` are used up, so that answers do not wait. */
export async function finishInTurns<T>(steps: Steps<T>, sliceMs: number): Promise<T> {
  let startedAtMs = performance.now();
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (performance.now() - startedAtMs < sliceMs) continue;
    await new Promise<void>((resolve) => setImmediate(resolve));
    startedAtMs = performance.now();
  }
}
