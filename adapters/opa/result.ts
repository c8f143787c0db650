import type { CheckAnswer } from "../../src/adapter/adapter.ts";
import type { Fetched } from "../../src/adapter/remembered.ts";
import { readBody, typedValue } from "../../src/adapter/typed-values.ts";
import type { OpaConfig } from "./config.ts";

/**
 * What OPA has answered a question with. Source: OPA's REST API, Data API, "Get a Document (with Input)": 200 with `result`, which is
 * missing where the document is not defined, and `decision_id` where decisions are logged.
 */
export function fetchedOf(body: Buffer, config: OpaConfig): Fetched<CheckAnswer> {
  const read = readBody(body);
  if (read.kind !== "value" || !(read.value instanceof Map)) {
    const why = read.kind === "value" ? "it is no object" : read.why;
    return { kind: "failed", reason: `OPA's answer cannot be read: ${why}` };
  }
  const answer = answerOf(read.value, config);
  // An input for which the policy says nothing sensible is one input's matter: the back-end has not failed.
  return { kind: answer.verdict === "allow" ? "allowed" : "denied", value: answer };
}

function answerOf(document: ReadonlyMap<unknown, unknown>, config: OpaConfig): CheckAnswer {
  const result = document.get("result");
  const decisionId = document.get("decision_id");
  const known = typeof decisionId === "string" ? [["decision_id", decisionId] as const] : [];
  if (result === undefined) {
    if (config.undefined === "deny") return { verdict: "deny" };
    return { verdict: "error", reason: `${config.path} is not defined for this input` };
  }
  if (typeof result === "boolean") {
    return result ? { verdict: "allow", outputs: new Map<string, unknown>(known) } : { verdict: "deny" };
  }
  if (!(result instanceof Map)) {
    return { verdict: "error", reason: `${config.path} is neither a boolean nor an object` };
  }
  const isYes: unknown = result.get(config.verdict);
  if (typeof isYes !== "boolean") {
    return { verdict: "error", reason: `${config.path} has no boolean ${config.verdict}` };
  }
  return isYes ? allowed(result, new Map<string, unknown>(known), config) : denied(result);
}

function allowed(
  result: ReadonlyMap<unknown, unknown>,
  outputs: Map<string, unknown>,
  { outputs: types, path }: OpaConfig,
): CheckAnswer {
  outputs.set("result", result);
  for (const [name, type] of Object.entries(types)) {
    if (!result.has(name)) continue;
    const value = typedValue(result.get(name), type);
    if (value === undefined) return { verdict: "error", reason: `${path} has a ${name} that is no ${type}` };
    outputs.set(name, value);
  }
  return { verdict: "allow", outputs };
}

function denied(result: ReadonlyMap<unknown, unknown>): CheckAnswer {
  const status = result.get("status");
  const message = result.get("message");
  const isStatus = typeof status === "bigint" && status >= 400n && status <= 599n;
  return {
    verdict: "deny",
    ...(isStatus ? { status: Number(status) } : {}),
    ...(typeof message === "string" ? { message } : {}),
  };
}
