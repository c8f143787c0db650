import { RE2JS, RE2JSException } from "re2js";
import type { Meter } from "./meter.ts";
import type { Evaluate, Node } from "./node.ts";

/** A regular expression of RE2, compiled: matching takes time linear in the text, whatever the pattern. */
export type Regex = RE2JS;

const MAX_PATTERN = 1_000;

/** Compiles a pattern, or says in RE2's words why it is none. */
export function compileRegex(pattern: string): Regex | string {
  if (pattern.length > MAX_PATTERN) return `longer than ${MAX_PATTERN} characters`;
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    if (error instanceof RE2JSException) return error.message.replace(/^error parsing regexp: /, "");
    return "too complex";
  }
}

/**
 * Whether the pattern is found anywhere in the text. Charges for the product of both lengths: the slowest
 * patterns take about 15 ns for each character and instruction.
 */
export function regexMatch(meter: Meter, regex: Regex, subject: Node): Evaluate {
  const instructions = regex.programSize();
  return (evaluator, _node, variables) => {
    const text = subject.evaluate(evaluator, subject, variables);
    if (typeof text !== "string") throw meter.fault("request");
    meter.charge(Math.floor((text.length * instructions) / 256));
    try {
      return regex.test(text);
    } catch (error) {
      throw meter.fail(error);
    }
  };
}
