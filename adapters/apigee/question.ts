import type { CheckInput } from "../../src/adapter/adapter.ts";
import type { Claims } from "./caller.ts";
import type { ApigeeConfig } from "./config.ts";
import type { Wanted } from "./operations.ts";

/** What a check asks: who it is, and, of a rule's `ask`, whether he may do what he wants. */
export interface Question {
  readonly key: string | undefined;
  readonly token: string | undefined;
  /** Of a token that somebody has verified already. */
  readonly claims: Claims | undefined;
  /** Undefined where an identity asks. */
  readonly wanted: Wanted | undefined;
}

/** A sentence where it cannot be asked so, whoever calls. */
export function readQuestion(input: CheckInput, config: ApigeeConfig): Question | string {
  const text = (name: string): string | undefined => {
    const value = input.get(name);
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const claims = input.get("claims") ?? new Map();
  if (!(claims instanceof Map)) return "claims are a map by name";
  const who = {
    key: text("key"),
    token: text("token"),
    claims: claims.size > 0 ? (claims as Claims) : undefined,
  };
  const isOfIdentity = ["api", "method", "path", "environment"].every((name) => !input.has(name));
  if (isOfIdentity) return { ...who, wanted: undefined };
  const [api, method, path] = [text("api"), text("method"), text("path")];
  if (api === undefined || method === undefined || path === undefined)
    return "a question about an operation needs api, method and path";
  const environment = environmentOf(text("environment"), config);
  if (environment === undefined)
    return config.environment === "*"
      ? "the handler is of every environment, and the question names none"
      : "the question names another environment than the handler's";
  return { ...who, wanted: { api, method, path: path.split("?", 1)[0] ?? "", environment } };
}

function environmentOf(named: string | undefined, { environment }: ApigeeConfig): string | undefined {
  if (environment === "*") return named;
  return named === undefined || named === environment ? environment : undefined;
}
