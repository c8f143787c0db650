import type { Expression } from "../cel/expression.ts";
import { isReserved, ROOTS, type Environments, type Shape } from "./declarations.ts";
import { problem, type Diagnostic } from "./diagnostic.ts";
import type { Document } from "./document.ts";
import { mentionsOf, type Mentions, type MentionTable } from "./mentions.ts";
import type { Names } from "./reads.ts";
import { Scope } from "./scope.ts";

/** The names of one file, and the scope in which they all can be read. */
export interface CompiledLets {
  readonly scope: Scope;
  readonly lets: ReadonlyMap<string, Expression>;
  readonly mentions: ReadonlyMap<string, Mentions>;
  readonly isWhole: boolean;
}

export interface LetSurroundings {
  readonly document: Document;
  readonly shape: Shape;
  readonly names: Omit<Names, "lets" | "unreadableLets">;
  /** What names from elsewhere depend on. */
  readonly table: Pick<MentionTable, "shared" | "verified">;
  readonly environments: Environments;
  readonly diagnostics: Diagnostic[];
}

/** Each `let` may use those before it; the scope has them all. */
export function compileLets(
  written: ReadonlyMap<string, string>,
  { document, shape, names, table: others, environments, diagnostics }: LetSurroundings,
): CompiledLets {
  const lets = new Map<string, Expression>();
  const mentions = new Map<string, Mentions>();
  const unreadableLets = new Map<string, "later" | "faulty">();
  for (const name of written.keys()) unreadableLets.set(name, "later");
  const table: MentionTable = { ...others, lets: mentions, answers: new Set(names.answers.keys()) };
  const scopeNow = (): Scope => {
    const types = new Map(Array.from(lets, ([name, { type }]) => [name, type]));
    const known = { ...names, lets: new Set(lets.keys()), unreadableLets };
    return new Scope({
      document,
      names: known,
      environment: environments.of({ ...shape, lets: types }),
      table,
      diagnostics,
    });
  };
  for (const [name, source] of written) {
    const path = ["let", name];
    const isTaken = ROOTS.has(name) || names.answers.has(name) || names.shared.has(name);
    if (isReserved(name)) {
      if (isTaken) unreadableLets.delete(name);
      else unreadableLets.set(name, "faulty");
      const message = `"${name}" is a name of the language`;
      diagnostics.push(problem(document.keyAt(path), "reserved-name", message, "choose another name"));
      continue;
    }
    if (isTaken) {
      unreadableLets.delete(name);
      const what = names.shared.has(name) ? "a shared file" : "an answer";
      const message = `"${name}" is the name of ${what} already`;
      diagnostics.push(problem(document.keyAt(path), "duplicate-name", message, "rename one of the two"));
      continue;
    }
    const compiled = scopeNow().expression(path, source, "any");
    if (compiled === undefined) {
      unreadableLets.set(name, "faulty");
      continue;
    }
    unreadableLets.delete(name);
    lets.set(name, compiled.expression);
    mentions.set(name, mentionsOf(compiled.expression.reads, table));
  }
  return { scope: scopeNow(), lets, mentions, isWhole: lets.size === written.size };
}
