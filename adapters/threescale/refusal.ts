import type { CheckAnswer } from "../../src/adapter/adapter.ts";
import type { AnswerKind, Service } from "./services.ts";

/** A refusal in the words of the service's proxy configuration; `retryAfterMs` is told to callers whose limits are used up. */
export function refuse({ answers }: Service, kind: AnswerKind, retryAfterMs?: number): CheckAnswer {
  const { status, contentType, text } = answers[kind];
  const refusal = { verdict: "deny", status, body: { text, contentType } } as const;
  if (retryAfterMs === undefined) return refusal;
  const seconds = Math.max(1, Math.ceil(retryAfterMs / 1_000));
  return { ...refusal, headers: new Map([["retry-after", String(seconds)]]) };
}
