/** What a share looks like, for messages. */
export const SHARE_FORM = "a percentage, such as 1% or 0.1%";

/** The number of a share, without a bound. */
export const SHARE_PATTERN = /^(\d{1,3}(?:\.\d{1,4})?)%$/;

/** A share of things that come in numbers, `1%` or `0.05%`, as a number from 0 to 1. Undefined when it is none. */
export function parseShare(text: string): number | undefined {
  const found = SHARE_PATTERN.exec(text)?.[1];
  const percent = found === undefined ? NaN : Number(found);
  return percent <= 100 ? percent / 100 : undefined;
}
