import { didYouMean, problem, warning, type Diagnostic } from "./diagnostic.ts";
import type { Document } from "./document.ts";
import type { OverridesFile } from "./overrides-file.ts";
import type { PolicyFile } from "./policy-file.ts";
import type { ActiveOverride } from "./snapshot.ts";

interface Read<T> {
  readonly file: T;
  readonly document: Document;
}

/** What overrides may name. */
export interface OverriddenPolicies {
  readonly files: readonly Read<PolicyFile>[];
  /** Names of policies whose files could not be read. */
  readonly unread: ReadonlySet<string>;
}

/** The overrides that hold at `nowMs`. What names no rule is an error; one that has ended is pointed out. */
export function activeOverrides(
  files: readonly Read<OverridesFile>[],
  { files: policies, unread }: OverriddenPolicies,
  nowMs: number,
  diagnostics: Diagnostic[],
): readonly ActiveOverride[] {
  const byId = new Map(policies.map(({ file }) => [file.policy, file]));
  const seen = new Map<string, string>();
  return files.flatMap(({ file, document }) =>
    file.overrides.flatMap(({ index, policy, rule, mode, untilMs, reason }) => {
      const place = document.at(["overrides", index, "rule"]);
      const name = `${policy}/${rule}`;
      const other = seen.get(name);
      seen.set(name, document.file);
      const found = byId.get(policy);
      if (found === undefined && unread.has(policy)) return [];
      if (found === undefined) {
        const message = `there is no policy "${policy}"`;
        diagnostics.push(problem(place, "unknown-name", message, didYouMean(policy, byId.keys())));
        return [];
      }
      const ids = [...found.rules, ...found.quotas].map(({ id }) => id);
      if (!ids.includes(rule)) {
        const message = `the policy ${policy} has no rule "${rule}"`;
        diagnostics.push(problem(place, "unknown-name", message, didYouMean(rule, ids)));
        return [];
      }
      if (other !== undefined && other !== document.file) {
        const message = `${name} is overridden in ${other} already`;
        diagnostics.push(problem(place, "duplicate-name", message, "keep one of the two"));
      }
      if (untilMs <= nowMs) {
        const message = `the override of ${name} has ended`;
        const at = document.at(["overrides", index, "until"]);
        diagnostics.push(warning(at, "override-ended", message, "remove it"));
        return [];
      }
      return [{ policy, rule, mode, untilMs, reason }];
    }),
  );
}

/** By policy, by rule. */
export function byRule(
  active: readonly ActiveOverride[],
): ReadonlyMap<string, ReadonlyMap<string, ActiveOverride>> {
  const byPolicy = Map.groupBy(active, ({ policy }) => policy);
  return new Map(
    Array.from(byPolicy, ([policy, overrides]) => [policy, new Map(overrides.map((one) => [one.rule, one]))]),
  );
}

/** When the first of them ends. */
export const nextChangeMs = (active: readonly ActiveOverride[]): number | undefined =>
  active.length === 0 ? undefined : Math.min(...active.map(({ untilMs }) => untilMs));
