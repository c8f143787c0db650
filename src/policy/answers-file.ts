import type { z } from "zod";
import { field, integer, misplaced, refuse, template } from "./fields.ts";
import { entries, mapping } from "./fields-of-collections.ts";
import { told, type JsonSchema } from "./forms.ts";
import type { TextPart } from "./text.ts";

/** Text with expressions in it. */
export type Template = readonly TextPart[];

/** The headers that an answer sets, by the name that the file gives them. */
export type HeaderTemplates = ReadonlyMap<string, Template>;

/** What the refused caller reads. It stands at `[…, key]`, its content type at `[…, "type"]`. */
export interface DenialBody {
  readonly key: "message" | "body";
  readonly content: Template;
  /** The content type, of a `body` only. */
  readonly type: Template | undefined;
}

/**
 * What a refused caller is told: of a deny or require, at `["rules", index]`, or by its name in a shared file, at
 * `["answers", name]`. Its parts stand below that under the keys of the file.
 */
export interface WrittenAnswer {
  /** 400 to 599; with a redirect 301, 302, 303, 307 or 308. Undefined: as the rule says, else 403, or 302. */
  readonly status: number | undefined;
  readonly denial: DenialBody | undefined;
  /** `response.set` */
  readonly responseSet: HeaderTemplates;
  /** `response.append` */
  readonly responseAppend: HeaderTemplates;
  /** Where the caller is sent: the value of Location. */
  readonly redirect: Template | undefined;
  /** Fields of the dynamic metadata, `weir` never among them. */
  readonly metadata: ReadonlyMap<string, Template>;
}

const LOCATION = template().transform((parts, context) => {
  const hint = "write the address, such as https://example.com/login";
  if (parts.length === 0)
    refuse(context, { kind: "refused", code: "wrong-value", message: "no address", hint, at: "value" });
  return parts;
});

const METADATA = told({ propertyNames: { not: { const: "weir" } } }, entries(template())).transform(
  (fields, context) => {
    const message = "the field weir of the metadata is weir's own";
    if (fields.has("weir")) {
      refuse(
        context,
        { kind: "refused", code: "reserved-name", message, hint: "choose another name", at: "key" },
        ["weir"],
      );
    }
    return fields;
  },
);

/** The statuses that send a caller elsewhere (RFC 9110, section 15.4). */
const REDIRECTS = [301, 302, 303, 307, 308];

const STATUS: JsonSchema = {
  anyOf: [{ type: "integer", minimum: 400, maximum: 599 }, { enum: REDIRECTS }],
  description: `a whole number from 400 to 599, or one of ${REDIRECTS.join(", ")} beside a redirect`,
};

/** The keys that make an answer, beside others in a rule. */
export const ANSWER_KEYS = {
  /** Read when it is known whether the answer redirects. */
  status: field<unknown>(STATUS, (value) => ({ value })).optional(),
  message: template().optional(),
  body: template().optional(),
  type: template().optional(),
  response: mapping({
    set: entries(template()).optional(),
    append: entries(template()).optional(),
  }).optional(),
  redirect: LOCATION.optional(),
  metadata: METADATA.optional(),
};

const WRITTEN = mapping(ANSWER_KEYS);

/** The keys of an answer as they were read. */
export type AnswerKeys = z.output<typeof WRITTEN>;

/** The answer that the keys make; what does not fit together is complained of. */
export const answerOf = (written: AnswerKeys, context: z.RefinementCtx): WrittenAnswer => ({
  status: statusOf(written, context),
  denial: denialOf(written, context),
  responseSet: written.response?.set ?? new Map(),
  responseAppend: written.response?.append ?? new Map(),
  redirect: written.redirect,
  metadata: written.metadata ?? new Map(),
});

const REFUSAL_STATUS = integer(400, 599);
const ANY_STATUS = integer(100, 599);

function statusOf({ status, redirect }: AnswerKeys, context: z.RefinementCtx): number | undefined {
  if (status === undefined) return undefined;
  const read = (redirect === undefined ? REFUSAL_STATUS : ANY_STATUS).safeParse(status);
  if (read.success && (redirect === undefined || REDIRECTS.includes(read.data))) return read.data;
  const what =
    redirect === undefined
      ? "a whole number from 400 to 599"
      : `one of ${REDIRECTS.join(", ")} beside a redirect`;
  refuse(context, { kind: "expected", what, sort: "number" }, ["status"]);
  return undefined;
}

function denialOf({ message, body, type }: AnswerKeys, context: z.RefinementCtx): DenialBody | undefined {
  if (message !== undefined && body !== undefined) {
    const hint = "keep one: a message is a body of plain text";
    refuse(context, misplaced("one-of", "message and body stand together", hint), ["body"]);
  }
  if (type !== undefined && body === undefined) {
    const hint = "write a body, or remove the type";
    refuse(context, misplaced("missing-key", "type stands without a body", hint), ["type"]);
  }
  if (body !== undefined) return { key: "body", content: body, type };
  return message === undefined ? undefined : { key: "message", content: message, type: undefined };
}

/** The schema of one shared answer. */
export const ANSWER = WRITTEN.transform(answerOf);
