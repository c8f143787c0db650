import type { z } from "zod";
import {
  cel,
  delegate,
  either,
  ID_FORM,
  misplaced,
  name,
  refuse,
  text,
  VARIABLE_FORM,
  version,
  word,
  type NameForm,
} from "./fields.ts";
import { entries, list, mapping } from "./fields-of-collections.ts";
import { told } from "./forms.ts";
import { IDENTITIES, type WrittenIdentity } from "./identity-file.ts";
import { MODE, type WrittenMode } from "./mode.ts";
import { QUOTAS, type WrittenQuota } from "./quota-file.ts";
import { rules, type Rule } from "./rule.ts";
import { TELEMETRY, type WrittenTelemetry } from "./telemetry-file.ts";
import { isMapping } from "./tree.ts";

/** The most rules that one policy has. */
export const MAX_RULES = 1000;

/** One policy file, its expressions still as text: each stands at the path of its key. */
export interface PolicyFile {
  readonly policy: string;
  readonly match: WrittenMatch;
  readonly except: string | undefined;
  /** Expressions by name, in the order of the file: each may use the earlier ones. */
  readonly let: ReadonlyMap<string, string>;
  readonly identities: ReadonlyMap<string, WrittenIdentity>;
  readonly rules: readonly Rule[];
  readonly quotas: readonly WrittenQuota[];
  readonly telemetry: readonly WrittenTelemetry[];
  /** Undefined where the file has none: a policy without allow rules is then a guard that refuses nothing more. */
  readonly default: WrittenDefault | undefined;
  readonly mode: WrittenMode;
  /** Names of shared files, at `["use", index]`. */
  readonly use: readonly string[];
  /** `required`: every decision that the policy has a part in is written, before an allow leaves. */
  readonly audit: "required" | "as-sampled";
}

/** What a policy matches: everything, or what all of the keys that are there say. */
export type WrittenMatch = "everything" | z.output<typeof MATCH_KEYS>;

const POLICY_FORM: NameForm = {
  ...ID_FORM,
  reserved: (id) => (id.startsWith("weir") ? "names that begin with weir are weir's own" : undefined),
};

const MATCH_MAPPING = mapping({
  hosts: list(text("a host"), "hosts").optional(),
  paths: list(text("a path"), "paths").optional(),
  methods: list(text("a method"), "methods").optional(),
  grpc: list(text("package.Service/Method"), "gRPC methods").optional(),
  destinations: list(text("namespace/service-account"), "destinations").optional(),
  routes: list(text("the name of a route"), "names of routes").optional(),
  protocol: word(["http", "tcp"]).optional(),
  when: cel().optional(),
});

const MATCH_KEYS = told({ minProperties: 1 }, MATCH_MAPPING).transform((keys, context) => {
  const isEmpty = Object.values(keys).every((value) => value === undefined);
  if (isEmpty)
    refuse(
      context,
      misplaced("missing-key", "match has no keys", "name hosts, paths, …, or write `match: everything`"),
    );
  return keys;
});

const EVERYTHING = word(["everything"], "`everything`, or a mapping of hosts, paths, methods, …");

/** `deny`, `allow`, or `deny` with a shared answer: `{ deny: problem }`. */
export type WrittenDefault =
  { readonly kind: "allow" } | { readonly kind: "deny"; readonly answerName: string | undefined };

const DEFAULT_WORD = word(["allow", "deny"], "deny, allow, or { deny: … } with the name of a shared answer");
const DEFAULT_ANSWER = mapping({ deny: name(ID_FORM) });

const DEFAULT = either([DEFAULT_WORD, DEFAULT_ANSWER], (value, context): WrittenDefault => {
  if (isMapping(value)) return { kind: "deny", answerName: delegate(context, DEFAULT_ANSWER, value).deny };
  const kind = delegate(context, DEFAULT_WORD, value);
  return kind === "deny" ? { kind, answerName: undefined } : { kind };
});

/** The schema of a policy file. */
export const POLICY_FILE = mapping({
  weir: version(),
  policy: name(POLICY_FORM),
  match: either([EVERYTHING, MATCH_KEYS], (value, context): WrittenMatch =>
    isMapping(value) ? delegate(context, MATCH_KEYS, value) : delegate(context, EVERYTHING, value),
  ),
  except: cel().optional(),
  let: entries(cel(), name(VARIABLE_FORM, "key")).optional(),
  identities: IDENTITIES.optional(),
  rules: rules(MAX_RULES).optional(),
  default: DEFAULT.optional(),
  mode: MODE.optional(),
  use: list(name(VARIABLE_FORM), "names of shared files", 100).optional(),
  quotas: QUOTAS.optional(),
  telemetry: TELEMETRY.optional(),
  audit: word(["required"]).optional(),
}).transform((file, context): PolicyFile => {
  const { rules: ofRules = [], quotas = [], telemetry = [] } = file;
  const ids = new Set(ofRules.map(({ id }) => id));
  const named = [
    ...quotas.map(({ id, index }) => ({ id, path: ["quotas", index, "id"] })),
    ...telemetry.map(({ id, index }) => ({ id, path: ["telemetry", index, "id"] })),
  ];
  for (const { id, path } of named) {
    if (ids.has(id)) refuse(context, twice(id), path);
    ids.add(id);
  }
  return {
    policy: file.policy,
    match: file.match,
    except: file.except,
    let: file.let ?? new Map(),
    identities: file.identities ?? new Map(),
    rules: ofRules,
    quotas,
    telemetry,
    default: file.default,
    mode: file.mode ?? { kind: "enforce" },
    use: file.use ?? [],
    audit: file.audit === undefined ? "as-sampled" : "required",
  };
});

const twice = (id: string) =>
  ({
    kind: "refused",
    code: "duplicate-name",
    message: `another rule, quota or telemetry rule has the id "${id}"`,
    hint: "rename one",
    at: "value",
  }) as const;
