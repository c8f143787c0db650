import { z } from "zod";
import { parseMomentMs } from "../std/moment.ts";
import { cel, delegate, either, misplaced, parsedText, refuse, word } from "./fields.ts";
import { mapping } from "./fields-of-collections.ts";
import { told } from "./forms.ts";
import { isMapping } from "./tree.ts";

/** Whether a rule or a policy is carried out, for all requests or a share of them, or only evaluated and counted. */
export type WrittenMode =
  | { readonly kind: "enforce" }
  /** `untilMs`: when somebody meant to enforce it, in milliseconds since 1970. `validate` reminds of it. */
  | { readonly kind: "shadow"; readonly untilMs: number | undefined }
  /** Of `percent` of the values of `by`, an expression at `[…, "mode", "by"]`. */
  | {
      readonly kind: "share";
      readonly percent: number;
      readonly by: string;
      readonly untilMs: number | undefined;
    };

const PERCENT_PATTERN = /^(\d{1,3})%$/;

/** A whole percentage. */
export const PERCENT = told(
  { pattern: PERCENT_PATTERN.source },
  parsedText("a whole percentage, such as 10%", (text) => {
    const digits = PERCENT_PATTERN.exec(text)?.[1];
    return digits !== undefined && Number(digits) <= 100 ? Number(digits) : undefined;
  }),
);

const DAY = parsedText("a day, such as 2027-01-15, or a moment with its zone", (text) =>
  parseMomentMs(/^[\d-]{10}$/.test(text) ? `${text}T00:00:00Z` : text),
);

const SHARE = mapping({
  enforce: PERCENT,
  by: cel().optional(),
  until: DAY.optional(),
}).transform(({ enforce: percent, by, until: untilMs }, context): WrittenMode => {
  if (percent === 100) return { kind: "enforce" };
  if (percent === 0) return { kind: "shadow", untilMs };
  if (by !== undefined) return { kind: "share", percent, by, untilMs };
  const hint = "write CEL whose value stays on its side, such as by: auth.user.sub";
  refuse(context, misplaced("missing-key", "by is missing: what is a share counted by?", hint));
  return z.NEVER;
});

const WORD = word(["enforce", "shadow"], "enforce, shadow, or { enforce: 10%, by: … }");

/** The schema of `mode`. */
export const MODE = either([WORD, SHARE], (value, context): WrittenMode =>
  isMapping(value) ? delegate(context, SHARE, value) : modeOf(delegate(context, WORD, value)),
);

const modeOf = (kind: "enforce" | "shadow"): WrittenMode =>
  kind === "enforce" ? { kind } : { kind, untilMs: undefined };
