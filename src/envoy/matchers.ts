import type { ConfigNode } from "./config-node.ts";
import { spellings } from "./filters.ts";

/** Whether a list of Envoy's string matchers (`ListStringMatcher`) surely matches a lower-case name. */
export const matchesList = (list: ConfigNode, name: string): boolean =>
  (list.get("patterns")?.items() ?? []).some((matcher) => matchesName(matcher, name));

/** Whether one matcher (`StringMatcher`) surely does. Of regular expressions those are known that weir writes itself. */
export function matchesName(matcher: ConfigNode, name: string): boolean {
  const ignoresCase = matcher.get("ignore_case")?.isTrue() === true;
  return matcher.entries().some(([kind, node]) => {
    const text = node.text() ?? "";
    const wanted = ignoresCase ? text.toLowerCase() : text;
    switch (kind) {
      case "exact":
        return wanted === name;
      case "prefix":
        return name.startsWith(wanted);
      case "suffix":
        return name.endsWith(wanted);
      case "contains":
        return name.includes(wanted);
      case "safe_regex":
      case "safeRegex":
        return [".*", ".+", name, spellings(name)].includes(node.get("regex")?.text() ?? "");
      default:
        return false;
    }
  });
}
