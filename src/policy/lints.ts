import { VOCABULARY } from "../attributes/vocabulary.ts";
import type { Parsed, Read } from "../cel/expression.ts";
import { warning } from "./diagnostic.ts";
import type { AskRule, Rule } from "./rule.ts";
import type { Scope } from "./scope.ts";
import type { Path } from "./source.ts";

/** What is allowed and probably not meant, in the condition of a rule. */
export function lintCondition(scope: Scope, path: Path, rule: Exclude<Rule, AskRule>, parsed: Parsed): void {
  const at = [...path, rule.kind];
  if (parsed.constant !== undefined && parsed.constant === IDLE[rule.kind]) {
    const message = `\`${rule.kind}: ${parsed.constant}\` never decides anything`;
    scope.report(warning(scope.document.at(at), "constant-rule", message, "remove the rule"));
  }
  if (rule.kind === "allow") return;
  for (const read of parsed.reads) {
    const place = scope.document.at(at, read);
    if (isLookup(read) && read.how === "value" && !parsed.guarded.has(read)) {
      const message = `refuses with 400 where ${quote(parsed, read)} is missing`;
      scope.report(warning(place, "unguarded-lookup", message, `guarded: ${guardedForm(read)} && …`));
    }
    if (rule.kind === "deny" && parsed.compared.has(read) && isJoined(read)) {
      const message = `${quote(parsed, read)} is joined with commas when it comes twice, so \`==\` can be evaded`;
      const header = read.steps[1]?.name ?? "";
      const hint = `"value" in request.headers_all[${JSON.stringify(header)}]`;
      scope.report(warning(place, "joined-header", message, hint));
    }
  }
}

/** The constant with which a rule of each kind is as good as not there. */
const IDLE = { deny: false, require: true, allow: false } as const;

const quote = (parsed: Parsed, read: Read): string => parsed.source.slice(read.start, read.end);

/** The attributes that are maps, whose keys may be missing. */
const MAPS: ReadonlySet<string> = new Set(
  VOCABULARY.flatMap(({ name, type }) => (type.startsWith("map(") ? [name] : [])),
);

/** `request.headers["x"]`: a constant key in a map. */
const isLookup = (read: Read): boolean => mapOf(read) !== undefined;

/** The map that a look-up reads, and the key. */
function mapOf({ root, steps }: Read): { readonly map: string; readonly key: string } | undefined {
  const [first, second] = steps;
  if (MAPS.has(root)) return first && { map: root, key: first.name };
  const map = `${root}.${first?.name ?? ""}`;
  return MAPS.has(map) && second !== undefined ? { map, key: second.name } : undefined;
}

function guardedForm(read: Read): string {
  const found = mapOf(read);
  return found === undefined ? "" : `${JSON.stringify(found.key)} in ${found.map}`;
}

const isJoined = (read: Read): boolean =>
  mapOf(read)?.map === "request.headers" && !SINGLE_HEADERS.has(read.steps[1]?.name ?? "");

/** Headers of which Envoy passes one at most. */
const SINGLE_HEADERS: ReadonlySet<string> = new Set([
  ":authority",
  ":method",
  ":path",
  ":scheme",
  "content-length",
  "content-type",
  "host",
  "user-agent",
]);
