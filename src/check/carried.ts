import { Unknown } from "../cel/expression.ts";
import { packed } from "../cel/transport.ts";
import type { Carry } from "../policy/telemetry.ts";
import { structMessage, type StructValue } from "../std/struct.ts";
import type { Decision } from "./decide.ts";
import type { Governing } from "./governing.ts";
import type { Question } from "./question.ts";

/** What a check's answer leaves for the access-log entry of its request. */
export interface Carried {
  /** Names of all policies that matched, in order; undefined where they are not known, or too many. */
  readonly policies: readonly string[] | undefined;
  /** By policy, by name. */
  readonly values: ReadonlyMap<string, ReadonlyMap<string, StructValue>>;
  /** Whether something was left out for want of room. */
  readonly isCut: boolean;
}

/** The most that an answer carries, names of policies included, in bytes of its message. */
export const MAX_CARRIED_BYTES = 4_096;

/** What stands around each entry of a Struct: tags and lengths of two messages in one another, and of what both are in. */
const FRAME_BYTES = 16;

/** The entries `policies`, `carried` and `cut` themselves. */
const OUTER_BYTES = 64;

/**
 * What telemetry rules need of a decision. Values that are UNKNOWN are left out, and so are those from the first on that has no room.
 * Undefined where no policy has telemetry, and then it costs nothing.
 */
export function carriedOf(decision: Decision, question: Question | undefined): Carried | undefined {
  if (question?.snapshot.reporting === undefined) return undefined;
  // Where no policy was asked, it is not known which match.
  const policies = decision.authentication && decision.governing.map(({ policy }) => policy.id);
  const room = new Room(MAX_CARRIED_BYTES - OUTER_BYTES);
  const areNamed = policies !== undefined && room.takes(policies.join(" ").length);
  const values = new Map<string, ReadonlyMap<string, StructValue>>();
  for (const { policy, context } of decision.governing) {
    const carries = policy.telemetry?.carries ?? [];
    if (carries.length === 0 || !room.takes(policy.id.length + FRAME_BYTES)) continue;
    const own = valuesOf(carries, context, room);
    if (own.size > 0) values.set(policy.id, own);
  }
  return { policies: areNamed ? policies : undefined, values, isCut: room.isFull };
}

function valuesOf(
  carries: readonly Carry[],
  context: Governing["context"],
  room: Room,
): ReadonlyMap<string, StructValue> {
  const values = new Map<string, StructValue>();
  for (const { name, expression } of carries) {
    const value = expression.evaluate(context);
    const found = value instanceof Unknown ? undefined : packed(value, expression.type);
    if (found === undefined) continue;
    const entry = structMessage(new Map([[name, found]]));
    if (!room.takes(entry.length + FRAME_BYTES)) break;
    values.set(name, found);
  }
  return values;
}

/** What is left of a number of bytes. Once something has found no room, nothing does: what is left out is the last. */
class Room {
  #bytes: number;
  isFull = false;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  takes(bytes: number): boolean {
    if (bytes > this.#bytes) this.isFull = true;
    else if (!this.isFull) this.#bytes -= bytes;
    return !this.isFull;
  }
}
