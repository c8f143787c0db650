import { z } from "zod";
import {
  ANSWER_KEYS,
  answerOf,
  type HeaderTemplates,
  type Template,
  type WrittenAnswer,
} from "./answers-file.ts";
import {
  anyText,
  cel,
  ID_FORM,
  misplaced,
  name,
  oneOf,
  orBroken,
  refuse,
  template,
  text,
  VARIABLE_FORM,
  word,
  type NameForm,
} from "./fields.ts";
import { entries, list, mapping } from "./fields-of-collections.ts";
import { exactlyOne, told, type JsonSchema } from "./forms.ts";
import { MODE, type WrittenMode } from "./mode.ts";

/** One rule of a policy file. Its parts stand at `["rules", index, …]`, its condition at `["rules", index, kind]`. */
export type Rule = RefusingRule | AllowRule | AskRule;

interface AnyRule {
  /** Its position in the file's list. */
  readonly index: number;
  readonly id: string;
  readonly when: string | undefined;
  /** Undefined: as the policy says. */
  readonly mode: WrittenMode | undefined;
}

/** What a rule answers that refuses: its own words, or those of a shared file. */
interface Refusing {
  readonly answer: WrittenAnswer;
  /** The name of a shared answer, at `["rules", index, "answer"]`; then `answer` says nothing. */
  readonly answerName: string | undefined;
}

export interface RefusingRule extends AnyRule, Refusing {
  readonly kind: "deny" | "require";
  /** The source of the condition. */
  readonly condition: string;
}

/** A require that a handler answers. */
export interface AskRule extends AnyRule, Refusing {
  readonly kind: "ask";
  readonly handler: string;
  /** The name under which the policy's expressions find the answer. */
  readonly as: string | undefined;
  /** By input of the handler's adapter: CEL or text, as the adapter declares it. */
  readonly with: ReadonlyMap<string, string>;
  readonly once: "request" | undefined;
  readonly onError: "error" | "deny" | "allow";
  readonly request: RequestChanges;
}

export interface AllowRule extends AnyRule {
  readonly kind: "allow";
  readonly condition: string;
  readonly request: RequestChanges;
  readonly responseSet: HeaderTemplates;
  readonly responseAppend: HeaderTemplates;
  readonly metadata: ReadonlyMap<string, Template>;
}

/** `request:` what a grant does to the request on its way up. */
export interface RequestChanges {
  readonly set: HeaderTemplates;
  readonly append: HeaderTemplates;
  readonly remove: readonly string[];
  readonly querySet: HeaderTemplates;
  readonly queryRemove: readonly string[];
}

/** The name of what decides: a rule, or a quota. */
export const RULE_FORM: NameForm = {
  ...ID_FORM,
  reserved: (id) =>
    id === "default" ? "`default` is the name of what decides when no rule does" : undefined,
};

const QUERY = mapping({
  set: entries(template()).optional(),
  remove: list(text("the name of a parameter"), "names of parameters").optional(),
});

const WRITTEN = mapping({
  id: name(RULE_FORM),
  when: cel().optional(),
  deny: cel().optional(),
  require: cel().optional(),
  allow: cel().optional(),
  ask: name(ID_FORM).optional(),
  as: name(VARIABLE_FORM).optional(),
  with: entries(anyText()).optional(),
  onError: word(["error", "deny", "allow"]).optional(),
  once: word(["request"]).optional(),
  answer: name(ID_FORM).optional(),
  ...ANSWER_KEYS,
  request: mapping({
    set: entries(template()).optional(),
    append: entries(template()).optional(),
    remove: list(text("the name of a header"), "names of headers").optional(),
    query: QUERY.optional(),
  }).optional(),
  mode: MODE.optional(),
});

type Written = z.output<typeof WRITTEN>;

type Unplaced = Omit<RefusingRule, "index"> | Omit<AllowRule, "index"> | Omit<AskRule, "index">;

const KINDS = ["deny", "require", "allow", "ask"] as const;

const ANSWERING = ["status", "message", "body", "type", "redirect", "answer"] as const;
const ASKING = ["as", "with", "onError", "once"] as const;

const MISPLACED = {
  deny: ["request", ...ASKING],
  require: ["request", ...ASKING],
  allow: [...ANSWERING, ...ASKING],
  ask: [],
} as const satisfies Record<Rule["kind"], readonly (keyof Written)[]>;

/** What a rule looks like: one of the kinds, without the keys that this has not. */
const RULE_JSON: JsonSchema = {
  ...exactlyOne(KINDS),
  allOf: KINDS.map((kind) => ({
    if: { required: [kind] },
    then: { properties: Object.fromEntries(MISPLACED[kind].map((key) => [key, false])) },
  })),
};

const RULE = told(RULE_JSON, WRITTEN).transform((written, context): Unplaced => {
  const kind = oneOf(context, written, KINDS);
  if (kind === undefined) return z.NEVER;
  for (const key of MISPLACED[kind]) {
    if (written[key] !== undefined) refuse(context, misplaced("wrong-value", ...notOf(kind, key)), [key]);
  }
  const common = { id: written.id, when: written.when, mode: written.mode };
  switch (kind) {
    case "allow":
      return { ...common, kind, condition: written.allow ?? "", ...allowing(written) };
    case "ask":
      refuseShadowAsk(written, context);
      return { ...common, kind, ...asking(written), ...refusing(written, context) };
    case "deny":
    case "require":
      return { ...common, kind, condition: written[kind] ?? "", ...refusing(written, context) };
  }
});

function notOf(kind: Rule["kind"], key: string): readonly [message: string, hint: string] {
  if ((ASKING as readonly string[]).includes(key))
    return [`${key} belongs to a rule that asks a handler`, "write `ask:` with the name of a handler"];
  return kind === "allow"
    ? [
        `an allow rule has no ${key}: it answers nothing itself`,
        "an allow rule sets request and response headers, query parameters and metadata only",
      ]
    : [
        `a ${kind} rule has no ${key}: what it refuses goes nowhere`,
        "a deny or require sets status, body, response headers, redirect and metadata only",
      ];
}

function refuseShadowAsk({ mode }: Written, context: z.RefinementCtx): void {
  if (mode === undefined || mode.kind === "enforce") return;
  const message = "an ask cannot be in shadow: it would call a back-end for nothing";
  refuse(context, misplaced("wrong-value", message, "remove the mode, or remove the rule"), ["mode"]);
}

function refusing(written: Written, context: z.RefinementCtx): Refusing {
  if (written.answer !== undefined) {
    const own = ANSWERING.find((key) => key !== "answer" && written[key] !== undefined);
    const message = `${own ?? ""} and answer stand together`;
    const hint = "a shared answer says all of it: keep one of the two";
    if (own !== undefined) refuse(context, misplaced("one-of", message, hint), [own]);
  }
  return { answer: answerOf(written, context), answerName: written.answer };
}

const allowing = ({ request, response, metadata }: Written) => ({
  request: changesOf(request),
  responseSet: response?.set ?? new Map<string, Template>(),
  responseAppend: response?.append ?? new Map<string, Template>(),
  metadata: metadata ?? new Map<string, Template>(),
});

const asking = ({ ask, as, with: inputs, onError, once, request }: Written) => ({
  handler: ask ?? "",
  as,
  with: inputs ?? new Map<string, string>(),
  onError: onError ?? ("error" as const),
  once,
  request: changesOf(request),
});

const changesOf = (written: Written["request"]): RequestChanges => ({
  set: written?.set ?? new Map(),
  append: written?.append ?? new Map(),
  remove: written?.remove ?? [],
  querySet: written?.query?.set ?? new Map(),
  queryRemove: written?.query?.remove ?? [],
});

/** The rules of a policy, at most so many. Ids are unique, and so are the names of answers. */
export const rules = (most: number) =>
  list(orBroken(RULE), "rules", most).transform((unplaced, context): readonly Rule[] => {
    const ids = new Set<string>();
    const answers = new Set<string>();
    return unplaced.flatMap((one, index) => {
      if (one === undefined) return [];
      if (ids.has(one.id)) refuse(context, twice(`two rules have the id "${one.id}"`), [index, "id"]);
      ids.add(one.id);
      if (one.kind === "ask" && one.as !== undefined) {
        if (answers.has(one.as)) refuse(context, twice(`two answers are called ${one.as}`), [index, "as"]);
        answers.add(one.as);
      }
      return [{ ...one, index }];
    });
  });

const twice = (message: string) =>
  ({ kind: "refused", code: "duplicate-name", message, hint: "rename one", at: "value" }) as const;
