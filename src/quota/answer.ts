import type { Limit } from "../policy/domain.ts";
import type { StructValue } from "../std/struct.ts";

/** What a request is answered. */
export interface Answer {
  readonly code: Code;
  /** One a descriptor, in the order of the request. */
  readonly statuses: readonly Status[];
  /** For the caller's response. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly metadata: ReadonlyMap<string, StructValue> | undefined;
}

export type Code = "ok" | "over-limit";

export interface Status {
  readonly code: Code;
  /** The limit that is nearest; undefined where none holds. */
  readonly limit: Limit | undefined;
  /** Hits. */
  readonly remaining: number;
  /** Undefined where it is not known. */
  readonly resetSeconds: number | undefined;
}

/** What envoyproxy/ratelimit says remains where there is no limit, too. */
export const UNLIMITED: Status = {
  code: "ok",
  limit: undefined,
  remaining: 2 ** 32 - 1,
  resetSeconds: undefined,
};

/** No limit holds. */
export const NO_LIMIT: Status = { code: "ok", limit: undefined, remaining: 0, resetSeconds: undefined };
