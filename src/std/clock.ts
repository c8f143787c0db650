/** How far apart the two clocks may be: one of them counts whole milliseconds. */
const TOLERANCE_MS = 2;

/**
 * Makes a clock of epoch milliseconds, with fractions. It goes on evenly, by the process's own clock, and where that and the
 * machine's differ, because the machine slept or was set right, the machine's holds: what has expired meanwhile has expired.
 */
export function epochClock(
  machineMs: () => number = Date.now,
  elapsedMs: () => number = () => performance.now(),
): () => number {
  let originMs = machineMs() - elapsedMs();
  return () => {
    const sinceMs = elapsedMs();
    const nowMs = machineMs();
    if (Math.abs(originMs + sinceMs - nowMs) > TOLERANCE_MS) originMs = nowMs - sinceMs;
    return originMs + sinceMs;
  };
}
