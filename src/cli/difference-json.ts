import type { Decided } from "../check/both-sides.ts";
import { summaryOf } from "../check/explanation.ts";
import type { Difference } from "./difference.ts";
import { printJson } from "./format.ts";

/** For programs: one object with what `weir validate --diff` prints for people, and all fields of a change. */
export function differenceAsJson(difference: Difference): string {
  const { ref, commit, missing, before, after, changes, decided } = difference;
  const { tests, requests } = decided ?? {};
  const value = {
    ok: before.outcome === "good" && after.outcome === "good",
    ref,
    commit,
    missing,
    diagnostics: after.diagnostics,
    diagnosticsAtRef: before.diagnostics,
    rules: changes,
    tests: tests?.differing.map(({ expectation: { as, request, verdict }, ...rest }) => ({
      ...{ tests: rest.tests, as, request, expected: verdict },
      ...{ principal: rest.principal, origin: rest.origin, before: rest.before, after: rest.after },
    })),
    requests: requests?.differing.map(({ pair, before: old, after: now, differences }) => ({
      ...{ tests: pair.tests, as: pair.as, request: pair.request, origin: pair.origin },
      backends: Object.fromEntries(Array.from(pair.own, ([handler, { kind }]) => [handler, kind])),
      ...{ before: decidedAsJson(old), after: decidedAsJson(now), differences },
    })),
    compared: decided && { tests: tests?.looked, requests: requests?.looked, beyond: requests?.beyond },
  };
  return printJson(value);
}

/** `unsaid` has handlers of which no test says what they answer; `tested`, whether the policy is there. */
const decidedAsJson = ({ verdict, unsaid, tested }: Decided) => ({ ...summaryOf(verdict), unsaid, tested });
