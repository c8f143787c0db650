import { z } from "zod";
import { BYTES_FORM, parseBytes } from "../std/bytes.ts";
import { DURATION_FORM, parseDurationMs } from "../std/duration.ts";
import { parseShare, SHARE_FORM } from "../std/share.ts";
import type { SecretSource } from "./host.ts";

/** A duration with its unit, such as `150ms`, in milliseconds, within bounds. */
export const durationMs = (leastMs: number, mostMs: number) =>
  z.string({ error: `write ${DURATION_FORM}` }).transform((text, context): number => {
    const ms = parseDurationMs(text);
    if (ms === undefined) return complain(context, `write ${DURATION_FORM}`);
    if (ms >= leastMs && ms <= mostMs) return ms;
    return complain(context, `write a duration from ${leastMs} ms to ${mostMs} ms`);
  });

/** A number of bytes: digits, or with the unit KiB or MiB, such as `512KiB`. */
export const bytes = (least: number, most: number) =>
  z
    .union([z.string(), z.number()], { error: `write ${BYTES_FORM}` })
    .transform((written, context): number => {
      const count = parseBytes(String(written));
      if (count === undefined) return complain(context, `write ${BYTES_FORM}`);
      if (count >= least && count <= most) return count;
      return complain(context, `write a number of bytes from ${least} to ${most}`);
    });

/** A share of things that come in numbers, such as `10%`, as a number from 0 to 1. */
export const share = () =>
  z.string({ error: `write ${SHARE_FORM}` }).transform((text, context): number => {
    return parseShare(text) ?? complain(context, `write ${SHARE_FORM}`);
  });

/** CEL, as it is written; what it says is found out by `declare`. */
export const cel = () => z.union([z.string(CEL_FORM), z.boolean(CEL_FORM)], CEL_FORM).transform(String);

const CEL_FORM = { error: "write an expression of CEL" } as const;

/** Text in which `${CEL}` is replaced, as it is written. */
export const template = () =>
  z.string({ error: "write text, in quotes where YAML reads it as something else" });

/** Where a secret is to be had: exactly one of `{file}` and `{env}`. What is written in its place is never repeated. */
export const secret = () =>
  z
    .unknown()
    .meta(SECRET_JSON)
    .transform((value, context): SecretSource => {
      const found = SOURCE.safeParse(value);
      return found.success ? found.data : complain(context, SECRET_FORM);
    });

const SOURCE = z.union([
  z.strictObject({ file: z.string().min(1) }),
  z.strictObject({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,254}$/) }),
]);

/** For editors, who cannot be told what code checks. */
const SECRET_JSON = {
  type: "object",
  properties: { file: { type: "string" }, env: { type: "string" } },
  oneOf: [{ required: ["file"] }, { required: ["env"] }],
  additionalProperties: false,
} as const;

const SECRET_FORM = "write {file: …} or {env: …}: a secret never stands in weir.yaml";

/** An http or https URL without credentials and fragment. */
export const httpUrl = () =>
  z.string({ error: `write ${URL_FORM}` }).transform((text, context): string => {
    const url = URL.parse(text);
    if (url === null || !/^https?:$/.test(url.protocol) || url.hash !== "") {
      return complain(context, `write ${URL_FORM}`);
    }
    if (url.username === "" && url.password === "") return url.href;
    return complain(context, "a URL may not hold a user or a password: a secret never stands in weir.yaml");
  });

const URL_FORM = "a URL such as https://lists.example.com/blocked.txt";

/** A mapping of exactly these keys; the message names what else was found. */
export const mapping = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.strictObject(shape, {
    error: (issue) => {
      const known = Object.keys(shape).join(", ");
      if (issue.code !== "unrecognized_keys") return `write a mapping with the keys ${known}`;
      const found = issue.keys.join(", ");
      return `${found}: there is no such key; the keys are ${known}`;
    },
  });

/** One of several words. */
export const word = <const Word extends string>(words: readonly Word[]) =>
  z.enum(words, { error: `write one of ${words.join(", ")}` });

/** A whole number within bounds. */
export const integer = (least: number, most: number) =>
  z
    .number({ error: `write a whole number from ${least} to ${most}` })
    .int({ error: `write a whole number from ${least} to ${most}` })
    .min(least, { error: `write a whole number from ${least} to ${most}` })
    .max(most, { error: `write a whole number from ${least} to ${most}` });

/** Whether values of persons reach a handler as digests, which is the default, or as they are. Whoever makes records reads it. */
export const personal = () => word(["digest", "plain"]).default("digest");

/** The longest line that is written. */
export const maxLine = () => bytes(1_024, 131_072).default(16_384);

/** Ends a transform with a complaint. */
function complain(context: z.RefinementCtx, message: string): never {
  context.addIssue({ code: "custom", message });
  return z.NEVER;
}
