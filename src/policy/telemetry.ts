import type { Preset } from "../adapter/report.ts";
import type { EntryAttributes } from "../attributes/entry.ts";
import type { Expression } from "../cel/expression.ts";
import type { Text } from "./effects.ts";
import type { Identity } from "./identity.ts";

/** One telemetry rule of a policy: what of access-log entries goes to which handler. */
export interface TelemetryRule {
  readonly id: string;
  /** `policy/id`. */
  readonly name: string;
  readonly policy: string;
  /** The name of a handler. */
  readonly handler: string;
  /** Undefined: `fields` are all there is. */
  readonly preset: Preset | undefined;
  /** Whether the handler is shown what the preset says of persons, or digests of it. */
  readonly persons: "shown" | "hidden";
  readonly when: Expression | undefined;
  /** From 0 to 1. */
  readonly share: number;
  /** What is added, by position. */
  readonly fields: readonly TelemetryField[];
  /** What is added, where it is the same for all entries. */
  readonly constant: ReadonlyMap<string, string> | undefined;
}

export interface TelemetryField {
  readonly name: string;
  readonly value: Text;
  /** `open`: as it is. Otherwise a digest stands for it: of the value as text, or of a text in quotes, as decisions are written. */
  readonly shown: "open" | "digest" | "digest quoted";
}

/** A value of a check that its answer carries to the entry of the request, because telemetry reads it there. */
export interface Carry {
  /** What is read, as expressions write it: `auth.user.team`, `has(auth.user)`, `writes`. */
  readonly name: string;
  /** Over the check. */
  readonly expression: Expression;
}

/** The telemetry of one policy. */
export interface PolicyTelemetry {
  readonly rules: readonly TelemetryRule[];
  /** What checks leave for it, in the order in which it is carried. */
  readonly carries: readonly Carry[];
  /** The identities that `carries` read and that need nobody to be asked. */
  readonly identities: ReadonlyMap<string, Identity>;
  /** A policy without rules, quotas and default: it has no part in any check, and is always matched from the entry. */
  readonly isAlone: boolean;
  /** Whether the policy says `match: everything`. */
  readonly isEverything: boolean;
  /** `match.when` over an entry; `unknowable` where no entry can tell. */
  readonly when: Expression | "unknowable" | undefined;
  /** Likewise `except`. */
  readonly except: Expression | "unknowable" | undefined;
  /** The `let` names that are evaluated over entries; those of shared files as `platform.preflight`. */
  readonly lets: ReadonlyMap<string, Expression>;
  /** What the rules' expressions read of one entry; `values` is what the check left for the policy, undefined where none did. */
  readonly context: (entry: EntryAttributes, values: ReadonlyMap<string, unknown> | undefined) => object;
}

/** Whether a policy with this telemetry has a part in checks: it decides, or what they know is carried for it. */
export const hasPart = ({ isAlone, carries }: PolicyTelemetry): boolean => !isAlone || carries.length > 0;
