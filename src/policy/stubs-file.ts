import { z } from "zod";
import { anyText, delegate, either, flag, integer, refuse, text, word } from "./fields.ts";
import { entries, mapping, plainValue, type PlainValue } from "./fields-of-collections.ts";
import { told } from "./forms.ts";
import { isMapping } from "./tree.ts";

/** What a test says that a handler answers. */
export type StubAnswer =
  | { readonly kind: "allow"; readonly outputs: ReadonlyMap<string, PlainValue> }
  | { readonly kind: "deny"; readonly status: number | undefined; readonly message: string | undefined }
  /** No answer in time. */
  | { readonly kind: "timeout" };

/** By the name of the principal who asks; `any` is what holds for all. */
export type Stub =
  | { readonly kind: "any"; readonly answer: StubAnswer }
  | { readonly kind: "byPrincipal"; readonly answers: ReadonlyMap<string, StubAnswer> };

/** By the name of the handler. */
export type Stubs = ReadonlyMap<string, Stub>;

/** What a stub answers one who asks under this name. */
export const answerFor = (stub: Stub | undefined, as: string): StubAnswer | undefined =>
  stub?.kind === "byPrincipal" ? stub.answers.get(as) : stub?.answer;

const WORD = word(
  ["allow", "deny", "timeout"],
  "allow, deny, timeout, or a mapping with allow: true or deny",
);

const DENY = mapping({
  deny: flag(),
  status: integer(400, 599).optional(),
  message: anyText().optional(),
}).transform(({ status, message }): StubAnswer => ({ kind: "deny", status, message }));

const OUTPUTS = told({ required: ["allow"], properties: { allow: { const: true } } }, entries(plainValue()));

const ANSWER = either([WORD, DENY, OUTPUTS], (value, context): StubAnswer => {
  if (!isMapping(value)) return plainAnswer(delegate(context, WORD, value));
  if (value.has("deny")) return delegate(context, DENY, value);
  const { allow, ...outputs } = Object.fromEntries(delegate(context, OUTPUTS, value));
  if (allow === true) return { kind: "allow", outputs: new Map(Object.entries(outputs)) };
  const message = "the answer says neither `allow: true` nor `deny: true`";
  refuse(context, {
    kind: "refused",
    code: "missing-key",
    message,
    at: "key",
    hint: "write allow: true and its outputs",
  });
  return z.NEVER;
});

function plainAnswer(kind: "allow" | "deny" | "timeout"): StubAnswer {
  switch (kind) {
    case "allow":
      return { kind, outputs: new Map() };
    case "deny":
      return { kind, status: undefined, message: undefined };
    case "timeout":
      return { kind };
  }
}

const isAnswer = (value: unknown): boolean => !isMapping(value) || value.has("allow") || value.has("deny");

const BY_PRINCIPAL = entries(ANSWER, text("the name of a principal"));

const STUB = either([ANSWER, BY_PRINCIPAL], (value, context): Stub =>
  isAnswer(value)
    ? { kind: "any", answer: delegate(context, ANSWER, value) }
    : { kind: "byPrincipal", answers: delegate(context, BY_PRINCIPAL, value) },
);

/** The schema of `backends`. */
export const STUBS = entries(STUB);
