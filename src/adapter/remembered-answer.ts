import type { CheckAnswer } from "./adapter.ts";
import type { Answered } from "./remembered.ts";

/** What a handler answers a check with, where the answers themselves are what is remembered. */
export function checkAnswerOf(answered: Answered<CheckAnswer>): CheckAnswer {
  switch (answered.kind) {
    case "allowed":
    case "denied":
      return answered.value;
    case "open":
      return { verdict: "allow" };
    case "failed":
    case "misconfigured":
      return { verdict: "error", reason: answered.reason };
    case "guarded":
      return { verdict: "deny", status: 503 };
  }
}
