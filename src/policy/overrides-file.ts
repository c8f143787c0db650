import { misplaced, momentMs, orBroken, parsedText, refuse, text, version, word } from "./fields.ts";
import { list, mapping } from "./fields-of-collections.ts";

import { told } from "./forms.ts";

/** What operators change for a time, whatever the policies say. */
export interface OverridesFile {
  readonly overrides: readonly Override[];
}

/** One change of a rule's mode. It stands at `["overrides", index]`. */
export interface Override {
  readonly index: number;
  /** The policy and the rule in it: `orders/mfa`. */
  readonly policy: string;
  readonly rule: string;
  readonly mode: "shadow" | "enforce";
  /** From this moment on it does nothing; in milliseconds since 1970. */
  readonly untilMs: number;
  readonly reason: string;
}

const RULE_PATTERN = /^([a-z][a-z0-9_-]{0,62})\/([a-z][a-z0-9_-]{0,62})$/;

const RULE_NAME = told(
  { pattern: RULE_PATTERN.source },
  parsedText("a policy and its rule, such as orders/mfa", (found) => {
    const [, policy, rule] = RULE_PATTERN.exec(found) ?? [];
    return policy === undefined || rule === undefined ? undefined : { policy, rule };
  }),
);

const OVERRIDE = mapping({
  rule: RULE_NAME,
  mode: word(["shadow", "enforce"]),
  until: momentMs(),
  reason: text("why, such as the number of the incident"),
}).transform(({ rule, mode, until, reason }): Omit<Override, "index"> => ({
  ...rule,
  mode,
  untilMs: until,
  reason,
}));

/** The schema of a file of overrides. A rule is overridden once. */
export const OVERRIDES_FILE = mapping({
  weir: version(),
  overrides: list(orBroken(OVERRIDE), "overrides"),
}).transform((file, context): OverridesFile => {
  const seen = new Set<string>();
  const overrides = file.overrides.flatMap((one, index) => (one === undefined ? [] : [{ ...one, index }]));
  for (const { policy, rule, index } of overrides) {
    const name = `${policy}/${rule}`;
    const reason = misplaced("duplicate-name", `${name} is overridden twice`, "keep one of the two");
    if (seen.has(name)) refuse(context, reason, ["overrides", index, "rule"]);
    seen.add(name);
  }
  return { overrides };
});
