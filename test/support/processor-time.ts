/**
 * The time that this process's processors take for some work, in milliseconds. Unlike the clock's, it does not grow with what other
 * processes do meanwhile.
 */
export function processorMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
