import { monitorEventLoopDelay } from "node:perf_hooks";

/**
 * Loaded before a server (`node --import`): says how long the longest turn of its event loop was since the last time it was asked, by the
 * clock and by the processor time of its thread, one line on standard error a SIGUSR2.
 */
const RESOLUTION_MS = 1;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();

/** Of this thread. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

let beganMs = cpuMs();
let longestCpuMs = 0;
setInterval(() => {
  const nowMs = cpuMs();
  longestCpuMs = Math.max(longestCpuMs, nowMs - beganMs);
  beganMs = nowMs;
}, RESOLUTION_MS).unref();

process.on("SIGUSR2", () => {
  // The timer itself takes its resolution.
  const longestMs = Math.max(0, delay.max / 1e6 - RESOLUTION_MS);
  process.stderr.write(`longest-turn-ms ${longestMs.toFixed(2)} cpu-ms ${longestCpuMs.toFixed(2)}\n`);
  delay.reset();
  longestCpuMs = 0;
});
