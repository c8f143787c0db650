/** The smallest first. */
const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** What a duration looks like, for messages. */
export const DURATION_FORM = "a duration with its unit (ms, s, m, h or d), such as 200ms";

/** A duration in two parts: the number and its unit. */
export const DURATION_PATTERN = /^(\d{1,15}(?:\.\d{1,3})?)(ms|s|m|h|d)$/;

/**
 * The milliseconds of a duration with its unit: `200ms`, `1.5s`, `10m`, `2h`, `1d`.
 * Undefined when it has no unit, is not a whole number of milliseconds, or is beyond what a number holds exactly.
 */
export function parseDurationMs(text: string): number | undefined {
  const match = DURATION_PATTERN.exec(text);
  const unitMs = UNITS_MS[match?.[2] ?? ""];
  if (match === null || unitMs === undefined) return undefined;
  // The decimals are taken as whole thousandths, so that 0.3s is 300 and not 299.99….
  const [whole = "0", decimals = ""] = (match[1] ?? "").split(".");
  const ms = Number(whole) * unitMs + (Number(decimals.padEnd(3, "0")) * unitMs) / 1000;
  return Number.isSafeInteger(ms) ? ms : undefined;
}

/** Whole milliseconds in the largest unit that divides them: `1500ms`, `90s`, `1d`. */
export function printDurationMs(ms: number): string {
  const [unit, unitMs] = Object.entries(UNITS_MS).findLast(([, size]) => ms % size === 0) ?? ["ms", 1];
  return `${ms / unitMs}${unit}`;
}
