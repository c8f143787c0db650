import type { Adapter, CheckAnswer } from "../adapter/adapter.ts";

/**
 * What a handler has answered, if it is an answer: adapters may be anybody's, and what is none must neither pass for a
 * grant nor end a check in an exception.
 */
export function answerOf(value: unknown, outputs: Adapter["outputs"]): CheckAnswer {
  if (!isRecord(value)) return invalid("is no answer");
  const { verdict, reason, outputs: values } = value;
  switch (verdict) {
    case "allow":
      if (values === undefined) return { verdict };
      return values instanceof Map ? allowed(values, outputs) : invalid("has outputs that are no Map");
    case "deny":
      return denied(value, outputs);
    case "error":
      return { verdict, reason: typeof reason === "string" ? reason : "the handler gave no reason" };
    default:
      return invalid("has no verdict that is known");
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

const invalid = (what: string): CheckAnswer => ({
  verdict: "error",
  reason: `what the handler answered ${what}`,
});

/** A refusal stands, whatever of its words cannot be used. */
function denied(value: Readonly<Record<string, unknown>>, declared: Adapter["outputs"]): CheckAnswer {
  const { status, message, body, headers, outputs } = value;
  const told = outputs instanceof Map ? allowed(outputs, declared) : undefined;
  const { text, contentType } = isRecord(body) ? body : {};
  const isBody = typeof text === "string" && typeof contentType === "string" && isHeaderValue(contentType);
  const lines = headers instanceof Map ? Array.from(headers).filter(isHeader).slice(0, MAX_HEADERS) : [];
  return {
    verdict: "deny",
    ...(typeof status === "number" ? { status } : {}),
    ...(typeof message === "string" ? { message } : {}),
    ...(isBody ? { body: { text, contentType } } : {}),
    ...(lines.length > 0 ? { headers: new Map(lines) } : {}),
    ...(told?.verdict === "allow" && told.outputs !== undefined ? { outputs: told.outputs } : {}),
  };
}

const MAX_HEADERS = 16;

/** What is not a handler's to say: how long the body is and what it is, how the connection goes on, and what weir tells itself. */
const OWN_HEADERS =
  /^(?:connection|content-.*|date|host|keep-alive|proxy-.*|server|te|trailer|transfer-encoding|upgrade|x-weir-.*|grpc-.*)$/;

const isHeader = (line: readonly [unknown, unknown]): line is [string, string] => {
  const [name, value] = line;
  if (typeof name !== "string" || typeof value !== "string" || !isHeaderValue(value)) return false;
  return /^[!#$%&'*+.^_`|~0-9a-z-]{1,128}$/.test(name) && !OWN_HEADERS.test(name);
};

const isHeaderValue = (value: string): boolean => /^[\t\x20-\x7e]{1,1024}$/.test(value);

/** Rules were checked against the declared types: a value of another would make them mean something else. */
function allowed(values: ReadonlyMap<unknown, unknown>, declared: Adapter["outputs"]): CheckAnswer {
  const outputs = new Map<string, unknown>();
  for (const [name, value] of values) {
    const type = typeof name === "string" && Object.hasOwn(declared, name) ? declared[name]?.type : undefined;
    if (typeof name !== "string" || type === undefined)
      return invalid("has outputs that the adapter does not declare");
    if (!isOfType(value, type)) return invalid(`has the output ${name}, which is no ${type}`);
    outputs.set(name, value);
  }
  return { verdict: "allow", outputs };
}

/** JavaScript's types of CEL's, as far as one can be told by `typeof`. */
const JAVASCRIPT_TYPES: ReadonlyMap<string, string> = new Map([
  ["bool", "boolean"],
  ["int", "bigint"],
  ["double", "number"],
  ["string", "string"],
]);

function isOfType(value: unknown, type: string): boolean {
  if (type.startsWith("list(")) return Array.isArray(value);
  if (type.startsWith("map(")) return value instanceof Map;
  const wanted = JAVASCRIPT_TYPES.get(type);
  return wanted === undefined || typeof value === wanted;
}
