/** Time that goes by faster, in the test and in a process of its own alike. */
export interface FastClock {
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
  /** What a process is started with, so that its clocks and timers go by this one. */
  readonly environment: Readonly<Record<string, string>>;
}

export function fastClock(times: number): FastClock {
  const sinceMs = Date.now();
  const preload = new URL("fast-clock-preload.ts", import.meta.url).href;
  return {
    nowMs: () => Math.floor(sinceMs + (Date.now() - sinceMs) * times),
    environment: { NODE_OPTIONS: `--import=${preload}`, FAST_CLOCK: `${times} ${sinceMs}` },
  };
}
