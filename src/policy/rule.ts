import { z } from "zod";
import {
  cel,
  entries,
  ID_FORM,
  integer,
  list,
  mapping,
  misplaced,
  name,
  notYet,
  oneOf,
  orBroken,
  refuse,
  template,
  text,
  word,
  type NameForm,
} from "./fields.ts";
import type { TextPart } from "./text.ts";

/** Whether a rule or a policy is carried out, or only evaluated and counted. */
export type Mode = "enforce" | "shadow";

/** Text with expressions in it. */
export type Template = readonly TextPart[];

/** The headers that an answer sets, by the name that the file gives them. */
export type HeaderTemplates = ReadonlyMap<string, Template>;

/** One rule of a policy file. Its parts stand at `["rules", index, …]`, its condition at `["rules", index, kind]`. */
export type Rule = RefusingRule | AllowRule;

interface AnyRule {
  /** Its position in the file's list. */
  readonly index: number;
  readonly id: string;
  /** The source of the condition. */
  readonly condition: string;
  readonly when: string | undefined;
  /** Undefined: as the policy says. */
  readonly mode: Mode | undefined;
  /** `response.set`: headers of the denial, or of the answer that the upstream gives. */
  readonly responseHeaders: HeaderTemplates;
}

export interface RefusingRule extends AnyRule {
  readonly kind: "deny" | "require";
  readonly status: number | undefined;
  readonly denial: DenialBody | undefined;
}

/** What the refused caller reads. It stands at `["rules", index, key]`. */
export interface DenialBody {
  readonly key: "message" | "body";
  readonly content: Template;
  /** The content type, of a `body` only. */
  readonly type: Template | undefined;
}

export interface AllowRule extends AnyRule {
  readonly kind: "allow";
  /** `request.set` */
  readonly requestHeaders: HeaderTemplates;
  /** `request.remove` */
  readonly removedHeaders: readonly string[];
}

const RULE_FORM: NameForm = {
  ...ID_FORM,
  reserved: (id) =>
    id === "default" ? "`default` is the name of what decides when no rule does" : undefined,
};

const WRITTEN = mapping({
  id: name(RULE_FORM),
  when: cel().optional(),
  deny: cel().optional(),
  require: cel().optional(),
  allow: cel().optional(),
  status: integer(400, 599).optional(),
  message: template().optional(),
  body: template().optional(),
  type: template().optional(),
  request: mapping({
    set: entries(template()).optional(),
    remove: list(text("the name of a header"), "names of headers").optional(),
    append: notYet("`append`"),
    query: notYet("changes to the query"),
  }).optional(),
  response: mapping({ set: entries(template()).optional(), append: notYet("`append`") }).optional(),
  mode: word(["enforce", "shadow"], { mapping: "enforcing a share of requests" }).optional(),
  ask: notYet("`ask`"),
  as: notYet("`ask`"),
  with: notYet("`ask`"),
  onError: notYet("`ask`"),
  answer: notYet("shared answers"),
  redirect: notYet("redirects"),
  metadata: notYet("metadata of rules"),
});

type Written = z.output<typeof WRITTEN>;

type Decided = Omit<RefusingRule, "index"> | Omit<AllowRule, "index">;

const RULE = WRITTEN.transform((written, context): Decided => {
  const kind = oneOf(context, written, ["deny", "require", "allow"]);
  if (kind === undefined) return z.NEVER;
  for (const key of MISPLACED[kind]) {
    if (written[key] !== undefined) refuse(context, misplaced("wrong-value", ...notOf(kind, key)), [key]);
  }
  const common = {
    id: written.id,
    condition: written[kind] ?? "",
    when: written.when,
    mode: written.mode,
    responseHeaders: written.response?.set ?? new Map(),
  };
  if (kind !== "allow")
    return { ...common, kind, status: written.status, denial: denialOf(written, context) };
  return {
    ...common,
    kind,
    requestHeaders: written.request?.set ?? new Map(),
    removedHeaders: written.request?.remove ?? [],
  };
});

const MISPLACED = {
  deny: ["request"],
  require: ["request"],
  allow: ["status", "message", "body", "type"],
} as const;

function notOf(kind: Rule["kind"], key: string): readonly [message: string, hint: string] {
  return kind === "allow"
    ? [
        `an allow rule has no ${key}: it answers nothing itself`,
        "an allow rule sets request and response headers only",
      ]
    : [
        `a ${kind} rule has no ${key}: what it refuses goes nowhere`,
        "a deny or require sets status, body and response headers only",
      ];
}

function denialOf(written: Written, context: z.RefinementCtx): DenialBody | undefined {
  const { message, body, type } = written;
  if (message !== undefined && body !== undefined) {
    refuse(
      context,
      misplaced("one-of", "message and body stand together", "keep one: a message is a body of plain text"),
      ["body"],
    );
  }
  if (type !== undefined && body === undefined) {
    refuse(
      context,
      misplaced("missing-key", "type stands without a body", "write a body, or remove the type"),
      ["type"],
    );
  }
  if (body !== undefined) return { key: "body", content: body, type };
  return message === undefined ? undefined : { key: "message", content: message, type: undefined };
}

/** The rules of a policy, at most so many. Ids are unique. */
export const rules = (most: number) =>
  list(orBroken(RULE), "rules", most).transform((decided, context): readonly Rule[] => {
    const seen = new Set<string>();
    return decided.flatMap((one, index) => {
      if (one === undefined) return [];
      if (seen.has(one.id)) {
        const reason = { kind: "refused", code: "duplicate-name", at: "value" } as const;
        const message = `two rules have the id "${one.id}"`;
        refuse(context, { ...reason, message, hint: "rename one" }, [index, "id"]);
      }
      seen.add(one.id);
      return [{ ...one, index }];
    });
  });
