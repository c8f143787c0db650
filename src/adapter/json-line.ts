import type { FieldRecord, FieldValue } from "./report.ts";

/** The names of a line that a rule's `with` cannot give anew. */
export const LINE_NAMES: readonly string[] = [
  ...["time", "observed_time", "severity", "rule", "trace_id", "span_id", "cut"],
];

/** One line, without its end. */
export interface JsonLine {
  readonly text: string;
  /** How many fields were shortened or left out, because the line would have been too long. */
  readonly cut: number;
}

/**
 * A record as one line of JSON of at most `maxBytes` (512 at least): when it was and of which rule it is, the preset's fields, what
 * the rule adds, the trace's ids; always in this order. A name that both have, has the rule's value. What readers may take for the end
 * of a line, or terminals for a command, is escaped. Of a line that would be too long, texts are shortened and what is still
 * too long is left out; `cut` says of how many fields.
 */
export function jsonLine(record: FieldRecord, maxBytes: number): JsonLine {
  const values = new Map<string, FieldValue>([
    ["time", isoTime(record.timeMs) ?? isoTime(record.observedAtMs) ?? null],
    ["observed_time", isoTime(record.observedAtMs) ?? null],
    ["severity", record.severity],
    ["rule", record.rule],
    ...record.fields,
    ...record.added,
    ...idsOf(record),
  ]);
  const members = Array.from(values, ([name, value]) => `${json(name)}:${json(value)}`);
  const text = `{${members.join(",")}}`;
  // A UTF-16 unit has at most three bytes, so that most lines need not be measured.
  const isShort = text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes;
  return isShort ? { text, cut: 0 } : shortened(values, maxBytes);
}

const idsOf = ({ trace }: FieldRecord): readonly (readonly [string, string])[] =>
  trace === undefined
    ? []
    : [
        ["trace_id", trace.traceId],
        ["span_id", trace.spanId],
      ];

/** Undefined of what is no time, and of times before the year 0 and after 9999. */
function isoTime(ms: number | undefined): string | undefined {
  const isTime = ms !== undefined && ms >= -62_167_219_200_000 && ms < 253_402_300_800_000;
  return isTime ? new Date(ms).toISOString() : undefined;
}

/** NEL, and the separators of lines and paragraphs end lines for some readers; terminals obey the controls of ISO 6429. */
const MISREAD = /[\u007f-\u009f\u2028\u2029]/g;

const json = (value: FieldValue): string =>
  JSON.stringify(value).replace(MISREAD, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** For `,"cut":` and a number, and the closing bracket. */
const CUT_BYTES = 24;

/** No field has more than a sixteenth of a line that is too long, so that one cannot drive out the others. */
const SHARE = 16;

function shortened(values: ReadonlyMap<string, FieldValue>, maxBytes: number): JsonLine {
  const members: string[] = [];
  const most = Math.floor(maxBytes / SHARE);
  let room = maxBytes - CUT_BYTES;
  let cut = 0;
  for (const [name, value] of values) {
    const whole = `${json(name)}:${json(value)}`;
    const isShort = Buffer.byteLength(whole) <= Math.max(most, LEAST_BYTES);
    const member = isShort || typeof value !== "string" ? whole : `${json(name)}:${begin(value, most)}`;
    const bytes = Buffer.byteLength(member) + 1;
    const fits = bytes <= room && (isShort || typeof value === "string");
    if (fits) {
      members.push(member);
      room -= bytes;
    }
    if (!fits || !isShort) cut++;
  }
  return { text: `{${[...members, `"cut":${cut}`].join(",")}}`, cut };
}

/** Times and ids are never shortened. */
const LEAST_BYTES = 64;

/** The beginning of a text as JSON of at most `maxBytes` or so. */
function begin(text: string, maxBytes: number): string {
  let length = Math.min(text.length, maxBytes);
  let found = json(`${text.slice(0, length)}…`);
  while (length > 0 && Buffer.byteLength(found) > maxBytes) {
    length = Math.floor(length * 0.75);
    found = json(`${text.slice(0, length)}…`);
  }
  return found;
}
