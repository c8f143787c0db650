import { ParseError, TypeError as CheckError } from "@marcbachmann/cel-js";
import { suggest } from "../std/suggest.ts";
import type { Problem, Span } from "./expression.ts";
import type { Node } from "./node.ts";
import { withoutReplaced } from "./prepare.ts";
import { toPublicType, toPublicTypes } from "./types.ts";

/** What the engine knows besides: the names to suggest from. */
export interface Known {
  /** Of all functions, by name. */
  readonly signatures: ReadonlyMap<string, readonly string[]>;
  readonly variables: Iterable<string>;
  fieldsOf(type: string): readonly string[];
}

/** A mistake that the engine found, in our words where its own are poor. */
export function problemOf(error: unknown, source: string, known: Known): Problem {
  if (error instanceof ParseError) return syntaxProblem(error, source);
  if (error instanceof CheckError) return typeProblem(error, source, known);
  const isTooDeep = error instanceof RangeError;
  const message = isTooDeep ? "the expression is nested too deep" : "the expression cannot be compiled";
  return { code: isTooDeep ? "cel-limit" : "cel-type", message, start: 0, end: source.length };
}

function syntaxProblem(error: ParseError, source: string): Problem {
  const span = spanOf(error, source);
  switch (error.code) {
    case "limit_exceeded":
      return {
        ...span,
        code: "cel-limit",
        message: `the expression exceeds a limit: ${limitOf(error.summary)}`,
      };
    case "expected_token":
    case "unexpected_token":
      return { ...span, code: "cel-syntax", message: inWords(error.summary) };
    case "unexpected_character":
      return { ...span, code: "cel-syntax", message: unexpected(source, span), ...hintAt(source, span) };
    default:
      return { ...span, code: "cel-syntax", message: lowerFirst(error.summary) };
  }
}

const limitOf = (summary: string): string =>
  summary
    .replace(/^Exceeded /, "")
    .replace("maxAstNodes", "parts")
    .replace("maxDepth", "depth")
    .replace("maxListElements", "elements of a list")
    .replace("maxMapEntries", "entries of a map")
    .replace("maxCallArguments", "arguments of a call");

const TOKENS: Readonly<Record<string, string>> = {
  EOF: "the end",
  IDENTIFIER: "a name",
  RPAREN: "`)`",
  LPAREN: "`(`",
  RBRACKET: "`]`",
  LBRACKET: "`[`",
  RBRACE: "`}`",
  LBRACE: "`{`",
  COLON: "`:`",
  COMMA: "`,`",
  DOT: "`.`",
  QUESTION: "`?`",
  NUMBER: "a number",
  STRING: "a string",
  EQ: "`==`",
  NE: "`!=`",
  AND: "`&&`",
  OR: "`||`",
  NOT: "`!`",
  IN: "`in`",
  PLUS: "`+`",
  MINUS: "`-`",
  MULTIPLY: "`*`",
  DIVIDE: "`/`",
  MODULO: "`%`",
  LT: "`<`",
  LE: "`<=`",
  GT: "`>`",
  GE: "`>=`",
};

const inWords = (summary: string): string =>
  lowerFirst(summary).replace(/\b[A-Z]{2,}\b/g, (token) => TOKENS[token] ?? token.toLowerCase());

function unexpected(source: string, { start }: Span): string {
  const character = String.fromCodePoint(source.codePointAt(start) ?? 32);
  return start < source.length ? `unexpected ${JSON.stringify(character)}` : "unexpected end";
}

/** What people of other languages write. */
function hintAt(source: string, { start }: Span): { hint?: string } {
  const hints: Readonly<Record<string, string>> = {
    "=": "compare with `==`",
    "&": "write `&&`",
    "|": "write `||`",
  };
  const hint = hints[source[start] ?? ""];
  return hint === undefined ? {} : { hint };
}

function typeProblem(error: CheckError, source: string, known: Known): Problem {
  const span = spanOf(error, source);
  const problem: Problem = { ...span, code: "cel-type", message: publicText(error.summary) };
  // The node of an error of the checker is a node of the tree that it was given.
  const node = error.node as unknown as Node | undefined;
  switch (error.code) {
    case "unknown_variable":
      return {
        ...problem,
        message: `unknown name ${source.slice(span.start, span.end)}`,
        ...nameHint(source, span, known),
      };
    case "no_such_key":
      return node?.op === "." ? fieldProblem(problem, node, known) : problem;
    case "no_matching_overload":
      return callProblem(problem, node, known);
    case "no_such_overload":
      return { ...problem, message: problem.message.replace("no such overload: ", "no operation ") };
    default:
      return problem;
  }
}

const nameHint = (source: string, { start, end }: Span, known: Known): { hint?: string } =>
  didYouMean(source.slice(start, end), known.variables);

function fieldProblem(problem: Problem, node: Extract<Node, { op: "." | ".?" }>, known: Known): Problem {
  const [left, name] = node.args;
  const type = left.checkedType;
  if (type === undefined) return problem;
  const message = `${toPublicType(type)} has no field ${name}`;
  return { ...problem, start: node.pos, message, ...didYouMean(name, known.fieldsOf(type.name)) };
}

/** How many overloads a hint names. */
const MAX_SIGNATURES = 4;

function callProblem(problem: Problem, node: Node | undefined, known: Known): Problem {
  if (node?.op !== "call" && node?.op !== "rcall") return problem;
  const name = withoutReplaced(`${node.args[0]}(`).slice(0, -1);
  const called = problem.message.replace(/^found no matching overload for '(.*)'$/, "$1");
  const message = `no function ${called}`;
  const signatures = known.signatures.get(name);
  if (signatures === undefined) return { ...problem, message, ...didYouMean(name, known.signatures.keys()) };
  return { ...problem, message, hint: `there is ${signatures.slice(0, MAX_SIGNATURES).join(", ")}` };
}

function didYouMean(wanted: string, names: Iterable<string>): { hint?: string } {
  const near = suggest(wanted, names);
  return near === undefined ? {} : { hint: `did you mean "${near}"?` };
}

const publicText = (summary: string): string => lowerFirst(toPublicTypes(withoutReplaced(summary)));

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

/** The engine's range, within the source and never empty unless the source is. */
function spanOf(error: ParseError | CheckError, source: string): Span {
  const node = error.node;
  const start = clamp(node?.start ?? error.range?.start ?? 0, source);
  const end = clamp(node?.end ?? error.range?.end ?? source.length, source);
  return end > start
    ? { start, end }
    : {
        start: Math.max(0, Math.min(start, source.length - 1)),
        end: source.length && Math.min(start + 1, source.length),
      };
}

const clamp = (offset: number, source: string): number => Math.min(Math.max(0, offset), source.length);
