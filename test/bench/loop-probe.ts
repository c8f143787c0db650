import { monitorEventLoopDelay } from "node:perf_hooks";

/**
 * Loaded before a server (`node --import`): says how long the longest turn of its event loop was since the last time it was asked,
 * one line on standard error a SIGUSR2.
 */
const RESOLUTION_MS = 1;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();

process.on("SIGUSR2", () => {
  // The timer itself takes its resolution.
  const longestMs = Math.max(0, delay.max / 1e6 - RESOLUTION_MS);
  process.stderr.write(
    `longest-turn-ms ${longestMs.toFixed(2)} p99 ${(delay.percentile(99) / 1e6).toFixed(2)}\n`,
  );
  delay.reset();
});
