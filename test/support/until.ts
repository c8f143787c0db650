import { setTimeout as pause } from "node:timers/promises";

/**
 * Polls until `condition` holds and answers what it gave. A condition does not hold while it gives `undefined` or
 * `false`. What it throws ends the wait; after `timeoutMs` the wait fails and names `what` it waited for.
 */
export async function until<T>(
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  { timeoutMs = 5000, what }: { timeoutMs?: number; what: string },
): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (performance.now() >= endMs) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await pause(10);
  }
}
