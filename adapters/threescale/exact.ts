import type { Call, CheckAnswer } from "../../src/adapter/adapter.ts";
import type { FetchAnswer } from "../../src/adapter/host.ts";
import { readAuthorization, type Authorization } from "./authorization.ts";
import type { AskedUsage, Backend } from "./backend.ts";
import { allow } from "./deciding.ts";
import { refuse } from "./refusal.ts";
import { verdictOf } from "./verdict.ts";

/** Lets the back-end decide about each request and count it: exact, and as slow as the back-end is. Never asked twice, for it would count twice. */
export async function checkExactly(question: AskedUsage, backend: Backend, call: Call): Promise<CheckAnswer> {
  let answer: FetchAnswer;
  try {
    answer = await backend.ask(question.usage.size === 0 ? "authorize" : "authrep", question, call);
  } catch (error) {
    return { verdict: "error", reason: error instanceof Error ? error.message : String(error) };
  }
  const verdict = verdictOf(answer);
  switch (verdict.kind) {
    case "authorized":
      return allowed(question, answer) ?? UNREADABLE;
    case "denied":
      return refused(question, answer, verdict.code);
    case "misconfigured":
      return { verdict: "error", reason: `3scale says ${verdict.code}` };
    case "failed":
      return { verdict: "error", reason: verdict.reason };
  }
}

const UNREADABLE: CheckAnswer = {
  verdict: "error",
  reason: "3scale answers 200 with something else than an authorization",
};

function allowed({ service, credential, usage }: AskedUsage, { body }: FetchAnswer): CheckAnswer | undefined {
  const said = readAuthorization(body.toString("utf8"));
  if (said === undefined) return undefined;
  return allow({ service: service.id, credential, usage, plan: said.plan, remaining: remainingOf(said) });
}

/** Limits say nothing to who asks only who somebody is; one of 0 says that the plan does not have what was asked for. */
function refused(question: AskedUsage, answer: FetchAnswer, code: string): CheckAnswer {
  const { service, usage } = question;
  if (code !== "limits_exceeded" || answer.headers.get("3scale-limit-max-value") === "0")
    return refuse(service, "failed");
  const known = usage.size === 0 ? allowed(question, answer) : undefined;
  const seconds = Number(answer.headers.get("3scale-limit-reset") ?? "-1");
  return known ?? refuse(service, "limits", seconds >= 0 ? seconds * 1_000 : undefined);
}

function remainingOf({ limits }: Authorization): ReadonlyMap<string, number> {
  const left = new Map<string, number>();
  for (const { metric, max, current } of limits) {
    left.set(metric, Math.min(Math.max(0, max - current), left.get(metric) ?? Number.POSITIVE_INFINITY));
  }
  return left;
}
