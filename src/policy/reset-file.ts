import type { Diagnostic } from "./diagnostic.ts";
import { anyText, misplaced, oneOf, refuse, text } from "./fields.ts";
import { list, mapping } from "./fields-of-collections.ts";
import { readDescribed } from "./schema.ts";

/** Which counter of a quota is to be forgotten: one that a list of quotas has named, or the one of these values of the key. */
export type AskedReset =
  | { readonly kind: "id"; readonly id: string }
  | {
      readonly kind: "key";
      readonly policy: string;
      readonly quota: string;
      readonly key: readonly string[];
    };

/** The most values that a quota's key has. */
const MAX_VALUES = 16;

const RESET = mapping({
  id: text("the id of a counter, c_…").optional(),
  policy: text("the name of a policy").optional(),
  quota: text("the id of a quota").optional(),
  key: list(anyText(), "the values of the quota's key", MAX_VALUES).optional(),
}).transform(({ id, policy, quota, key }, context): AskedReset => {
  oneOf(context, { id, policy }, ["id", "policy"]);
  if (id !== undefined) {
    for (const [name, value] of [
      ["quota", quota],
      ["key", key],
    ] as const)
      if (value !== undefined)
        refuse(context, misplaced("one-of", `id and ${name} stand together`, "id says it all"), [name]);
    return { kind: "id", id };
  }
  if (policy !== undefined && quota === undefined)
    refuse(context, misplaced("missing-key", "quota is missing: which one of the policy?", "write its id"));
  return { kind: "key", policy: policy ?? "", quota: quota ?? "", key: key ?? [] };
});

/** Reads which counter is to be forgotten, in YAML or JSON, or says what is wrong with it. Never throws. */
export function readReset(path: string, content: Uint8Array): AskedReset | readonly Diagnostic[] {
  const example = '{"policy": "search", "quota": "per-client", "key": ["192.0.2.1"]}';
  return readDescribed({ path, content }, RESET, example);
}
