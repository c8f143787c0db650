import { z } from "zod";
import type { SecretSource } from "../adapter/host.ts";
import { delegate, either, oneOf, parsedText, refuse, text, textOf } from "./fields.ts";
import { list, mapping } from "./fields-of-collections.ts";
import { exactlyOne, told } from "./forms.ts";
import type { Reason } from "./refusal.ts";

const ENVIRONMENT_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,254}$/;

const WRITTEN = mapping({
  file: text("the path of a file").optional(),
  env: parsedText("the name of an environment variable, such as WEIR_PEPPER", (name) =>
    ENVIRONMENT_NAME.test(name) ? name : undefined,
  ).optional(),
});

const SOURCE = told(exactlyOne(["file", "env"]), WRITTEN).transform((found, context): SecretSource => {
  oneOf(context, found, ["file", "env"]);
  if (found.file !== undefined) return { file: found.file };
  return found.env === undefined ? z.NEVER : { env: found.env };
});

/** Where a secret is to be had: `{file: …}` or `{env: …}`. The secret itself is an error, whose diagnostic does not show it. */
export const secret = () =>
  either([SOURCE], (value, context): SecretSource => {
    if (textOf(value) === undefined) return delegate(context, SOURCE, value);
    refuse(context, IN_PLAIN_TEXT);
    return z.NEVER;
  });

/** One secret or, while one replaces the other, two: the first is used, both are accepted. */
export function secretOrTwo() {
  const one = secret();
  const two = list(one, "one secret or two", 2);
  return either([one, two], (value, context): readonly SecretSource[] =>
    Array.isArray(value) ? delegate(context, two, value) : [delegate(context, one, value)],
  );
}

export const IN_PLAIN_TEXT: Reason = {
  kind: "refused",
  code: "secret-in-plain-text",
  message: "a secret stands here in plain text, for everyone who can read this file",
  hint: "keep it in a file or an environment variable, and write `{ file: … }` or `{ env: … }` here; change it if others saw it",
  at: "key",
};
