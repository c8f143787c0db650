import type { WrittenMode } from "./mode.ts";
import { warning } from "./diagnostic.ts";
import type { Scope } from "./scope.ts";
import type { ActiveOverride, Mode, Share } from "./snapshot.ts";
import type { Path } from "./source.ts";

/** How a rule or a policy is carried out. */
export interface Moded {
  readonly mode: Mode;
  /** Of what is enforced, for some requests only. */
  readonly share: Share | undefined;
}

export interface ModeWorld {
  /** Sets the shares of rules apart. */
  readonly salt: string;
  readonly override?: ActiveOverride | undefined;
}

/** The mode at `path`; an override that holds now stands above what the file says. */
export function compileShare(
  scope: Scope,
  path: Path,
  written: WrittenMode | undefined,
  { salt, override }: ModeWorld,
): Moded {
  const own = compileWritten(scope, path, written ?? { kind: "enforce" }, salt);
  return override === undefined ? own : { mode: override.mode, share: undefined };
}

function compileWritten(scope: Scope, path: Path, written: WrittenMode, salt: string): Moded {
  switch (written.kind) {
    case "enforce":
      return { mode: "enforce", share: undefined };
    case "shadow":
      return { mode: "shadow", share: undefined };
    case "share": {
      const by = scope.expression([...path, "mode", "by"], written.by, "any")?.expression;
      // Without a value of its own the rule holds for everybody; what is wrong keeps the file from going live.
      return { mode: "enforce", share: by && { percent: written.percent, by, salt } };
    }
  }
}

/** A shadow, or a share, that was meant to end before now. */
export function lintUntil(scope: Scope, path: Path, written: WrittenMode | undefined, nowMs: number): void {
  const untilMs = written === undefined || written.kind === "enforce" ? undefined : written.untilMs;
  if (untilMs === undefined || untilMs > nowMs) return;
  const message = `was meant to be enforced from ${new Date(untilMs).toISOString().slice(0, 10)} on`;
  const hint = "write `mode: enforce`, or a later day";
  scope.report(warning(scope.document.at([...path, "mode", "until"]), "shadow-past-date", message, hint));
}
