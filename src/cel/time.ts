/** Timestamps and durations: where the engine's arithmetic, texts and zones are not CEL's, this is. */
import type { Meter } from "./meter.ts";
import { Duration } from "./types.ts";

const NANOSECONDS: Readonly<Record<string, bigint>> = {
  h: 3_600_000_000_000n,
  m: 60_000_000_000n,
  s: 1_000_000_000n,
  ms: 1_000_000n,
  us: 1_000n,
  µs: 1_000n,
  ns: 1n,
};

/** A duration is as many nanoseconds as 64 bits hold, about 292 years (CEL's language definition, "Values"). */
const MAX_DURATION = 2n ** 63n - 1n;
/** Timestamps go from the year 1 to the year 9999 (google.protobuf.Timestamp), in nanoseconds since 1970. */
const FIRST_TIMESTAMP = -62_135_596_800_000_000_000n;
const LAST_TIMESTAMP = 253_402_300_799_999_999_999n;
/** A zone's first use builds a formatter of about 50 µs; the others read it. */
const ZONE_STEPS = 20;
const MAX_ZONES = 32;

export const nanosecondsOf = (duration: Duration): bigint =>
  duration.seconds * 1_000_000_000n + BigInt(duration.nanos);

/** A duration whose seconds and nanoseconds have one sign; throws out of range. */
export function durationOf(meter: Meter, nanoseconds: bigint): Duration {
  if (nanoseconds > MAX_DURATION || nanoseconds < -MAX_DURATION) throw meter.fault("request");
  return new Duration(nanoseconds / 1_000_000_000n, Number(nanoseconds % 1_000_000_000n));
}

/** A timestamp with what a Date cannot hold: the nanoseconds of its millisecond. Where there are none, it is a Date. */
class FineTimestamp extends Date {
  readonly nanoseconds: number;

  static {
    // The engine tells types apart by their constructors, and knows a timestamp as a Date.
    Object.defineProperty(this.prototype, "constructor", { value: Date });
  }

  constructor(milliseconds: number, nanoseconds: number) {
    super(milliseconds);
    this.nanoseconds = nanoseconds;
  }
}

/** Nanoseconds since 1970. */
export function epochOf(timestamp: Date): bigint {
  const fine = timestamp instanceof FineTimestamp ? timestamp.nanoseconds : 0;
  return BigInt(timestamp.getTime()) * 1_000_000n + BigInt(fine);
}

/** The timestamp that is so many nanoseconds after 1970; throws out of range. */
export function timestampOf(meter: Meter, nanoseconds: bigint): Date {
  if (nanoseconds < FIRST_TIMESTAMP || nanoseconds > LAST_TIMESTAMP) throw meter.fault("request");
  const fine = ((nanoseconds % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const milliseconds = Number((nanoseconds - fine) / 1_000_000n);
  return fine === 0n ? new Date(milliseconds) : new FineTimestamp(milliseconds, Number(fine));
}

/** Reads Go's notation, as CEL does: `-1h30m`, `1.5s`. Bounded, because the engine's reader is quadratic. */
export function parseDuration(meter: Meter, text: string): Duration {
  if (text.length > 64) throw meter.fault("request");
  const [, sign, parts = ""] = /^([-+]?)((?:(?:\d+\.?\d*|\.\d+)(?:h|ms|m|s|us|µs|ns))+)$/.exec(text) ?? [];
  if (parts === "" && text !== "0") throw meter.fault("request");
  let total = 0n;
  for (const [, whole = "", fraction = "", unit = ""] of parts.matchAll(
    /(\d*)(?:\.(\d*))?(h|ms|m|s|us|µs|ns)/g,
  )) {
    const scale = NANOSECONDS[unit] ?? 0n;
    total += BigInt(whole || "0") * scale;
    if (fraction !== "") total += (BigInt(fraction) * scale) / 10n ** BigInt(fraction.length);
  }
  return durationOf(meter, sign === "-" ? -total : total);
}

/** Seconds with as many digits as needed: `-0.5s`. */
export function printDuration(duration: Duration): string {
  const total = nanosecondsOf(duration);
  const magnitude = total < 0n ? -total : total;
  const fraction = String(magnitude % 1_000_000_000n)
    .padStart(9, "0")
    .replace(/0+$/, "");
  return `${total < 0n ? "-" : ""}${magnitude / 1_000_000_000n}${fraction === "" ? "" : `.${fraction}`}s`;
}

const RFC3339 = /^(\d{4}-\d\d-\d\d)[Tt]((?:[01]\d|2[0-3]):\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[-+]\d\d:\d\d)$/;

/** Reads RFC 3339, to the nanosecond. */
export function parseTimestamp(meter: Meter, text: string): Date {
  const [, date = "", time = "", fraction = "", zone = ""] = RFC3339.exec(text.slice(0, 40)) ?? [];
  const milliseconds = Date.parse(`${date}T${time}${zone.toUpperCase()}`);
  if (Number.isNaN(milliseconds) || !isDate(date)) throw meter.fault("request");
  return timestampOf(meter, BigInt(milliseconds) * 1_000_000n + BigInt(fraction.padEnd(9, "0")));
}

/** JavaScript reads the 30th of February as the 2nd of March. */
const isDate = (date: string): boolean => new Date(`${date}T00:00:00Z`).toISOString().startsWith(date);

/** RFC 3339 in UTC, with a fraction of 3, 6 or 9 digits, or none where it is zero. */
export function printTimestamp(timestamp: Date): string {
  const [seconds = ""] = timestamp.toISOString().split(".");
  const nanoseconds = ((epochOf(timestamp) % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const fraction = String(nanoseconds)
    .padStart(9, "0")
    .replace(/(?:000)+$/, "");
  return fraction === "" ? `${seconds}Z` : `${seconds}.${fraction}Z`;
}

/** What a timestamp's accessors read, in some zone. Months and days of the year count from 0. */
export interface Calendar {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hours: number;
  readonly minutes: number;
  readonly seconds: number;
  readonly dayOfWeek: number;
  readonly dayOfYear: number;
}

/** Reads timestamps in time zones, keeping the formatters of the newest few. */
export class Calendars {
  readonly #formats = new Map<string, Intl.DateTimeFormat>();

  /** `zone` is a name of the IANA data base or an offset such as `+01:00`; undefined is UTC. */
  read(meter: Meter, timestamp: Date, zone?: string): Calendar {
    if (zone === undefined || zone === "UTC") return calendarOf(timestamp.getTime());
    const offset = /^([-+]?)(\d\d):(\d\d)$/.exec(zone);
    if (offset !== null) {
      const minutes = Number(offset[2]) * 60 + Number(offset[3]);
      return calendarOf(timestamp.getTime() + (offset[1] === "-" ? -minutes : minutes) * 60_000);
    }
    meter.charge(ZONE_STEPS);
    return calendarOf(localMs(this.#format(meter, zone), timestamp));
  }

  #format(meter: Meter, zone: string): Intl.DateTimeFormat {
    const known = this.#formats.get(zone);
    if (known !== undefined) return known;
    if (zone.length > 64) throw meter.fault("request");
    const format = new Intl.DateTimeFormat("en-US", { ...FIELDS, timeZone: zone });
    const oldest = this.#formats.keys().next();
    if (this.#formats.size >= MAX_ZONES && oldest.done !== true) this.#formats.delete(oldest.value);
    this.#formats.set(zone, format);
    return format;
  }
}

const FIELDS = {
  calendar: "iso8601",
  numberingSystem: "latn",
  hourCycle: "h23",
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
} as const;

/** The wall clock of a zone, as if it were UTC. */
function localMs(format: Intl.DateTimeFormat, timestamp: Date): number {
  const parts = new Map(format.formatToParts(timestamp).map(({ type, value }) => [type, Number(value)]));
  const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
  const day = midnight(part("year"), part("month") - 1, part("day"));
  return day + (part("hour") * 3600 + part("minute") * 60 + part("second")) * 1000;
}

/** What Date.UTC says, which takes the years 0 to 99 for those of the 20th century. */
const midnight = (year: number, month: number, day: number): number =>
  new Date(0).setUTCFullYear(year, month, day);

function calendarOf(milliseconds: number): Calendar {
  const date = new Date(milliseconds);
  const year = date.getUTCFullYear();
  return {
    year,
    month: date.getUTCMonth(),
    day: date.getUTCDate(),
    hours: date.getUTCHours(),
    minutes: date.getUTCMinutes(),
    seconds: date.getUTCSeconds(),
    dayOfWeek: date.getUTCDay(),
    dayOfYear: Math.floor((milliseconds - midnight(year, 0, 1)) / 86_400_000),
  };
}

/** A duration as expressions see it. */
export const durationValue = (ms: number): Duration => {
  const nanoseconds = BigInt(Math.round(ms * 1_000_000));
  return new Duration(nanoseconds / 1_000_000_000n, Number(nanoseconds % 1_000_000_000n));
};
