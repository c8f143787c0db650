/** Values and types of the official cases, and ours. */
import { anyUnpack, DurationSchema, TimestampSchema, type Any } from "@bufbuild/protobuf/wkt";
import { Type_PrimitiveType, Type_WellKnownType, type Type } from "@bufbuild/cel-spec/cel/expr/checked_pb.js";
import type { Value } from "@bufbuild/cel-spec/cel/expr/value_pb.js";
import type { TypeName } from "../../../src/cel/expression.ts";
import { printType } from "../../../src/cel/format.ts";
import { Meter } from "../../../src/cel/meter.ts";
import { durationOf, printDuration, printTimestamp, timestampOf } from "../../../src/cel/time.ts";
import { Duration, isMap, Optional, UnsignedInt } from "../../../src/cel/types.ts";

/** A value as an expression reads it. */
export function valueOf({ kind }: Value): unknown {
  switch (kind.case) {
    case "nullValue":
      return null;
    case "uint64Value":
      return new UnsignedInt(kind.value);
    case "listValue":
      return kind.value.values.map(valueOf);
    case "mapValue":
      return new Map(
        kind.value.entries.map(({ key, value }) => [valueOf(present(key)), valueOf(present(value))]),
      );
    case "objectValue":
      return ofMessage(kind.value);
    case "boolValue":
    case "int64Value":
    case "doubleValue":
    case "stringValue":
    case "bytesValue":
      return kind.value;
    case "typeValue":
    case "enumValue":
    case undefined:
      throw new Error(`no value of the kind ${String(kind.case)} is bound by these cases`);
  }
}

function ofMessage(any: Any): unknown {
  const nanoseconds = (message: { seconds: bigint; nanos: number }): bigint =>
    message.seconds * 1_000_000_000n + BigInt(message.nanos);
  const timestamp = anyUnpack(any, TimestampSchema);
  if (timestamp !== undefined) return timestampOf(new Meter(), nanoseconds(timestamp));
  const duration = anyUnpack(any, DurationSchema);
  if (duration !== undefined) return durationOf(new Meter(), nanoseconds(duration));
  throw new Error(`${any.typeUrl} is a message`);
}

function present<Part>(part: Part | undefined): Part {
  if (part === undefined) throw new Error("the case lacks a part");
  return part;
}

/**
 * A value with its types spelt out, so that `1`, `1u` and `1.0` differ, as do 0.0 and -0.0, while NaN is NaN and
 * the order of a map does not matter.
 */
export function spelt(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
      return `double ${Object.is(value, -0) ? "-0" : value}`;
    case "bigint":
    case "boolean":
      return String(value);
    case "object":
      return value === null ? "null" : speltObject(value);
    default:
      throw new Error(`${typeof value} is no value of CEL`);
  }
}

function speltObject(value: object): string {
  if (value instanceof UnsignedInt) return `${value.toString()}u`;
  if (value instanceof Date) return `timestamp ${printTimestamp(value)}`;
  if (value instanceof Duration) return `duration ${printDuration(value)}`;
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString("hex")}`;
  if (value instanceof Optional)
    return value.hasValue() ? `optional ${spelt(value.value())}` : "optional none";
  if (Array.isArray(value)) return `[${value.map(spelt).join(", ")}]`;
  if (!isMap(value)) return `type ${printType(value) ?? "unknown"}`;
  const entries: readonly [unknown, unknown][] = value instanceof Map ? [...value] : Object.entries(value);
  const lines = entries.map(([key, one]) => `${spelt(key)}: ${spelt(one)}`);
  return `{${lines.sort().join(", ")}}`;
}

/** The value that a case expects, as `spelt` writes it. */
export function speltExpected(value: Value): string {
  return value.kind.case === "typeValue" ? `type ${value.kind.value}` : spelt(valueOf(value));
}

const PRIMITIVES: Readonly<Record<Type_PrimitiveType, TypeName>> = {
  [Type_PrimitiveType.PRIMITIVE_TYPE_UNSPECIFIED]: "dyn",
  [Type_PrimitiveType.BOOL]: "bool",
  [Type_PrimitiveType.INT64]: "int",
  [Type_PrimitiveType.UINT64]: "uint",
  [Type_PrimitiveType.DOUBLE]: "double",
  [Type_PrimitiveType.STRING]: "string",
  [Type_PrimitiveType.BYTES]: "bytes",
};

/** A type as weir's declarations write it. */
export function typeNameOf(type: Type | undefined): TypeName {
  const kind = type?.typeKind;
  switch (kind?.case) {
    case "primitive":
      return PRIMITIVES[kind.value];
    case "listType":
      return `list(${typeNameOf(kind.value.elemType)})`;
    case "mapType":
      return `map(${typeNameOf(kind.value.keyType)}, ${typeNameOf(kind.value.valueType)})`;
    case "null":
      return "null_type";
    case "type":
      return "type";
    case "wellKnown":
      return kind.value === Type_WellKnownType.DURATION ? "duration" : "timestamp";
    case "messageType":
      return kind.value.replace(/^google\.protobuf\./, "").toLowerCase();
    case "abstractType":
      return `${kind.value.name.replace("optional_type", "optional")}(${kind.value.parameterTypes.map(typeNameOf).join(", ")})`;
    default:
      return "dyn";
  }
}
