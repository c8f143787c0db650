import { z } from "zod";
import {
  cel,
  delegate,
  entries,
  ID_FORM,
  list,
  mapping,
  misplaced,
  name,
  notYet,
  refuse,
  text,
  TRUST_DOMAIN_FORM,
  VARIABLE_FORM,
  version,
  word,
  type NameForm,
} from "./fields.ts";
import { rules, type Mode, type Rule } from "./rule.ts";
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
  /** Undefined where the file has none: a policy without allow rules is then a guard that refuses nothing more. */
  readonly default: "allow" | "deny" | undefined;
  readonly mode: Mode;
}

/** What a policy matches: everything, or what all of the keys that are there say. */
export type WrittenMatch = "everything" | z.output<typeof MATCH_KEYS>;

/** How callers prove who they are. */
export type WrittenIdentity = Readonly<{ mtls: Readonly<{ trustDomains: readonly string[] }> }>;

const POLICY_FORM: NameForm = {
  ...ID_FORM,
  reserved: (id) => (id.startsWith("weir") ? "names that begin with weir are weir's own" : undefined),
};

const MATCH_KEYS = mapping({
  hosts: list(text("a host"), "hosts").optional(),
  paths: list(text("a path"), "paths").optional(),
  methods: list(text("a method"), "methods").optional(),
  grpc: list(text("package.Service/Method"), "gRPC methods").optional(),
  destinations: list(text("namespace/service-account"), "destinations").optional(),
  routes: list(text("the name of a route"), "names of routes").optional(),
  protocol: word(["http", "tcp"]).optional(),
  when: cel().optional(),
}).transform((keys, context) => {
  const isEmpty = Object.values(keys).every((value) => value === undefined);
  if (isEmpty)
    refuse(
      context,
      misplaced("missing-key", "match has no keys", "name hosts, paths, …, or write `match: everything`"),
    );
  return keys;
});

const EVERYTHING = word(["everything"], {}, "`everything`, or a mapping of hosts, paths, methods, …");

const IDENTITY = mapping({
  mtls: mapping({ trustDomains: list(name(TRUST_DOMAIN_FORM), "trust domains") }).optional(),
  jwt: notYet("JWT identities"),
  metadata: notYet("identities from Envoy's metadata"),
  apiKey: notYet("API keys"),
  verify: notYet("identities that a handler verifies"),
  invalid: notYet("`invalid`"),
}).transform(({ mtls }, context): WrittenIdentity => {
  if (mtls !== undefined) return { mtls };
  refuse(
    context,
    misplaced(
      "missing-key",
      "the identity does not say what proves it",
      "write `mtls: { trustDomains: [cluster.local] }`",
    ),
  );
  return z.NEVER;
});

/** The schema of a policy file. */
export const POLICY_FILE = mapping({
  weir: version(),
  policy: name(POLICY_FORM),
  match: z
    .unknown()
    .transform((value, context): WrittenMatch =>
      isMapping(value) ? delegate(context, MATCH_KEYS, value) : delegate(context, EVERYTHING, value),
    ),
  except: cel().optional(),
  let: entries(cel(), name(VARIABLE_FORM, "key")).optional(),
  identities: entries(IDENTITY, name(VARIABLE_FORM, "key")).optional(),
  rules: rules(MAX_RULES).optional(),
  default: word(["allow", "deny"], { mapping: "shared answers" }).optional(),
  mode: word(["enforce", "shadow"], { mapping: "enforcing a share of requests" }).optional(),
  use: notYet("shared files"),
  quotas: notYet("quotas"),
  telemetry: notYet("telemetry"),
  audit: notYet("`audit`"),
}).transform((file): PolicyFile => ({
  policy: file.policy,
  match: file.match,
  except: file.except,
  let: file.let ?? new Map(),
  identities: file.identities ?? new Map(),
  rules: file.rules ?? [],
  default: file.default,
  mode: file.mode ?? "enforce",
}));
