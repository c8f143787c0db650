import type { Diagnostic } from "./diagnostic.ts";
import { anyText, misplaced, oneOf, refuse, text } from "./fields.ts";
import { list, mapping } from "./fields-of-collections.ts";
import { readDescribed } from "./schema.ts";

/** Which counter is to be forgotten: one that a list has named, or the one of these values of a quota's key, or of these entries. */
export type AskedReset =
  | { readonly kind: "id"; readonly id: string }
  | {
      readonly kind: "key";
      readonly policy: string;
      readonly quota: string;
      readonly key: readonly string[];
    }
  | {
      readonly kind: "entries";
      readonly domain: string;
      readonly entries: readonly { readonly key: string; readonly value: string }[];
    };

/** The most values that a quota's key has. */
const MAX_VALUES = 16;
/** The most entries that a descriptor has. */
const MAX_ENTRIES = 64;

const ENTRY = mapping({
  key: text("the key of an entry"),
  value: anyText().optional(),
}).transform(({ key, value = "" }) => ({ key, value }));

const WHAT = ["id", "policy", "domain"] as const;

/** What stands beside each of them. */
const BESIDE: Readonly<Record<(typeof WHAT)[number], readonly string[]>> = {
  id: [],
  policy: ["quota", "key"],
  domain: ["entries"],
};

/** What must stand beside each of them. */
const NEEDED: Readonly<Partial<Record<(typeof WHAT)[number], string>>> = {
  policy: "quota",
  domain: "entries",
};

const RESET = mapping({
  id: text("the id of a counter, c_…").optional(),
  policy: text("the name of a policy").optional(),
  quota: text("the id of a quota").optional(),
  key: list(anyText(), "the values of the quota's key", MAX_VALUES).optional(),
  domain: text("the name of a domain").optional(),
  entries: list(ENTRY, "the entries of the descriptor", MAX_ENTRIES).optional(),
}).transform((asked, context): AskedReset => {
  const { id, policy, quota, key, domain, entries } = asked;
  oneOf(context, { id, policy, domain }, WHAT);
  const what = WHAT.find((name) => asked[name] !== undefined) ?? "id";
  for (const [name, value] of Object.entries({ quota, key, entries })) {
    const isMissing = value === undefined && name === NEEDED[what];
    if (isMissing) {
      const message = `${name} is missing: which one of the ${what}?`;
      refuse(context, misplaced("missing-key", message, `write ${name} beside it`));
    }
    if (value === undefined || BESIDE[what].includes(name)) continue;
    const why = what === "id" ? "id says it all" : `with ${what} go ${BESIDE[what].join(" and ")}`;
    refuse(context, misplaced("one-of", `${what} and ${name} stand together`, why), [name]);
  }
  if (policy !== undefined) return { kind: "key", policy, quota: quota ?? "", key: key ?? [] };
  return domain === undefined
    ? { kind: "id", id: id ?? "" }
    : { kind: "entries", domain, entries: entries ?? [] };
});

/** Reads which counter is to be forgotten, in YAML or JSON, or says what is wrong with it. Never throws. */
export function readReset(path: string, content: Uint8Array): AskedReset | readonly Diagnostic[] {
  const example = '{"policy": "search", "quota": "per-client", "key": ["192.0.2.1"]}';
  return readDescribed({ path, content }, RESET, example);
}
