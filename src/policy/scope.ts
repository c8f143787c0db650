import type { Environment, Expression, Parsed, Read, TypeName } from "../cel/expression.ts";
import type { Code } from "./codes.ts";
import { problem, type Diagnostic } from "./diagnostic.ts";
import type { Document } from "./document.ts";
import { mentionsOf, type Mentions, type MentionTable } from "./mentions.ts";
import { readProblems, type Names } from "./reads.ts";
import type { Path } from "./source.ts";

/** What a scope is made of. */
export interface ScopeParts {
  readonly document: Document;
  readonly names: Names;
  readonly environment: Environment;
  readonly table: MentionTable;
  readonly diagnostics: Diagnostic[];
}

/** Compiles the expressions of one file and gathers what is wrong with them. */
export class Scope {
  readonly document: Document;
  readonly names: Names;
  readonly #parts: ScopeParts;

  constructor(parts: ScopeParts) {
    this.document = parts.document;
    this.names = parts.names;
    this.#parts = parts;
  }

  /** For what is evaluated only where `condition` holds: a binding that it asks for with `has()` is there. */
  proving(condition: Expression | undefined): Scope {
    const asked = (condition?.reads ?? []).filter(({ root, how }) => root === "path" && how === "has");
    if (asked.length === 0) return this;
    const proven = asked.flatMap(({ steps: [step] }) => (step === undefined ? [] : [step.name]));
    const paths = new Map(this.names.paths);
    for (const name of proven) if (paths.has(name)) paths.set(name, "by-all");
    return new Scope({ ...this.#parts, names: { ...this.names, paths } });
  }

  /** What the names of the file depend on. */
  get table(): MentionTable {
    return this.#parts.table;
  }

  /** Compiles further expressions over the names of the file, when the file itself is no longer at hand. */
  get compiler(): (source: string) => Expression | readonly SpannedProblem[] {
    const { environment, names } = this.#parts;
    return (source) => {
      const compiled = compileIn({ environment, names }, source, "any");
      return "expression" in compiled ? compiled.expression : compiled;
    };
  }

  /** What these expressions and texts depend on. */
  mentions(...readers: readonly ({ readonly reads: readonly Read[] } | undefined)[]): Mentions {
    return mentionsOf(
      readers.flatMap((reader) => reader?.reads ?? []),
      this.#parts.table,
    );
  }

  /** Whether anything has been reported of this file that keeps it from going live. */
  get hasErrors(): boolean {
    const { diagnostics, document } = this.#parts;
    return diagnostics.some(({ severity, file }) => severity === "error" && file === document.file);
  }

  report(...diagnostics: readonly Diagnostic[]): void {
    this.#parts.diagnostics.push(...diagnostics);
  }

  /** The expression at `path`, or undefined when something is wrong with it. */
  expression(path: Path, source: string, expected: TypeName): Compiled | undefined {
    return this.#compile({ path, source, shift: 0 }, expected);
  }

  /** The expression that begins at `start` of a text; what it yields must have a text form. */
  textExpression(path: Path, source: string, start: number): Expression | undefined {
    const place = { path, source, shift: start };
    const expression = this.#compile(place, "any")?.expression;
    if (expression === undefined || TEXTUAL.has(expression.type)) return expression;
    const message = `a text takes no ${expression.type}`;
    const hint =
      expression.type === "list(string)" ? `join it: (${source.trim()}).join(",")` : "read a part of it";
    this.#refuse(place, [{ start: 0, end: source.length, code: "cel-type", message, hint }]);
    return undefined;
  }

  #compile(place: Placed, expected: TypeName): Compiled | undefined {
    const compiled = compileIn(this.#parts, place.source, expected);
    if ("expression" in compiled) return compiled;
    this.#refuse(place, compiled);
    return undefined;
  }

  #refuse({ path, shift }: Placed, problems: readonly SpannedProblem[]): void {
    for (const { start, end, code, message, hint } of problems) {
      const span = { start: start + shift, end: end + shift };
      this.report(problem(this.document.at(path, span), code, message, hint));
    }
  }
}

/** One expression over these names; what it reads that has a diagnostic already is no problem of its own. */
export function compileIn(
  { environment, names }: Pick<ScopeParts, "environment" | "names">,
  source: string,
  expected: TypeName,
): Compiled | readonly SpannedProblem[] {
  const parsed = environment.parse(source);
  const problems = "reads" in parsed ? readProblems(parsed, names) : parsed;
  if (!("reads" in parsed) || problems.length > 0) return problems;
  if (parsed.reads.some((read) => isUnreadable(read, names))) return [];
  const expression = environment.compile(parsed, expected);
  return "evaluate" in expression ? { expression, parsed } : expression;
}

/** Whether something is wrong with what an expression reads, of which there is a diagnostic already. */
const isUnreadable = (
  { root, steps: [step] }: Read,
  { unreadableLets, answers, shared, identities }: Names,
): boolean =>
  (root === "auth" && step !== undefined && identities.get(step.name) === undefined) ||
  unreadableLets.has(root) ||
  (answers.has(root) && answers.get(root) === undefined) ||
  (shared.has(root) && shared.get(root) === undefined);

/** An expression, and what its source says about itself. */
export interface Compiled {
  readonly expression: Expression;
  readonly parsed: Parsed;
}

interface Placed {
  readonly path: Path;
  readonly source: string;
  /** Where `source` begins in the scalar at `path`. */
  readonly shift: number;
}

/** One mistake, and where in the expression. */
export interface SpannedProblem {
  readonly start: number;
  readonly end: number;
  readonly code: Code;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** The types whose values have a text form, as CEL's string() writes it. What is `dyn` shows when it is evaluated. */
const TEXTUAL: ReadonlySet<TypeName> = new Set([
  "bool",
  "bytes",
  "double",
  "duration",
  "dyn",
  "int",
  "ip",
  "string",
  "timestamp",
  "uint",
]);
