import type { Compiled, CompileProblem, Compiler, Values, Variables } from "../../src/adapter/expressions.ts";
import type { HttpConfig } from "./config.ts";

/** Text with values in it; undefined where one of them has none. `escape` is applied to each. */
export type Template = (values: Values, escape: (value: string) => string | undefined) => string | undefined;

/** A configuration whose expressions are compiled. */
export interface Program {
  readonly path: Template;
  readonly query: ReadonlyMap<string, Template>;
  readonly headers: ReadonlyMap<string, Template>;
  readonly form: ReadonlyMap<string, Template>;
  /** Undefined where the body is none of JSON. */
  readonly json: Compiled | undefined;
  readonly failed: Compiled;
  readonly misconfigured: Compiled;
  readonly allow: Compiled;
  readonly status: Compiled | undefined;
  readonly message: Compiled | undefined;
  readonly outputs: ReadonlyMap<string, { readonly type: string; readonly value: Compiled }>;
}

export type Problem = CompileProblem & { readonly path: readonly string[] };

/** What expressions about an answer read, beside the inputs. */
const RESPONSE = { status: "int", headers: "map(string, string)", body: "dyn", text: "string" };

/** Compiles the expressions of a configuration; what is wrong with them is in `problems`, and then the program is none to run. */
export function compileProgram(
  config: HttpConfig,
  compiler: Compiler,
): { readonly program: Program; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const input: Variables = { input: config.inputs };
  const both: Variables = { ...input, response: RESPONSE };
  const expression = (path: readonly string[], source: string, type: string, variables = both): Compiled => {
    const found = compiler.expression(source, variables, type);
    if ("evaluate" in found) return found;
    problems.push({ ...found, path });
    return NOTHING;
  };
  const optional = (
    path: readonly string[],
    source: string | undefined,
    type: string,
  ): Compiled | undefined => (source === undefined ? undefined : expression(path, source, type));
  const text = (path: readonly string[], source: string): Template => {
    const found = compiler.text(source, input);
    if (!("message" in found)) return templateOf(found);
    problems.push({ ...found, path });
    return () => undefined;
  };
  const texts = (
    key: string,
    templates: Iterable<readonly [string, string]>,
  ): ReadonlyMap<string, Template> =>
    new Map(Array.from(templates, ([name, source]) => [name, text([key, name], source)]));
  const { body, deny, outputs } = config;
  const program: Program = {
    path: text(["path"], config.path),
    query: texts("query", Object.entries(config.query)),
    headers: texts("headers", config.headers),
    form: texts("form", Object.entries(body.kind === "form" ? body.fields : {})),
    json: body.kind === "json" ? expression(["json"], body.source, "json", input) : undefined,
    failed: expression(["failed"], config.failed, "bool"),
    misconfigured: expression(["misconfigured"], config.misconfigured, "bool"),
    allow: expression(["allow"], config.allow, "bool"),
    status: optional(["deny", "status"], deny.status, "int"),
    message: optional(["deny", "message"], deny.message, "string"),
    outputs: new Map(
      Object.entries(outputs).map(([name, { type, value }]) => [
        name,
        { type, value: expression(["outputs", name, "value"], value, type) },
      ]),
    ),
  };
  return { program, problems };
}

const NOTHING: Compiled = { evaluate: () => undefined };

const templateOf =
  (parts: readonly (string | Compiled)[]): Template =>
  (values, escape) => {
    let text = "";
    for (const part of parts) {
      const value = typeof part === "string" ? part : part.evaluate(values);
      const escaped = typeof part === "string" || typeof value !== "string" ? value : escape(value);
      if (typeof escaped !== "string") return undefined;
      text += escaped;
    }
    return text;
  };
