import { ValueFault, type Fault } from "../std/fault.ts";
import { UNKNOWN, Unknown } from "./expression.ts";

/** Steps that one expression may take. A step is one turn of a comprehension, or work of about 10 µs at most. */
export const MAX_STEPS = 10_000;
/** What a function may return: code units of a string, bytes, and elements of a list or entries of a map. */
export const MAX_TEXT = 65_536;
export const MAX_ELEMENTS = 1_000;

/** The one error that travels through an evaluation; what it means stands in the meter. It carries no data. */
const FAILED: Error = Object.freeze(new Error("the expression has no value"));

/**
 * Counts the steps of the running evaluation and records the faults of the values that it reads.
 * Evaluations are synchronous and may nest (a getter of the context may evaluate another expression):
 * each has its own budget, and the outer one goes on where it stood.
 */
export class Meter {
  #remaining = MAX_STEPS;
  #exhausted = false;
  #requestFault: Fault | undefined;
  #ours = false;

  /** Runs `evaluate` with a budget and a record of its own. Never throws. */
  run(evaluate: (context: object) => unknown, context: object): unknown {
    const remaining = this.#remaining;
    const exhausted = this.#exhausted;
    const requestFault = this.#requestFault;
    const ours = this.#ours;
    const stackTraceLimit = Error.stackTraceLimit;
    this.#remaining = MAX_STEPS;
    this.#exhausted = false;
    this.#requestFault = undefined;
    this.#ours = false;
    Error.stackTraceLimit = 0;
    try {
      const value = evaluate(context);
      return this.isExhausted ? UNKNOWN.budget : value;
    } catch (error) {
      this.fail(error);
      return this.#verdict();
    } finally {
      this.#remaining = remaining;
      this.#exhausted = exhausted;
      this.#requestFault = requestFault;
      this.#ours = ours;
      Error.stackTraceLimit = stackTraceLimit;
    }
  }

  get isExhausted(): boolean {
    return this.#exhausted;
  }

  /** Steps that are left, for tests. */
  get remaining(): number {
    return this.#remaining;
  }

  /** Takes steps before the work that they stand for; throws when there are not enough. */
  charge(steps: number): void {
    if (!this.take(steps)) throw FAILED;
  }

  /** Takes steps and says whether there were enough. */
  take(steps: number): boolean {
    if (this.#exhausted) return false;
    if ((this.#remaining -= steps) >= 0) return true;
    this.#exhausted = true;
    return false;
  }

  /** Ends the evaluation: a result would be larger than weir builds. */
  exhaust(): never {
    this.#exhausted = true;
    throw FAILED;
  }

  /** Records a fault and returns what to throw. */
  fault(fault: Fault): Error {
    if (fault === "ours") this.#ours = true;
    else this.#requestFault ??= fault;
    return FAILED;
  }

  /** Turns whatever was thrown into the one error, having recorded it unless it was before. */
  fail(error: unknown): Error {
    if (error === FAILED) return FAILED;
    return this.fault(error instanceof ValueFault ? error.fault : "request");
  }

  /** Passes a value of the context through, or throws when it is none. */
  present(value: unknown): unknown {
    if (value === undefined) throw this.fault("request");
    if (value instanceof Unknown) throw this.fault(value.fault);
    return value;
  }

  #verdict(): Unknown {
    if (this.#exhausted) return UNKNOWN.budget;
    return UNKNOWN[this.#requestFault ?? (this.#ours ? "ours" : "request")];
  }
}
