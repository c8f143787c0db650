/** What a file that this version reads is. */
export type Kind = "server" | "policy" | "tests" | "shared" | "keys" | "overrides" | "domain";

/** What a file says that it is, of everything the format has; `data` is what another file says of it. */
export type Claim = Kind | "data";

/** The keys one of which tells what a file is; a server file has none of them. */
export const KIND_KEYS = ["policy", "tests", "shared", "keys", "overrides"] as const;

/** The keys of weir.yaml, those that come later among them. */
export const SERVER_KEYS = [
  ...["listen", "mesh", "clientAddress", "checkTimeout", "maxInFlight", "ungoverned"],
  ...["proxy", "secrets", "outbound", "decisions", "store", "report", "handlers", "teams"],
] as const;

/** Everything that the top-level keys and the name of a file claim; one claim when all is well. */
export function claimsOf(file: string, keys: ReadonlySet<string>): readonly Claim[] {
  if (keys.has("domain") && !keys.has("weir")) return ["domain"];
  const claims: Claim[] = KIND_KEYS.filter((key) => keys.has(key));
  if (claims.length > 0) return claims;
  const isServer = /(^|[/\\])weir\.yaml$/.test(file) || SERVER_KEYS.some((key) => keys.has(key));
  return isServer ? ["server"] : [];
}

const POLICY_EXPRESSIONS = new Set([
  ...["let.*", "except", "match.when", "mode.by"],
  ...[
    "rules.#.when",
    "rules.#.deny",
    "rules.#.require",
    "rules.#.allow",
    "rules.#.mode.by",
    "rules.#.with.*",
  ],
  ...["quotas.#.when", "quotas.#.key.#", "quotas.#.windows.#.limit", "quotas.#.windows.#.burst"],
  ...["quotas.#.cost", "quotas.#.cost.reserve", "quotas.#.cost.settle", "quotas.#.mode.by"],
  ...["telemetry.#.when", "identities.*.apiKey.with.*"],
]);

/** An expression, or a mapping with expressions in it. */
const EITHER = /^quotas\.\d+\.cost$/;

/** Whether a mapping may stand at `path` where text would be an expression. */
export const mayBeMapping = (path: readonly (string | number)[]): boolean => EITHER.test(path.join("."));

const SERVER_EXPRESSION = /^decisions\.record\.\d+\.when$/;

/** The mappings in which keys are names of the file's choice. */
const NAMED = new Set(["let", "identities", "with"]);

/** A file in the form of envoyproxy/ratelimit, read as YAML 1.1 with anchors and aliases, as that reads it. */
export const isForeign = ([first]: readonly Claim[]): boolean => first === "domain";

/**
 * Whether the value at `path` is CEL in files that claim to be `claims`. Unknown files count as policies. The inputs of
 * handlers count as CEL: which of them are text is known to the handler only, and text may be quoted too.
 */
export function isExpression(claims: readonly Claim[], path: readonly (string | number)[]): boolean {
  if (isForeign(claims)) return path.at(-1) === "when";
  if (claims.includes("server")) return SERVER_EXPRESSION.test(path.join("."));
  if (claims.length > 0 && !claims.includes("policy") && !claims.includes("shared")) return false;
  const steps = path.map((step, index) => {
    if (typeof step === "number") return "#";
    return NAMED.has(String(path[index - 1])) ? "*" : step;
  });
  return POLICY_EXPRESSIONS.has(steps.join("."));
}
