import { isDeepStrictEqual } from "node:util";
import { printDiagnostic } from "../policy/diagnostic.ts";
import { PLATFORM } from "../policy/parts.ts";
import type { Settings } from "../policy/settings.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { LoadResult } from "./runtime.ts";

interface Listeners {
  readonly metrics: Metrics;
  readonly log: Log;
}

/** Says in metrics and log what an attempt to load came to. */
export function tellResult(
  { metrics, log }: Listeners,
  result: LoadResult,
  phase: "starting" | "running",
): void {
  switch (result.kind) {
    case "live":
      tellLive({ metrics, log }, result);
      return;
    case "unchanged":
      metrics.countReload("unchanged", undefined);
      return;
    case "refused":
      metrics.countReload("refused", undefined);
      for (const { part } of result.held) metrics.holdPart(part);
      // At the start there is nothing to keep, and the command prints the reasons itself.
      if (phase === "starting") return;
      log.error(
        { diagnostics: result.diagnostics.map(printDiagnostic) },
        "configuration was refused; what was live before stays",
      );
  }
}

function tellLive(
  { metrics, log }: Listeners,
  { snapshot, held }: Extract<LoadResult, { kind: "live" }>,
): void {
  const { policies, revision, overrides, settings } = snapshot;
  const shadowPolicies = policies.filter(({ mode }) => mode === "shadow").length;
  const enforcedPolicies = policies.length - shadowPolicies;
  const isHeld = new Set(held.map(({ part }) => part));
  const parts = [PLATFORM, ...settings.teams.keys()];
  metrics.countReload("live", {
    revision,
    loadedAtMs: Date.now(),
    enforcedPolicies,
    shadowPolicies,
    parts: new Map(parts.map((part) => [part, isHeld.has(part) ? "held" : "current"])),
    overrides,
  });
  log.info({ revision, policies: policies.length }, "configuration is live");
  for (const { part, live, diagnostics } of held) {
    const what = part === PLATFORM ? "the platform's own files are" : `the files of team ${part} are`;
    const fields = { part, live, diagnostics: diagnostics.map(printDiagnostic) };
    log.error(fields, `${what} held back; what is live of them: ${live}`);
  }
  for (const { policy, rule, mode, untilMs, reason } of overrides) {
    const until = new Date(untilMs).toISOString();
    log.warn({ policy, rule, mode, until, reason }, "an override holds");
  }
}

/** What a new configuration says and a running process cannot follow. */
export function warnOfRestart(log: Log, current: Settings | undefined, next: Settings): void {
  const fixed = ({ listen, maxInFlight, report }: Settings): unknown => ({ listen, maxInFlight, report });
  if (current === undefined || isDeepStrictEqual(fixed(current), fixed(next))) return;
  log.warn("`listen`, `maxInFlight` or `report` has changed; it holds when weir is started again");
}
