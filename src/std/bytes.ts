const UNITS: Readonly<Record<string, number>> = { "": 1, KiB: 1_024, MiB: 1_048_576, GiB: 1_073_741_824 };

/** What a number of bytes looks like, for messages. */
export const BYTES_FORM = "a number of bytes, such as 65536, 64KiB or 1MiB";

/** A number of bytes: digits, or with a unit, such as `512KiB`. Undefined when it is none. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d{1,12})(KiB|MiB|GiB)?$/.exec(text);
  const bytes = match === null ? NaN : Number(match[1]) * (UNITS[match[2] ?? ""] ?? NaN);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
