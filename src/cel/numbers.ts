/** CEL's math extension, and the conversions between types where the engine's accept what CEL refuses. */
import { isUtf8 } from "node:buffer";
import type { Ip } from "../std/ip.ts";
import { inInt64 } from "./arithmetic.ts";
import { printScalar } from "./format.ts";
import type { Meter } from "./meter.ts";
import { instead, engines, ours, type Overload } from "./signature.ts";
import { UnsignedInt, type Duration } from "./types.ts";
import { parseDuration, parseTimestamp, timestampOf } from "./time.ts";

type Number_ = bigint | number | UnsignedInt;

const onDoubles = (name: string, meaning: string, call: (value: number) => number | boolean): Overload => {
  const result = name.startsWith("is") ? "bool" : "double";
  return ours(
    `MathNamespace.${name}(double): ${result}`,
    meaning,
    (_meter: Meter, _math: unknown, value: number) => call(value),
  );
};

/** An operation on the bits of two ints or two uints, whose result has no more bits than they. */
const onBits = (
  name: string,
  meaning: string,
  call: (left: bigint, right: bigint) => bigint,
): readonly Overload[] => [
  ours(
    `MathNamespace.${name}(int, int): int`,
    meaning,
    (_meter: Meter, _math: unknown, left: bigint, right: bigint) => call(left, right),
  ),
  ours(
    `MathNamespace.${name}(uint, uint): uint`,
    meaning,
    (_meter: Meter, _math: unknown, left: UnsignedInt, right: UnsignedInt) =>
      new UnsignedInt(call(left.valueOf(), right.valueOf())),
  ),
];

/** A shift of the 64 bits of an int or a uint. */
const shift = (
  name: string,
  meaning: string,
  move: (bits: bigint, by: bigint) => bigint,
): readonly Overload[] => {
  const shifted = (meter: Meter, bits: bigint, by: bigint): bigint => {
    if (by < 0n) throw meter.fault("request");
    return by > 63n ? 0n : move(BigInt.asUintN(64, bits), by);
  };
  return [
    ours(
      `MathNamespace.${name}(int, int): int`,
      meaning,
      (meter: Meter, _math: unknown, bits: bigint, by: bigint) => BigInt.asIntN(64, shifted(meter, bits, by)),
    ),
    ours(
      `MathNamespace.${name}(uint, int): uint`,
      meaning,
      (meter: Meter, _math: unknown, bits: UnsignedInt, by: bigint) =>
        new UnsignedInt(BigInt.asUintN(64, shifted(meter, bits.valueOf(), by))),
    ),
  ];
};

export const MATH_FUNCTIONS: readonly Overload[] = [
  engines(
    "MathNamespace.greatest(number, ...): number",
    "The greatest of one to eight numbers of any types.",
  ),
  engines("MathNamespace.greatest(list<number>): number", "The greatest number of a list."),
  engines("MathNamespace.least(number, ...): number", "The least of one to eight numbers of any types."),
  engines("MathNamespace.least(list<number>): number", "The least number of a list."),
  ours(
    "MathNamespace.abs(int): int",
    "The number without its sign.",
    (meter: Meter, _math: unknown, value: bigint) => inInt64(meter, value < 0n ? -value : value),
  ),
  ours("MathNamespace.abs(uint): uint", "The number without its sign.", same),
  onDoubles("abs", "The number without its sign.", Math.abs),
  ours(
    "MathNamespace.sign(uint): uint",
    "-1, 0 or 1.",
    (_meter: Meter, _math: unknown, value: UnsignedInt) =>
      value.valueOf() === 0n ? value : new UnsignedInt(1n),
  ),
  ours("MathNamespace.sign(int): int", "-1, 0 or 1.", (_meter: Meter, _math: unknown, value: bigint) =>
    value < 0n ? -1n : value > 0n ? 1n : 0n,
  ),
  onDoubles("sign", "-1, 0 or 1.", Math.sign),
  onDoubles("ceil", "The next whole number up.", Math.ceil),
  onDoubles("floor", "The next whole number down.", Math.floor),
  onDoubles("round", "The nearest whole number, halves away from zero.", (value) =>
    value < 0 ? -Math.round(-value) : Math.round(value),
  ),
  onDoubles("trunc", "The number without its fraction.", Math.trunc),
  onDoubles("sqrt", "The square root.", Math.sqrt),
  onDoubles("isNaN", "Whether it is not a number.", Number.isNaN),
  onDoubles("isInf", "Whether it is infinite.", (value) => Math.abs(value) === Infinity),
  onDoubles("isFinite", "Whether it is neither infinite nor no number.", Number.isFinite),
  ...onBits("bitAnd", "The bits that both have.", (left, right) => left & right),
  ...onBits("bitOr", "The bits that either has.", (left, right) => left | right),
  ...onBits("bitXor", "The bits that one of both has.", (left, right) => left ^ right),
  ours(
    "MathNamespace.bitNot(int): int",
    "All bits turned.",
    (_meter: Meter, _math: unknown, value: bigint) => ~value,
  ),
  ours(
    "MathNamespace.bitNot(uint): uint",
    "All bits turned.",
    (_meter: Meter, _math: unknown, value: UnsignedInt) =>
      new UnsignedInt(BigInt.asUintN(64, ~value.valueOf())),
  ),
  ...shift("bitShiftLeft", "The bits moved left.", (bits, by) => bits << by),
  ...shift("bitShiftRight", "The bits moved right, zeros following.", (bits, by) => bits >> by),
];

function same(_meter: Meter, _math: unknown, value: unknown): unknown {
  return value;
}

const identity = (_meter: Meter, value: unknown): unknown => value;

export const CONVERSIONS: readonly Overload[] = [
  engines("bool(bool): bool", "The same."),
  engines("bool(string): bool", "`true`, `t`, `1` or `false`, `f`, `0` as a bool."),
  instead("int(int): int", "The same.", identity),
  instead("int(uint): int", "The same number.", (meter: Meter, value: UnsignedInt) =>
    inInt64(meter, value.valueOf()),
  ),
  instead("int(double): int", "The number without its fraction.", intOfDouble),
  instead("int(string): int", "Decimal digits, a sign allowed, as a number.", intOfString),
  instead("int(google.protobuf.Timestamp): int", "Seconds since 1970.", (_meter: Meter, value: Date) =>
    BigInt(Math.floor(value.getTime() / 1000)),
  ),
  instead("uint(uint): uint", "The same.", identity),
  instead("uint(int): uint", "The same number.", (_meter: Meter, value: bigint) => new UnsignedInt(value)),
  instead("uint(double): uint", "The number without its fraction.", uintOfDouble),
  instead("uint(string): uint", "Decimal digits as a number.", uintOfString),
  instead("double(double): double", "The same.", identity),
  instead(
    "double(int): double",
    "The same number, rounded where it must be.",
    (_meter: Meter, value: bigint) => Number(value),
  ),
  instead(
    "double(uint): double",
    "The same number, rounded where it must be.",
    (_meter: Meter, value: UnsignedInt) => Number(value.valueOf()),
  ),
  instead("double(string): double", "A decimal number, `NaN` or `Inf`.", doubleOfString),
  instead("string(string): string", "The same.", identity),
  ...["bool", "int", "uint", "double", "google.protobuf.Timestamp", "google.protobuf.Duration", "ip"].map(
    (type) => instead(`string(${type}): string`, "The value as text.", stringOf),
  ),
  instead("string(bytes): string", "The bytes read as UTF-8.", stringOfBytes),
  engines("bytes(bytes): bytes", "The same."),
  engines("bytes(string): bytes", "The text in UTF-8."),
  instead(
    "duration(string): google.protobuf.Duration",
    "A length of time such as `1h30m`, `1.5s`, `-10ms`.",
    parseDuration,
  ),
  instead("duration(google.protobuf.Duration): google.protobuf.Duration", "The same.", identity),
  instead(
    "timestamp(string): google.protobuf.Timestamp",
    "A time of RFC 3339, to the nanosecond.",
    parseTimestamp,
  ),
  instead("timestamp(google.protobuf.Timestamp): google.protobuf.Timestamp", "The same.", identity),
  instead(
    "timestamp(int): google.protobuf.Timestamp",
    "Seconds since 1970 as a time.",
    (meter: Meter, seconds: bigint) => timestampOf(meter, seconds * 1_000_000_000n),
  ),
  engines("dyn(dyn): dyn", "The same value, its type unknown to the checker."),
  engines("type(dyn): type", "The type of a value."),
];

/** Doubles at the very ends stand for integers beyond them too, so they are refused, as CEL says. */
function intOfDouble(meter: Meter, value: number): bigint {
  if (!(value > -(2 ** 63) && value < 2 ** 63)) throw meter.fault("request");
  return BigInt(Math.trunc(value));
}

function intOfString(meter: Meter, text: string): bigint {
  if (text.length > 40 || !/^[-+]?\d+$/.test(text)) throw meter.fault("request");
  return inInt64(meter, BigInt(text));
}

function uintOfDouble(meter: Meter, value: number): UnsignedInt {
  if (!(value >= 0 && value < 2 ** 64)) throw meter.fault("request");
  return new UnsignedInt(BigInt(Math.trunc(value)));
}

function uintOfString(meter: Meter, text: string): UnsignedInt {
  if (text.length > 40 || !/^\d+$/.test(text)) throw meter.fault("request");
  return new UnsignedInt(BigInt(text));
}

const SPECIAL = new Map([
  ["nan", NaN],
  ["inf", Infinity],
  ["+inf", Infinity],
  ["-inf", -Infinity],
  ["infinity", Infinity],
  ["+infinity", Infinity],
  ["-infinity", -Infinity],
]);

function doubleOfString(meter: Meter, text: string): number {
  if (text.length > 400) throw meter.fault("request");
  const special = SPECIAL.get(text.toLowerCase());
  if (special !== undefined) return special;
  if (!/^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(text)) throw meter.fault("request");
  return Number(text);
}

function stringOf(meter: Meter, value: boolean | Number_ | Date | Duration | Ip): string {
  const text = printScalar(value);
  if (text === undefined) throw meter.fault("request");
  return text;
}

function stringOfBytes(meter: Meter, bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw meter.fault("request");
  return Buffer.from(bytes).toString("utf8");
}
