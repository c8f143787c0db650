import type { Steps } from "../std/steps.ts";
import { problem, type Diagnostic, type Place } from "./diagnostic.ts";
import type { Document } from "./document.ts";
import { canOverlap, type Match } from "./match.ts";
import type { PolicyFile } from "./policy-file.ts";
import type { Path } from "./source.ts";

/** A policy file with the static part of its match. */
export interface Matched {
  readonly file: PolicyFile;
  readonly document: Document;
  readonly match: Match;
  /** The rules that are enforced, whatever the file says of them: an override may stand above it. */
  readonly enforced: ReadonlySet<string>;
}

/**
 * Two policies that can match one request and set the same header, query parameter or field of metadata: which value would
 * hold is nobody's decision. Several may append to one header. A step for each of what each policy sets.
 */
export function* findingConflicts(policies: readonly Matched[]): Steps<readonly Diagnostic[]> {
  const conflicts: Diagnostic[] = [];
  const setters = new Map<string, Setter[]>();
  for (const policy of policies) {
    for (const { path, ...setting } of settingsIn(policy)) {
      const { key } = setting;
      const earlier = setters.get(key) ?? [];
      const other = earlier.find((one) => isConflict(one, { policy, ...setting }));
      if (other !== undefined) conflicts.push(conflict(policy.document.keyAt(path), key, other, policy));
      earlier.push({ policy, ...setting });
      setters.set(key, earlier);
      yield;
    }
  }
  return conflicts;
}

function conflict(place: Place, key: string, other: Setter, policy: Matched): Diagnostic {
  const [message, hint] =
    other.policy === policy
      ? [`${key} is also set by ${other.rule}, and both may hold for one request`, "set it in one of the two"]
      : [
          `${key} is also set by policy ${other.policy.file.policy}, which can match the same request`,
          "set it in one of the two, or make their matches exclude one another",
        ];
  return problem(place, "header-conflict", message, hint);
}

interface Setter {
  readonly policy: Matched;
  readonly rule: string;
  /** Of the allows of a policy the first that holds has its effects; an ask has its own beside them. */
  readonly by: "ask" | "allow";
  readonly how: "set" | "append";
}

const isConflict = (left: Setter, right: Setter): boolean =>
  (left.how === "set" || right.how === "set") &&
  (left.policy === right.policy
    ? left.rule !== right.rule && (left.by === "ask" || right.by === "ask")
    : canOverlap(left.policy.match, right.policy.match));

interface Setting extends Omit<Setter, "policy"> {
  readonly key: string;
  readonly path: Path;
}

/** What enforced rules of a policy set and append, by a name that is the same wherever it is. */
function settingsIn({ file, enforced }: Matched): readonly Setting[] {
  return file.rules.flatMap((rule): readonly Setting[] => {
    if ((rule.kind !== "allow" && rule.kind !== "ask") || !enforced.has(rule.id)) return [];
    const { kind: by, id } = rule;
    const all = (what: string, keys: readonly string[], names: Iterable<string>): readonly Setting[] =>
      Array.from(names, (name) => ({
        key: what.endsWith("header") ? `the ${what} ${name.toLowerCase()}` : `the ${what} ${name}`,
        rule: id,
        by,
        how: keys.at(-1) === "append" ? "append" : "set",
        path: ["rules", rule.index, ...keys, name],
      }));
    const { request } = rule;
    const onRequest = [
      ...all("request header", ["request", "set"], request.set.keys()),
      ...all("request header", ["request", "append"], request.append.keys()),
      ...all("query parameter", ["request", "query", "set"], request.querySet.keys()),
    ];
    if (rule.kind === "ask") return onRequest;
    return [
      ...onRequest,
      ...all("response header", ["response", "set"], rule.responseSet.keys()),
      ...all("response header", ["response", "append"], rule.responseAppend.keys()),
      ...all("metadata field", ["metadata"], rule.metadata.keys()),
    ];
  });
}
