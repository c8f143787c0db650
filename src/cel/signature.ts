import type { Meter } from "./meter.ts";
import type { Macro, MacroCall } from "./node.ts";

/**
 * One overload of a function or method. `signature` is in the engine's spelling. Without `call` the engine
 * carries it out. A call gets the meter and the values, of the types that the signature says; what it
 * throws is a fault of the request, unless the meter says otherwise.
 */
export interface Overload {
  readonly signature: string;
  readonly meaning: string;
  readonly call?: (meter: Meter, ...values: never[]) => unknown;
  /** The engine has this name too, and its own is wrong or unbounded: calls go to ours. */
  readonly replaces?: boolean;
}

/** A function that only we have. */
export const ours = (signature: string, meaning: string, call: Overload["call"] & {}): Overload => ({
  signature,
  meaning,
  call,
});

/** A function of the engine that we carry out instead; all overloads of one name and arity belong together. */
export const instead = (signature: string, meaning: string, call: Overload["call"] & {}): Overload => ({
  signature,
  meaning,
  call,
  replaces: true,
});

/** A function that the engine carries out. */
export const engines = (signature: string, meaning: string): Overload => ({ signature, meaning });

/** A macro of ours. `signature` is in the engine's spelling, each part of the call being an `ast`. */
export interface MacroDeclaration {
  readonly signature: string;
  readonly expand: (call: MacroCall) => Macro;
}
