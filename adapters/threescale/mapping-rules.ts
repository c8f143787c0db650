import { RE2JS } from "re2js";
import type { RequestUri } from "./request-uri.ts";
import type { Usage } from "./usage.ts";

/** A mapping rule as the proxy configuration has it. */
export interface WrittenRule {
  /** A method, compared exactly, or `ANY`. */
  readonly method: string;
  /** `/orders/{id}?size={size}`; the query is compared by `query`. */
  readonly pattern: string;
  /** Expected values by parameter; one such as `{size}` is any. */
  readonly query: ReadonlyMap<string, string>;
  readonly metric: string;
  readonly delta: number;
  /** Where it matches, no rule behind it is looked at. */
  readonly last: boolean;
}

export interface MappingRules {
  /** What a request uses: the sum of all rules that match; empty where none does, undefined where it is too long for them. */
  usageOf(method: string, uri: RequestUri): Usage | undefined;
  /** Patterns that are no regular expressions of RE2: these rules never match. */
  readonly unusable: readonly string[];
}

/** The length of a path times the instructions of all rules that are looked at; at about 15 ns each, 30 ms. */
const MAX_WORK = 2_000_000;
const MAX_PATTERN_LENGTH = 1_000;

/**
 * Compiles mapping rules, in order. They match as APIcast matches them: a pattern is a prefix of the path, `{…}` one or more characters
 * of a segment, a dot is a dot, and all else is left to the regular expression.
 * Source: APIcast, mapping_rule.lua and mapping_rules_matcher.lua.
 */
export function compileMappingRules(written: readonly WrittenRule[]): MappingRules {
  const rules = written.map((rule) => ({ ...rule, path: compilePath(rule.pattern), query: [...rule.query] }));
  return {
    unusable: rules.flatMap(({ pattern, path }) => (path === undefined ? [pattern] : [])),
    usageOf: (method, uri) => {
      const usage = new Map<string, number>();
      let work = 0;
      for (const { path, query, metric, delta, last, ...rule } of rules) {
        if (path === undefined || (rule.method !== "ANY" && rule.method !== method)) continue;
        if (!uri.path.startsWith(path.prefix)) continue;
        work += path.instructions * uri.path.length;
        if (work > MAX_WORK) return undefined;
        if (!path.matches(uri.path) || !query.every((one) => holds(one, uri.query))) continue;
        usage.set(metric, (usage.get(metric) ?? 0) + delta);
        if (last) break;
      }
      return usage;
    },
  };
}

interface PathPattern {
  /** Every path that matches begins so. */
  readonly prefix: string;
  readonly instructions: number;
  readonly matches: (path: string) => boolean;
}

/** Undefined where the pattern is none of RE2. */
function compilePath(pattern: string): PathPattern | undefined {
  const path = pattern.replace(/\/\/+/g, "/").replace(/\?.*/s, "");
  // Neither an alternative nor the character that a quantifier takes is certain to be there.
  const prefix = path.includes("|") ? "" : (/^[\w\-~%!&',;=@:/.]*(?![*+])/.exec(path)?.[0] ?? "");
  if (prefix === path) return { prefix, instructions: 0, matches: () => true };
  const source = `^${path.replace(/\{.+?\}/g, SEGMENT).replaceAll(".", "\\.")}`;
  if (path.length > MAX_PATTERN_LENGTH) return undefined;
  try {
    const regex = RE2JS.compile(source);
    return { prefix, instructions: regex.programSize(), matches: (uri) => regex.test(uri) };
  } catch {
    return undefined;
  }
}

/** The characters that a variable stands for, in APIcast's own order. A replacement's `$$` is one `$`. */
const SEGMENT = "([\\w\\-.~%!$$&'()*+,;=@:]+)";

const VARIABLE = /\{[-\w]+\}/;

/** A variable wants the parameter to be there; anything else is compared with its last value. */
const holds = (
  [name, expected]: readonly [string, string],
  query: ReadonlyMap<string, string | undefined>,
): boolean => (VARIABLE.test(expected) ? query.has(name) : query.get(name) === expected);
