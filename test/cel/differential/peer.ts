/** @bufbuild/cel, an engine by other people, behind what a comparison with it needs. */
import { create, isMessage } from "@bufbuild/protobuf";
import { isReflectMessage } from "@bufbuild/protobuf/reflect";
import { DurationSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import {
  celEnv,
  celUint,
  isCelError,
  isCelList,
  isCelMap,
  isCelType,
  isCelUint,
  parse,
  plan,
  type CelInput,
} from "@bufbuild/cel";
import { strings } from "@bufbuild/cel/ext";
import { Meter } from "../../../src/cel/meter.ts";
import { durationOf, epochOf, timestampOf } from "../../../src/cel/time.ts";
import { Duration, UnsignedInt } from "../../../src/cel/types.ts";

/** What an expression comes to; `error` where it has no value. */
export type Result = { readonly kind: "value"; readonly value: unknown } | { readonly kind: "error" };

/** Evaluates an expression over variables with values of ours; the result is of ours again. */
export function evaluateByPeer(source: string, variables: Readonly<Record<string, unknown>>): Result {
  try {
    const values = Object.entries(variables).map(([name, value]): [string, CelInput] => [
      name,
      toPeer(value),
    ]);
    const result = plan(ENVIRONMENT, parse(source))(Object.fromEntries(values));
    return isCelError(result) ? { kind: "error" } : { kind: "value", value: fromPeer(result) };
  } catch {
    return { kind: "error" };
  }
}

const ENVIRONMENT = celEnv({ funcs: [...strings] });
const SECOND = 1_000_000_000n;

function toPeer(value: unknown): CelInput {
  if (value instanceof UnsignedInt) return celUint(value.valueOf());
  if (value instanceof Date) return create(TimestampSchema, parts(epochOf(value)));
  if (value instanceof Duration)
    return create(DurationSchema, { seconds: value.seconds, nanos: value.nanos });
  return value as CelInput;
}

/** Whole seconds, downwards, and what is left of them. */
function parts(nanoseconds: bigint): { seconds: bigint; nanos: number } {
  const nanos = ((nanoseconds % SECOND) + SECOND) % SECOND;
  return { seconds: (nanoseconds - nanos) / SECOND, nanos: Number(nanos) };
}

function fromPeer(value: unknown): unknown {
  if (isCelUint(value)) return new UnsignedInt(value.value);
  if (isCelList(value)) return Array.from(value, fromPeer);
  if (isCelMap(value)) return new Map(Array.from(value, ([key, one]) => [fromPeer(key), fromPeer(one)]));
  if (isCelType(value)) throw new Error("no generated expression is a type");
  const message = isReflectMessage(value) ? value.message : value;
  if (isMessage(message, TimestampSchema)) {
    return timestampOf(new Meter(), message.seconds * SECOND + BigInt(message.nanos));
  }
  if (isMessage(message, DurationSchema)) {
    return durationOf(new Meter(), message.seconds * SECOND + BigInt(message.nanos));
  }
  return value;
}
