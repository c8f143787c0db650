import { z } from "zod";
import { DURATION_FORM, DURATION_PATTERN, parseDurationMs } from "../std/duration.ts";
import { MOMENT_FORM, parseMomentMs } from "../std/moment.ts";
import type { Code } from "./codes.ts";
import { formed, SCALAR, told, type JsonSchema } from "./forms.ts";
import { Refusal, type Reason, type Sort } from "./refusal.ts";
import { splitText, type TextPart } from "./text.ts";
import { BROKEN, Literal } from "./tree.ts";

/** A field reads one value: it has it, or it says why not. */
export type Read<T> = { readonly value: T } | { readonly reason: Reason };

/** The schema of one value, which editors know as `json`. Everything that it complains of is a Refusal. */
export function field<T>(json: JsonSchema, read: (value: unknown) => Read<T>) {
  const schema = z.unknown().transform((value, context): T => {
    const result = read(value);
    if ("value" in result) return result.value;
    refuse(context, result.reason);
    return z.NEVER;
  });
  return told(json, schema);
}

/** A value that one of the schemas reads; `read` says which, and delegates to it. */
export const either = <T>(of: readonly z.ZodType[], read: (value: unknown, context: z.RefinementCtx) => T) =>
  formed({ kind: "either", of }, z.unknown().transform(read));

/** Complains of the value that is being read, or of what is at `path` in it. */
export function refuse(
  context: z.RefinementCtx,
  reason: Reason,
  path: readonly (string | number)[] = [],
): void {
  context.addIssue({ code: "custom", path: [...path], params: { refusal: new Refusal(reason) } });
}

/** Reads `value` by another schema, which may complain of any part of it. */
export function delegate<T>(context: z.RefinementCtx, schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    // Fields complain with these two only: what else the library checks, a field has checked before.
    if (issue.code === "custom") context.issues.push({ ...issue, input: value });
    if (issue.code === "unrecognized_keys") context.issues.push({ ...issue, input: issue.input ?? {} });
  }
  return z.NEVER;
}

/** The same schema; undefined where YAML, or an earlier reading, has already refused the value. */
export const orBroken = <T>(schema: z.ZodType<T>) =>
  either([schema], (value, context) => (value === BROKEN ? undefined : delegate(context, schema, value)));

/** The one of `keys` that stands in a mapping; undefined, with a complaint, when none does or several do. */
export function oneOf<const K extends string>(
  context: z.RefinementCtx,
  found: Readonly<Partial<Record<K, unknown>>>,
  keys: readonly K[],
): K | undefined {
  const [first, second] = keys.filter((key) => found[key] !== undefined);
  const choice = `exactly one of ${keys.join(", ")}`;
  if (first === undefined) {
    refuse(context, misplaced("one-of", `one of ${keys.join(", ")} is missing`, `write ${choice}`));
  } else if (second !== undefined) {
    refuse(context, misplaced("one-of", `${first} and ${second} stand together`, `write ${choice}`), [
      second,
    ]);
  }
  return second === undefined ? first : undefined;
}

/** A key that stands where it does not belong. */
export const misplaced = (code: Code, message: string, hint: string): Reason => ({
  kind: "refused",
  code,
  message,
  hint,
  at: "key",
});

/** A value of another sort than the one that belongs here. */
export const expected = (what: string, sort: Sort, hint?: string): { readonly reason: Reason } => ({
  reason: { kind: "expected", what, sort, hint },
});

/** The text of a scalar as it stands in the file; undefined of anything else. */
export const textOf = (value: unknown): string | undefined =>
  typeof value === "string" ? value : value instanceof Literal ? value.text : undefined;

/** Text; a number, `true` and `false` are the text that stands in the file. */
export const text = (what = "text") =>
  field({ type: [...SCALAR], minLength: 1, description: what }, (value) => {
    const found = textOf(value);
    return found === undefined || found === "" ? expected(what, "text") : { value: found };
  });

/** Text that may be empty. */
export const anyText = () =>
  field({ type: [...SCALAR] }, (value) => {
    const found = textOf(value);
    return found === undefined ? expected("text", "text") : { value: found };
  });

/** The source of a CEL expression. */
export const cel = () => text("a CEL expression");

/** Text with `${CEL}` in it. */
export const template = () =>
  field<readonly TextPart[]>(
    { type: [...SCALAR], description: "text, in which ${CEL} is replaced" },
    (value) => {
      const found = textOf(value);
      if (found === undefined) return expected("text", "text");
      const parts = splitText(found);
      if (!("message" in parts)) return { value: parts };
      const { message, hint, start, end } = parts;
      return {
        reason: { kind: "refused", code: "cel-syntax", message, hint, at: "value", span: { start, end } },
      };
    },
  );

/** What names of one sort look like. */
export interface NameForm {
  readonly pattern: RegExp;
  readonly what: string;
  /** Why this name is weir's own, if it is. */
  readonly reserved?: (name: string) => string | undefined;
}

/** The name of a policy or a rule: a label of metrics and logs. */
export const ID_FORM: NameForm = {
  pattern: /^[a-z][a-z0-9_-]{0,62}$/,
  what: "a name of at most 63 lower-case letters, digits, _ and -, beginning with a letter",
};

/** A name that expressions use. */
export const VARIABLE_FORM: NameForm = {
  pattern: /^[a-z][a-z0-9_]{0,62}$/,
  what: "a name of at most 63 lower-case letters, digits and _, beginning with a letter",
};

/** A SPIFFE trust domain (SPIFFE ID, section 2.1). */
export const TRUST_DOMAIN_FORM: NameForm = {
  pattern: /^[a-z0-9._-]{1,255}$/,
  what: "a trust domain in lower case, such as cluster.local",
};

export const name = (form: NameForm, at: "key" | "value" = "value") =>
  field({ type: "string", pattern: form.pattern.source, description: form.what }, (value) => {
    const found = textOf(value);
    if (found === undefined || (at === "value" && !form.pattern.test(found)))
      return expected(form.what, "text");
    if (!form.pattern.test(found)) {
      return {
        reason: {
          kind: "refused",
          code: "wrong-value",
          message: `${JSON.stringify(found)} is not ${form.what}`,
          at,
        },
      };
    }
    const why = form.reserved?.(found);
    if (why === undefined) return { value: found };
    return {
      reason: { kind: "refused", code: "reserved-name", message: why, hint: "choose another name", at },
    };
  });

/** One of several words. */
export function word<const W extends string>(words: readonly W[], what?: string) {
  const expectation =
    what ?? (words.length === 1 ? `the word ${words.join()}` : `one of the words ${words.join(", ")}`);
  return field({ enum: [...words], description: expectation }, (value): Read<W> => {
    const found = textOf(value);
    const one = words.find((known) => known === found);
    return one === undefined ? expected(expectation, "text") : { value: one };
  });
}

/** `weir: 1`, which the loader has looked at. */
export const version = () => told({ enum: [1], description: "the version of the format" }, word(["1"]));

/** A whole number, written out in digits. */
export const integer = (least: number, most: number) =>
  field({ type: "integer", minimum: least, maximum: most }, (value) => {
    const digits =
      value instanceof Literal && /^(0|[1-9]\d{0,14})$/.test(value.text) ? Number(value.text) : NaN;
    return digits >= least && digits <= most
      ? { value: digits }
      : expected(`a whole number from ${least} to ${most}`, "number");
  });

export const flag = () =>
  field({ type: "boolean" }, (value) =>
    value instanceof Literal && typeof value.value === "boolean"
      ? { value: value.value }
      : expected("true or false", "boolean"),
  );

const DURATION = { type: "string", pattern: DURATION_PATTERN.source } as const;

/** A duration with its unit, in milliseconds. */
export const durationMs = (least: number, most: number, bounds: string) =>
  field({ ...DURATION, description: `a duration ${bounds}, such as 200ms` }, (value) => {
    const found = textOf(value);
    if (found === undefined) return expected(DURATION_FORM, "text");
    const ms = parseDurationMs(found);
    if (ms === undefined)
      return expected(
        DURATION_FORM,
        "text",
        /^\d+$/.test(found) ? `write the unit, as in ${found}ms` : undefined,
      );
    return ms >= least && ms <= most ? { value: ms } : expected(`a duration ${bounds}`, "text");
  });

/** A moment in RFC 3339 with its zone, in milliseconds since 1970. */
export const momentMs = () =>
  field({ type: "string", format: "date-time", description: MOMENT_FORM }, (value) => {
    const ms = parseMomentMs(textOf(value) ?? "");
    return ms === undefined ? expected(MOMENT_FORM, "text") : { value: ms };
  });

/** Text that `parse` understands. */
export const parsedText = <T>(
  what: string,
  parse: (text: string) => T | undefined,
  hintFor?: (text: string) => string | undefined,
) =>
  field({ type: "string", description: what }, (value): Read<T> => {
    const found = textOf(value);
    const parsed = found === undefined ? undefined : parse(found);
    return parsed === undefined
      ? expected(what, "text", found === undefined ? undefined : hintFor?.(found))
      : { value: parsed };
  });

/** The path of a file, relative to the file that names it. */
export const filePath = () =>
  parsedText("the path of a file", (path) => (/^[^\0]+$/.test(path) ? path : undefined));
