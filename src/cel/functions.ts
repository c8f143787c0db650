import { addressFunctions } from "./addresses.ts";
import { stepsOf } from "./access.ts";
import { MAX_TEXT, type Meter } from "./meter.ts";
import { CONVERSIONS, MATH_FUNCTIONS } from "./numbers.ts";
import { percentOf } from "./percent.ts";
import { engines, instead, ours, type Overload } from "./signature.ts";
import { STRING_FUNCTIONS } from "./strings.ts";
import { Calendars, type Calendar } from "./time.ts";
import { isMap, Optional, toPublicTypes } from "./types.ts";
import { sizeOf } from "./access.ts";

/** The overloads of one engine. */
export function overloads(): readonly Overload[] {
  return [
    ...STRING_FUNCTIONS,
    ...COLLECTIONS,
    ...LOOPS,
    ...addressFunctions(),
    ours("percent(string, string): int", "0 to 99, always the same for the same key and salt.", percent),
    ...CONVERSIONS,
    ...MATH_FUNCTIONS,
    ...timeFunctions(),
    ...ENCODINGS,
    ...OPTIONALS,
  ];
}

const COLLECTIONS: readonly Overload[] = [
  engines("has(field): bool", "Whether a field is there: `has(auth.user)`."),
  engines("size(list): int", "How many elements a list has."),
  engines("list.size(): int", "How many elements a list has."),
  engines("size(map): int", "How many entries a map has."),
  engines("map.size(): int", "How many entries a map has."),
  engines(
    "list.all(variable, bool): bool",
    "Whether the condition holds for every element, or every key of a map.",
  ),
  engines(
    "list.exists(variable, bool): bool",
    "Whether the condition holds for some element, or some key of a map.",
  ),
  engines(
    "list.exists_one(variable, bool): bool",
    "Whether the condition holds for exactly one element or key.",
  ),
  engines("list.filter(variable, bool): list", "The elements, or keys, for which the condition holds."),
  engines("list.map(variable, value): list", "The values for each element or key."),
  engines(
    "list.map(variable, bool, value): list",
    "The values for each element or key for which the condition holds.",
  ),
  engines(
    "cel.bind(variable, value, expression): dyn",
    "The expression, with a name for a value that it uses.",
  ),
];

/** Of loops with two variables. They go through lists too, with the index from 0 as the first. */
const LOOPS: readonly Overload[] = [
  engines("map.all(key, value, bool): bool", "Whether the condition holds for every entry."),
  engines("map.exists(key, value, bool): bool", "Whether the condition holds for some entry."),
  engines("map.existsOne(key, value, bool): bool", "Whether the condition holds for exactly one entry."),
  engines("map.transformList(key, value, result): list", "The results for each entry."),
  engines(
    "map.transformList(key, value, bool, result): list",
    "The results for each entry for which the condition holds.",
  ),
  engines("map.transformMap(key, value, result): map", "The same keys with the results for each entry."),
  engines(
    "map.transformMap(key, value, bool, result): map",
    "The same keys with the results for each entry for which the condition holds.",
  ),
  engines(
    "map.transformMapEntry(key, value, map): map",
    "The entries of the maps that each entry gives; no key may come twice.",
  ),
  engines(
    "map.transformMapEntry(key, value, bool, map): map",
    "The same, for each entry for which the condition holds.",
  ),
];

function percent(_meter: Meter, key: string, salt: string): bigint {
  return BigInt(percentOf(key, salt));
}

function timeFunctions(): readonly Overload[] {
  const calendars = new Calendars();
  const read = (name: string, meaning: string, part: (calendar: Calendar) => number): readonly Overload[] => [
    instead(`google.protobuf.Timestamp.${name}(): int`, `${meaning}, in UTC.`, (meter: Meter, time: Date) =>
      BigInt(part(calendars.read(meter, time))),
    ),
    instead(
      `google.protobuf.Timestamp.${name}(string): int`,
      `${meaning}, in a zone such as \`Europe/Berlin\` or \`+01:00\`.`,
      (meter: Meter, time: Date, zone: string) => BigInt(part(calendars.read(meter, time, zone))),
    ),
  ];
  return [
    ...read("getFullYear", "The year", (calendar) => calendar.year),
    ...read("getMonth", "The month from 0", (calendar) => calendar.month),
    ...read("getDate", "The day of the month from 1", (calendar) => calendar.day),
    ...read("getDayOfMonth", "The day of the month from 0", (calendar) => calendar.day - 1),
    ...read("getDayOfWeek", "The day of the week, Sunday is 0", (calendar) => calendar.dayOfWeek),
    ...read("getDayOfYear", "The day of the year from 0", (calendar) => calendar.dayOfYear),
    ...read("getHours", "The hour", (calendar) => calendar.hours),
    ...read("getMinutes", "The minute", (calendar) => calendar.minutes),
    ...read("getSeconds", "The second", (calendar) => calendar.seconds),
    instead(
      "google.protobuf.Timestamp.getMilliseconds(): int",
      "The milliseconds of the second.",
      (_meter: Meter, time: Date) => BigInt(time.getUTCMilliseconds()),
    ),
    ...["getHours", "getMinutes", "getSeconds"].map((name, index) =>
      instead(
        `google.protobuf.Duration.${name}(): int`,
        `The whole ${["hours", "minutes", "seconds"][index] ?? ""} of a duration.`,
        (_meter: Meter, duration: { seconds: bigint }) => duration.seconds / ([3600n, 60n, 1n][index] ?? 1n),
      ),
    ),
    instead(
      "google.protobuf.Duration.getMilliseconds(): int",
      "The milliseconds of the second of a duration.",
      (_meter: Meter, duration: { nanos: number }) => BigInt(Math.trunc(duration.nanos / 1_000_000)),
    ),
  ];
}

const ENCODINGS: readonly Overload[] = [
  ours(
    "Base64Namespace.encode(bytes): string",
    "The bytes in base64.",
    (_meter: Meter, _base64: unknown, bytes: Uint8Array) => Buffer.from(bytes).toString("base64"),
  ),
  ours("Base64Namespace.decode(string): bytes", "The bytes that base64 stands for, padded or not.", decode),
  engines("size(bytes): int", "How many bytes there are."),
  engines("bytes.size(): int", "How many bytes there are."),
  engines("bytes.hex(): string", "The bytes in hexadecimal digits."),
  instead(
    "bytes.json(): map<string, dyn>",
    "The object that JSON text stands for; numbers are doubles.",
    json,
  ),
];

function decode(meter: Meter, _base64: unknown, text: string): Uint8Array {
  const digits = text.replace(/={1,2}$/, "");
  const isWhole = digits.length === text.length || text.length % 4 === 0;
  if (!isWhole || digits.length % 4 === 1 || !/^[A-Za-z0-9+/]*$/.test(digits)) throw meter.fault("request");
  return Buffer.from(digits, "base64");
}

function json(meter: Meter, bytes: Uint8Array): unknown {
  if (bytes.length > MAX_TEXT) meter.exhaust();
  meter.charge(bytes.length >> 4);
  const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"), (_key, part: unknown) =>
    isMap(part) && !(part instanceof Map) ? new Map(Object.entries(part)) : part,
  );
  if (!(value instanceof Map)) throw meter.fault("request");
  return value;
}

const OPTIONALS: readonly Overload[] = [
  engines("OptionalNamespace.of(dyn): optional<dyn>", "An optional that has the value."),
  engines("OptionalNamespace.none(): optional<dyn>", "An optional that has none."),
  ours(
    "OptionalNamespace.ofNonZeroValue(A): optional<A>",
    "An optional that has the value unless it is empty, zero or false.",
    ofNonZero,
  ),
  engines("optional<dyn>.hasValue(): bool", "Whether there is a value."),
  engines("optional<dyn>.value(): dyn", "The value; there must be one."),
  engines(
    "optional<dyn>.or(optional<dyn>): optional<dyn>",
    "This optional, or the other where this has no value.",
  ),
  engines("optional<dyn>.orValue(dyn): dyn", "The value, or the other where there is none."),
  engines(
    "optional<dyn>.optMap(variable, value): optional<dyn>",
    "An optional that has the value of the expression, in which the name stands for this optional's value.",
  ),
  engines(
    "optional<dyn>.optFlatMap(variable, optional): optional<dyn>",
    "The same, of an expression that is optional itself.",
  ),
];

function ofNonZero(meter: Meter, _namespace: unknown, value: unknown): unknown {
  meter.charge(stepsOf(value));
  const isSized = Array.isArray(value) || value instanceof Uint8Array || isMap(value);
  const isZero = isSized ? sizeOf(value) === 0 : !value || value.valueOf() === 0n;
  return isZero ? Optional.none() : Optional.of(value);
}

/** Every function and method of an expression with what it does, for the documentation. */
export const FUNCTIONS: readonly { readonly signature: string; readonly meaning: string }[] = overloads().map(
  ({ signature, meaning }) => ({
    signature: toPublicTypes(signature),
    meaning,
  }),
);
