import type { CheckAnswer } from "../../src/adapter/adapter.ts";
import type { Values } from "../../src/adapter/expressions.ts";
import type { FetchAnswer } from "../../src/adapter/host.ts";
import type { Fetched } from "../../src/adapter/remembered.ts";
import { readBody, typedValue } from "../../src/adapter/typed-values.ts";
import type { HttpConfig } from "./config.ts";
import type { Program } from "./program.ts";

/** What a service has answered, by the expressions of the configuration. */
export function fetchedOf(
  config: HttpConfig,
  program: Program,
  input: Values,
  answer: FetchAnswer,
): Fetched<CheckAnswer> {
  const { response, unread } = responseOf(answer);
  const values = { ...input, response };
  const status = `the service answered with status ${answer.status}`;
  const retry = config.retry === "safe" ? ({ retry: "safe" } as const) : {};
  if (program.failed.evaluate(values) !== false) return { kind: "failed", reason: status, ...retry };
  if (program.misconfigured.evaluate(values) !== false) return { kind: "misconfigured", reason: status };
  const isYes = program.allow.evaluate(values);
  if (typeof isYes !== "boolean" && unread !== undefined) {
    return { kind: "failed", reason: `${status}, whose body cannot be read: ${unread}` };
  }
  const value = isYes === true ? allowed(program, values) : refused(program, values, isYes);
  const maxAgeMs = config.freshness === "own" ? undefined : freshnessMs(answer.headers);
  return {
    kind: value.verdict === "allow" ? "allowed" : "denied",
    value,
    ...(maxAgeMs === undefined ? {} : { maxAgeMs }),
  };
}

interface ReadResponse {
  readonly response: ReadonlyMap<string, unknown>;
  /** Why a body that says it is JSON has no value. */
  readonly unread: string | undefined;
}

function responseOf({ status, headers, body }: FetchAnswer): ReadResponse {
  const response = new Map<string, unknown>([
    ["status", BigInt(status)],
    ["headers", headers],
    ["text", body.toString("utf8")],
  ]);
  if (!JSON_TYPE.test(headers.get("content-type") ?? "")) return { response, unread: "it is no JSON" };
  const read = readBody(body);
  if (read.kind !== "value") return { response, unread: read.why };
  return { response: response.set("body", read.value), unread: undefined };
}

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;

function allowed({ outputs }: Program, values: Values): CheckAnswer {
  const found = new Map<string, unknown>();
  for (const [name, { type, value }] of outputs) {
    const plain = value.evaluate(values);
    if (plain === undefined) continue;
    const typed = typedValue(plain, type);
    if (typed === undefined) return { verdict: "error", reason: `the output ${name} is no ${type}` };
    found.set(name, typed);
  }
  return { verdict: "allow", outputs: found };
}

/** A no, or where the answer says neither, an error: that is one question's matter, and no failure of the service. */
function refused({ status, message }: Program, values: Values, isYes: unknown): CheckAnswer {
  if (isYes !== false)
    return { verdict: "error", reason: "`allow` has no value for what the service answered" };
  const code = status?.evaluate(values);
  const text = message?.evaluate(values);
  return {
    verdict: "deny",
    ...(typeof code === "bigint" && code >= 400n && code <= 599n ? { status: Number(code) } : {}),
    ...(typeof text === "string" ? { message: text } : {}),
  };
}

/**
 * How long an answer may be used by its Cache-Control; undefined where that does not say. Source: RFC 9111, sections 4.2.1 and 5.2.2; what
 * may not be stored by a cache that serves many, or not be used without asking, is not remembered.
 */
export function freshnessMs(headers: ReadonlyMap<string, string>): number | undefined {
  const written = headers.get("cache-control");
  if (written === undefined) return undefined;
  const directives = new Map(
    written.split(",").map((one): [string, string] => {
      const [name = "", value = ""] = one.split("=", 2);
      return [name.trim().toLowerCase(), value.trim().replace(/^"(.*)"$/, "$1")];
    }),
  );
  if (["no-store", "no-cache", "private"].some((name) => directives.has(name))) return 0;
  const seconds = directives.get("s-maxage") ?? directives.get("max-age");
  if (seconds === undefined) return undefined;
  if (!/^\d{1,9}$/.test(seconds)) return 0;
  const age = headers.get("age") ?? "0";
  return Math.max(0, Number(seconds) - (/^\d{1,9}$/.test(age) ? Number(age) : 0)) * 1_000;
}
