import { globMatcher } from "../std/glob.ts";
import type { Meter } from "./meter.ts";

/** Whether the whole text fits a pattern with `*`, for what that costs. */
export function glob(meter: Meter, text: string, pattern: string): boolean {
  meter.charge(Math.floor((text.length * pattern.length) / 8192));
  return globMatcher(pattern)(text);
}
