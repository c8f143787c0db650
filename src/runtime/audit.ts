import type { ActiveOverride, Snapshot } from "../policy/snapshot.ts";
import type { LoadResult } from "./runtime.ts";

/** What somebody or something changed in how weir decides: one line of JSON. docs/decisions.md has the events. */
export type AuditLine = AuditedReload | AuditedOverride | AuditedReset;

export interface AuditedReload {
  readonly kind: "audit";
  readonly time: string;
  readonly event: "reload";
  readonly result: "live" | "refused";
  /** Revisions; `from` is undefined at the start, `to` where nothing went live. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly stance: Snapshot["stance"] | undefined;
  /** Parts whose newest files are not live. */
  readonly held: readonly string[];
  readonly errors: number;
}

export interface AuditedOverride {
  readonly kind: "audit";
  readonly time: string;
  readonly event: "override";
  readonly change: "began" | "ended";
  readonly policy: string;
  readonly rule: string;
  readonly mode: ActiveOverride["mode"];
  readonly until: string;
  readonly reason: string;
  readonly revision: string | undefined;
}

export type AuditedReset = ResetResult &
  ResetCounter & { readonly kind: "audit"; readonly time: string; readonly event: "reset" };

/** Which counter somebody had forgotten: of a policy's quota, or of a rate limit. Values of persons stand as digests. */
type ResetCounter =
  | { readonly policy: string; readonly quota: string; readonly key: readonly string[] }
  | {
      readonly domain: string;
      readonly entries: readonly { readonly key: string; readonly value: string }[];
    };

interface ResetResult {
  readonly result: "reset" | "nothing" | "failed";
  /** Why it failed. */
  readonly reason: string | undefined;
  readonly revision: string;
}

/** The line of a counter that somebody had forgotten. */
export const auditOfReset = (
  counter: ResetCounter,
  { result, reason, revision }: ResetResult,
  atMs: number,
): AuditedReset => ({
  ...{ kind: "audit", time: new Date(atMs).toISOString(), event: "reset", result },
  ...counter,
  ...{ reason, revision },
});

/** The lines of one attempt to load. `before` is what was live until then. */
export function auditOf(
  result: LoadResult,
  before: Snapshot | undefined,
  atMs: number,
): readonly AuditLine[] {
  if (result.kind === "unchanged") return [];
  const after = result.kind === "live" ? result.snapshot : undefined;
  const common = { kind: "audit", time: new Date(atMs).toISOString() } as const;
  const errors = [...result.diagnostics, ...result.held.flatMap(({ diagnostics }) => diagnostics)];
  const reload: AuditedReload = {
    ...common,
    event: "reload",
    result: result.kind,
    from: before?.revision,
    to: after?.revision,
    stance: after?.stance,
    held: result.held.map(({ part }) => (part === "" ? "platform" : part)),
    errors: new Set(errors.filter(({ severity }) => severity === "error")).size,
  };
  if (after === undefined) return [reload];
  const changed = (
    change: AuditedOverride["change"],
    { untilMs, ...one }: ActiveOverride,
  ): AuditedOverride => ({
    ...common,
    event: "override",
    change,
    ...one,
    until: new Date(untilMs).toISOString(),
    revision: after.revision,
  });
  const [old, now] = [before?.overrides ?? [], after.overrides];
  return [
    reload,
    ...missingIn(now, old).map((one) => changed("ended", one)),
    ...missingIn(old, now).map((one) => changed("began", one)),
  ];
}

/** Those of `others` that are not in `these`. */
const missingIn = (
  these: readonly ActiveOverride[],
  others: readonly ActiveOverride[],
): readonly ActiveOverride[] => {
  const known = new Set(these.map((one) => JSON.stringify(one)));
  return others.filter((one) => !known.has(JSON.stringify(one)));
};
