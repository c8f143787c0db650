import { setTimeout as wait } from "node:timers/promises";
import { nameOf } from "../check/expectation.ts";
import type { RecentDecision } from "../check/recent.ts";
import { ADMIN_HELP, ADMIN_OPTIONS, askAdmin } from "./admin.ts";
import type { Command, Invocation } from "./command.ts";

/** `weir tail`: what a running weir refuses, as it happens. */
export const tail: Command = {
  name: "tail",
  summary: "shows what a running weir refuses, as it happens",
  help: `  weir tail [--policy NAME] [--rule NAME] [--verdict deny|error] [--admin URL] [--token-file FILE]

Prints the last refusals and faults, then each new one, a line each: time, verdict, who
decided, request, decision. \`weir why\` explains one of them. Ctrl-C ends it.

  --policy NAME       only those that this policy decided
  --rule NAME         only those that this rule decided
  --verdict VERDICT   deny, or error: a back-end had no answer
${ADMIN_HELP}`,
  options: {
    ...ADMIN_OPTIONS,
    policy: { type: "string" },
    rule: { type: "string" },
    verdict: { type: "string" },
  },
  async run({ values, output, signal }) {
    let seen: ReadonlySet<string> = new Set();
    do {
      const answer = await askAdmin(values, `/decisions?${queryOf(values)}`);
      if (answer.kind === "failed") {
        output.complain(`weir tail: ${answer.why}\n`);
        return 1;
      }
      // The admin listener of the same version has written it.
      const { decisions } = answer.value as { readonly decisions: readonly RecentDecision[] };
      const known = seen;
      const fresh = decisions.filter(({ decision }) => !known.has(decision));
      output.print(fresh.toReversed().map(line).join(""));
      seen = new Set(decisions.map(({ decision }) => decision));
      await wait(EVERY_MS, undefined, { signal }).catch(() => undefined);
    } while (!signal.aborted);
    return 0;
  },
};

const EVERY_MS = 1_000;
/** More in one second are cut: nobody reads them. */
const LIMIT = 500;

function queryOf(values: Invocation["values"]): string {
  const query = new URLSearchParams({ limit: String(LIMIT) });
  for (const key of ["policy", "rule", "verdict"] as const) {
    const value = values[key];
    if (typeof value === "string") query.set(key, value);
  }
  return query.toString();
}

function line({ time, verdict, status, request, decision, ...by }: RecentDecision): string {
  const what = status === undefined ? verdict : `${verdict} ${status}`;
  const asked = request === undefined ? "a connection" : `${request.method} ${request.host}${request.path}`;
  return `${time}  ${what}  ${nameOf(by)}  ${asked}  ${decision}\n`;
}
