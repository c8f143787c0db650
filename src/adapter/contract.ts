import { z } from "zod";
import { defineAdapter, type Adapter, type Handler } from "./adapter.ts";
import type { Declared } from "./expressions.ts";

/** What a value comes to that somebody calls an adapter: one, or every reason why it is none. */
export type Examined =
  | { readonly kind: "adapter"; readonly adapter: Adapter }
  | { readonly kind: "refused"; readonly reasons: readonly string[] };

const SCALARS = ["bool", "bytes", "double", "dyn", "duration", "int", "ip", "string", "timestamp", "uint"];

/** A scalar, a list of one, or a map of texts to one. */
function isTypeName(text: string): boolean {
  const [, element, value] = /^(?:list\((\w+)\)|map\(string, ?(\w+)\))$/.exec(text) ?? [];
  return SCALARS.includes(element ?? value ?? text);
}

const NAME = /^[a-z][A-Za-z0-9_]{0,62}$/;

const line = (what: string) =>
  z.string({ error: `write ${what}` }).regex(/^[^\r\n]+$/, { error: `write ${what}` });

const typeName = () => z.string({ error: TYPE_FORM }).refine(isTypeName, { error: TYPE_FORM });

const TYPE_FORM = "write a CEL type: bool, string, int, list(string), map(string, string), …";

const oneOf = <const Word extends string>(...words: readonly Word[]) =>
  z.enum(words, { error: `write one of ${words.join(", ")}` });

const method = (what: string) =>
  z.custom<(...values: never[]) => unknown>((value) => typeof value === "function", {
    error: `write a function: ${what}`,
  });

const fields = <Schema extends z.ZodType>(of: Schema) =>
  z.record(z.string().regex(NAME), of, {
    error: ({ code }) =>
      code === "invalid_key"
        ? "a name has letters, digits and _, and begins with a small letter"
        : "write an object of what it has, by name",
  });

const exactly = <Shape extends z.ZodRawShape>(shape: Shape, what: string) =>
  z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? `there is no ${issue.keys.join(", ")}; there are ${Object.keys(shape).join(", ")}`
        : `write ${what}`,
  });

const INPUT = exactly(
  {
    type: typeName().or(z.literal("json")),
    presence: oneOf("required", "optional"),
    class: oneOf("open", "secret"),
    meaning: line("what it means, in one line"),
  },
  "an input: type, presence, class and meaning",
);

const OUTPUT = exactly(
  { type: typeName(), meaning: line("what it means, in one line") },
  "an output: type and meaning",
);

const REPORT = exactly(
  {
    presets: z.array(oneOf("istio", "access-log", "trace"), { error: "write a list of presets" }),
    plain: oneOf("taken", "refused"),
    complaint: method("why a handler cannot take what a rule sends it").optional(),
  },
  "what records it takes: presets and plain",
);

/** A schema of zod, whichever copy of it. */
const SCHEMA = z.custom<z.ZodType>(
  (value) =>
    typeof value === "object" &&
    value !== null &&
    ["parse", "safeParse"].every((name) => typeof Reflect.get(value, name) === "function"),
  { error: "write a schema of zod: mapping({ … }) of what weir lends, or z.strictObject({ … })" },
);

const ADAPTER = exactly(
  {
    id: z.string({ error: "write the name of the adapter" }).regex(/^[a-z][a-z0-9]{0,30}$/, {
      error: "write a name of small letters and digits, which begins with a letter",
    }),
    summary: line("what it does, in one line"),
    config: SCHEMA,
    inputs: exactly(
      { check: fields(INPUT).optional(), report: REPORT.optional() },
      "what it can be asked: check, report or both",
    ).refine(({ check, report }) => (check ?? report) !== undefined, {
      error: "write what it can be asked: check, report or both",
    }),
    outputs: fields(OUTPUT),
    credentialInput: z.string({ error: "write the name of an input of check" }).optional(),
    breaker: z.literal("own", { error: 'write "own", or leave it out' }).optional(),
    declare: method("declare(config, compiler)").optional(),
    create: method("create(config, host, previous)"),
  },
  "an adapter: an object with id, summary, config, inputs, outputs and create",
).superRefine(({ inputs, credentialInput }, context) => {
  if (credentialInput === undefined || Object.hasOwn(inputs.check ?? {}, credentialInput)) return;
  const message = `there is no input ${credentialInput}, so it takes no credential`;
  context.addIssue({ code: "custom", path: ["credentialInput"], message });
});

/**
 * Whether a value keeps the contract, as far as it can be told before it runs. Its configuration is parsed before `create`, whose
 * handler is looked at in the same way.
 */
export function examine(value: unknown): Examined {
  const found = ADAPTER.safeParse(value);
  if (!found.success) return { kind: "refused", reasons: reasonsOf(found.error) };
  // What the schema has looked at is what the adapter is; its methods stay with it.
  const own = value as Adapter;
  const adapter = defineAdapter({
    ...own,
    ...(own.declare === undefined
      ? {}
      : { declare: (config, compiler) => declaredBy(() => own.declare?.(config, compiler) ?? {}) }),
    create: (config, host, previous) => whole(own, own.create(config, host, previous)),
  });
  return { kind: "adapter", adapter };
}

const DECLARED = z.object({
  inputs: fields(INPUT).optional(),
  outputs: fields(OUTPUT).optional(),
  problems: z
    .array(
      z.object({
        path: z.array(z.union([z.string(), z.number()])),
        start: z.number(),
        end: z.number(),
        message: line("what is wrong, in one line"),
        hint: line("what to do, in one line").optional(),
      }),
    )
    .optional(),
});

/** What an adapter declares for a configuration; what it throws, and what is no declaration, is a problem of that. */
function declaredBy(declare: () => unknown): Declared {
  try {
    const found = DECLARED.safeParse(declare());
    if (found.success) return found.data as Declared;
    return refusedDeclaration(reasonsOf(found.error).join("; "));
  } catch (error) {
    return refusedDeclaration(error instanceof Error ? error.message : String(error));
  }
}

const refusedDeclaration = (reason: string): Declared => ({
  problems: [{ path: [], start: 0, end: 0, message: `the adapter fails with this configuration: ${reason}` }],
});

const reasonsOf = ({ issues }: z.ZodError): readonly string[] =>
  issues.map(({ path, message }) => (path.length === 0 ? message : `${path.join(".")}: ${message}`));

/** A handler with all that its adapter says it can do. Throws a sentence otherwise. */
function whole({ id, inputs }: Adapter, handler: unknown): Handler {
  const needed = [
    ...["start", "status", "close"],
    ...(inputs.check === undefined ? [] : ["check"]),
    ...(inputs.report === undefined ? [] : ["report"]),
  ];
  const isObject = typeof handler === "object" && handler !== null;
  const missing = needed.filter((name) => !isObject || typeof Reflect.get(handler, name) !== "function");
  if (missing.length > 0)
    throw new Error(`create of the adapter ${id} returns a handler without ${missing.join(", ")}`);
  return handler as Handler;
}
