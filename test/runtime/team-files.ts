import type { Held } from "../../src/runtime/choose.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { inShort as verdictInShort, verdictOn } from "../check/fixture.ts";
import { inShort } from "./fixture.ts";

export const TEAMS = ["orders", "billing"] as const;

export const weirYaml = (teams: readonly string[] = TEAMS, more = ""): string =>
  `weir: 1\n${more}teams:\n${teams
    .map(
      (team) =>
        `  ${team}:\n    folder: teams/${team}\n    owns:\n      hosts:\n        - ${team}.example.com\n`,
    )
    .join("")}`;

export const policy = (name: string, host: string, more = ""): string =>
  `weir: 1\npolicy: ${name}\nuse:\n  - platform\nmatch:\n  hosts:\n    - ${host}.example.com\nrules:\n  - id: reads\n    allow: platform.reads\n${more}`;

export const shared = (reads: string): string =>
  `weir: 1\nshared: platform\nlet:\n  ${reads}: request.method == "GET"\n`;

/** What the platform and two teams have, all good. */
export const GOOD: Readonly<Record<string, string>> = {
  "weir.yaml": weirYaml(),
  "platform.yaml": shared("reads"),
  "teams/orders/policy.yaml": policy("orders", "orders"),
  "teams/billing/policy.yaml": policy("billing", "billing"),
};

export const BROKEN = policy("orders", "orders").replace("allow:", "alow:");

/** What a runtime holds back: `part: what is live in its place: findings`. */
export const heldOf = (held: readonly Held[], folder: string): readonly string[] =>
  held.map(({ part, live, diagnostics }) =>
    [part, live, ...new Set(inShort(diagnostics, folder))].join(": "),
  );

/** The decision on a plain GET of a host. */
export const answerTo = ({ live }: Pick<Runtime, "live">, host: string): string =>
  live === undefined
    ? "nothing is live"
    : verdictInShort(verdictOn(live.snapshot, { host: `${host}.example.com` }));
