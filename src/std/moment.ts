/** What a moment looks like, for messages. */
export const MOMENT_FORM = "a moment with its zone, such as 2026-01-01T00:00:00Z";

/** A moment in RFC 3339 with its zone, in milliseconds since 1970; undefined when the text is none. */
export function parseMomentMs(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:\d\d)$/.test(text)) return undefined;
  const [ms, dayMs] = [Date.parse(text), Date.parse(text.slice(0, 10))];
  if (Number.isNaN(ms) || Number.isNaN(dayMs)) return undefined;
  // The 31st of February is read as the 3rd of March.
  return new Date(dayMs).toISOString().startsWith(text.slice(0, 10)) ? ms : undefined;
}
