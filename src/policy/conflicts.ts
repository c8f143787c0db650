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
}

/**
 * Two policies that can match one request and set the same header: which value would hold is nobody's decision.
 * A step for each header of each policy.
 */
export function* findingConflicts(policies: readonly Matched[]): Steps<readonly Diagnostic[]> {
  const conflicts: Diagnostic[] = [];
  const setters = new Map<string, Matched[]>();
  for (const policy of policies) {
    for (const { key, path } of headersOf(policy.file)) {
      const earlier = setters.get(key) ?? [];
      const other = earlier.find((one) => isConflict(one, policy));
      if (other !== undefined) conflicts.push(conflict(policy.document.keyAt(path), key, other));
      earlier.push(policy);
      setters.set(key, earlier);
      yield;
    }
  }
  return conflicts;
}

function conflict(place: Place, key: string, other: Matched): Diagnostic {
  const message = `${key} is also set by policy ${other.file.policy}, which can match the same request`;
  const hint = "set it in one of the two, or make their matches exclude one another";
  return problem(place, "header-conflict", message, hint);
}

const isConflict = (left: Matched, right: Matched): boolean =>
  left !== right && canOverlap(left.match, right.match);

/** The headers that enforced allows of a policy set, on the request's way up and the response's way down. */
function headersOf(file: PolicyFile): readonly { readonly key: string; readonly path: Path }[] {
  if (file.mode === "shadow") return [];
  return file.rules.flatMap((rule) => {
    if (rule.kind !== "allow" || rule.mode === "shadow") return [];
    const on = (side: "request" | "response", names: Iterable<string>) =>
      Array.from(names, (name) => ({
        key: `the ${side} header ${name.toLowerCase()}`,
        path: ["rules", rule.index, side, "set", name],
      }));
    return [...on("request", rule.requestHeaders.keys()), ...on("response", rule.responseHeaders.keys())];
  });
}
