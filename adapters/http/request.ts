import type { Values } from "../../src/adapter/expressions.ts";
import type { FetchRequest } from "../../src/adapter/host.ts";
import type { HttpConfig } from "./config.ts";
import type { Program, Template } from "./program.ts";

export type BuiltRequest = Pick<FetchRequest, "url" | "method" | "headers" | "body">;

/** The request for some inputs, without secret headers; undefined where they make none, for which a caller is to blame. */
export function requestOf(config: HttpConfig, program: Program, values: Values): BuiltRequest | undefined {
  const path = program.path(values, segment);
  const query = encoded(program.query, values);
  const headers = headersOf(program.headers, values);
  const body = bodyOf(config, program, values);
  if (path === undefined || query === undefined || headers === undefined || body === undefined)
    return undefined;
  // Two values may make of dots what none is alone.
  if (path.split("/").some((one) => one === "." || one === "..")) return undefined;
  return {
    url: `${config.url}${path}${query === "" ? "" : `?${query}`}`,
    method: config.method,
    headers: { ...(body.type === "" ? {} : { "content-type": body.type }), ...headers },
    ...(body.type === "" ? {} : { body: body.text }),
  };
}

/** A value within one segment of a path: never empty, and with nothing in it that divides one. Undefined of what is no Unicode. */
const segment = (value: string): string | undefined => (value === "" ? undefined : component(value));

const component = (value: string): string | undefined =>
  value.isWellFormed() ? encodeURIComponent(value) : undefined;

function encoded(fields: ReadonlyMap<string, Template>, values: Values): string | undefined {
  const pairs: string[] = [];
  for (const [name, template] of fields) {
    const value = template(values, (one) => one);
    const escaped = value === undefined ? undefined : component(value);
    if (escaped === undefined) return undefined;
    pairs.push(`${encodeURIComponent(name)}=${escaped}`);
  }
  return pairs.join("&");
}

/** What a header may hold and be read alike by everybody. Source: RFC 9110, section 5.5, without obs-text. */
const HEADER_VALUE = /^[\t\u0020-\u007e]*$/;

function headersOf(
  templates: ReadonlyMap<string, Template>,
  values: Values,
): Readonly<Record<string, string>> | undefined {
  const headers = new Map<string, string>();
  for (const [name, template] of templates) {
    const value = template(values, (one) => one);
    if (value === undefined || !HEADER_VALUE.test(value)) return undefined;
    headers.set(name, value);
  }
  return Object.fromEntries(headers);
}

function bodyOf(
  { body: { kind } }: HttpConfig,
  program: Program,
  values: Values,
): { readonly text: string; readonly type: string } | undefined {
  switch (kind) {
    case "none":
      return { text: "", type: "" };
    case "json": {
      const text = program.json?.evaluate(values);
      return typeof text === "string" ? { text, type: "application/json" } : undefined;
    }
    case "form": {
      const text = encoded(program.form, values);
      return text === undefined ? undefined : { text, type: "application/x-www-form-urlencoded" };
    }
  }
}
