import { nameOf, tryExpectation, type Outcome, type Trial } from "../check/expectation.ts";
import type { TestsOf } from "../policy/compile.ts";
import { printErrors } from "../policy/diagnostic.ts";
import type { Policy, Snapshot } from "../policy/snapshot.ts";
import { telemetryDifferences, type Logged } from "../report/expectation.ts";
import { readConfiguration } from "../server.ts";
import { counted } from "../std/counted.ts";
import { foldersOf, type Command } from "./command.ts";
import { offlineVerifiers } from "./verifiers.ts";

/** `weir test [folder…]`: the expectations of `tests:` files, through the server's own code. */
export const test: Command = {
  name: "test",
  summary: "runs the expectations that stand beside the policies",
  help: `  weir test [folder…] [--require rules=100%]      default: policies/

Every expectation of every \`tests:\` file goes through the code that answers Envoy. It
is met when the verdict, the rule that decided, and whatever else it names are as written.
Exit code 1 when one is not met, or when the configuration would not go live.

  --require rules=N%   fails when fewer of the enforced rules are decided by some test`,
  options: { require: { type: "string" } },
  async run({ positionals, values, output, environment }) {
    const required = requiredShare(values["require"]);
    if (required === undefined) {
      output.complain("weir test: --require takes rules=N%, such as rules=100%\n");
      return 2;
    }
    const { snapshot, tests, diagnostics } = await readConfiguration(foldersOf(positionals));
    if (snapshot === undefined) {
      output.complain(`${printErrors(diagnostics)}nothing was tested\n`);
      return 1;
    }
    const verifiers = await offlineVerifiers(snapshot, environment);
    const suites: Suite[] = [];
    for (const one of tests) suites.push(await runSuite({ snapshot, verifiers, nowMs: Date.now() }, one));
    const coverage = coverageOf(snapshot, suites);
    output.print(suites.map(printSuite).join("") + printSummary(suites, coverage));
    const isCovered = coverage.decided * 100 >= required * coverage.rules.length;
    if (!isCovered) output.complain(`fewer than ${required}% of the rules are decided by a test\n`);
    return isCovered && suites.every(({ outcomes }) => outcomes.every(isMet)) ? 0 : 1;
  },
};

/** Percent of rules; 0 where nothing is required, undefined for what is not of the form. */
function requiredShare(value: unknown): number | undefined {
  if (value === undefined) return 0;
  const percent = typeof value === "string" ? /^rules=(\d{1,3})%$/.exec(value)?.[1] : undefined;
  return percent !== undefined && Number(percent) <= 100 ? Number(percent) : undefined;
}

interface Suite {
  readonly tests: TestsOf;
  readonly outcomes: readonly Outcome[];
}

const isMet = ({ differences }: Outcome): boolean => differences.length === 0;

async function runSuite(trial: Omit<Trial, "file">, tests: TestsOf): Promise<Suite> {
  const outcomes: Outcome[] = [];
  for (const one of tests.file.expect) {
    const outcome = await tryExpectation({ ...trial, file: tests.file }, one);
    const logged = { ...outcome, refused: refusedBy(outcome), nowMs: tests.file.nowMs ?? trial.nowMs };
    const unlike = telemetryDifferences(one, tests.file.tests, trial.snapshot, logged);
    outcomes.push({ ...outcome, differences: [...outcome.differences, ...unlike] });
  }
  return { tests, outcomes };
}

/** As Envoy logs it, where its failure mode is to refuse. */
function refusedBy({ verdict }: Outcome): Logged["refused"] {
  switch (verdict.kind) {
    case "allow":
      return undefined;
    case "deny":
      return { status: verdict.status, details: "ext_authz_denied" };
    case "error":
      return { status: 503, details: "ext_authz_error" };
  }
}

function printSuite({ tests: { document, file }, outcomes }: Suite): string {
  const lines = outcomes.map((outcome) => {
    const { as, request, verdict, index, times } = outcome.expectation;
    const given = file.principals.get(as)?.kind === "identities" ? "given" : "proved";
    const often = times === 1 ? "" : `, ${times} times`;
    const what = `${as} (${given}) ${request}${often}: ${verdict.kind} ${verdict.rule}`;
    if (isMet(outcome)) return `  ok    ${what}\n`;
    const { line, column } = document.at(["expect", index]);
    const reasons = outcome.differences.map((difference) => `        ${difference}\n`).join("");
    return `  FAIL  ${what}\n        at ${document.file}:${line}:${column}\n${reasons}`;
  });
  const pairs = file.principals.size * file.requests.size;
  const asked = new Set(file.expect.map(({ as, request }) => `${as}\0${request}`)).size;
  const silent = pairs - asked;
  const note =
    silent > 0 ? `  ${counted(silent, "pair")} of principal and request with no expectation\n` : "";
  return `${file.tests}  ${document.file}\n${lines.join("")}${note}\n`;
}

interface Coverage {
  /** Every enforced rule, as `policy/rule`. */
  readonly rules: readonly string[];
  readonly decided: number;
  readonly undecided: readonly string[];
}

/** Only what an expectation names and meets counts: a rule that decided by accident proves nothing. */
function coverageOf({ policies }: Snapshot, suites: readonly Suite[]): Coverage {
  const rules = policies
    .filter(({ mode }) => mode === "enforce")
    .flatMap(({ id, refusals, answered, allows, quotas }) =>
      [...refusals, ...answered.filter(isWritten), ...allows, ...quotas].map((rule) =>
        nameOf({ policy: id, rule: rule.id }),
      ),
    );
  const named = new Set(
    suites.flatMap(({ tests, outcomes }) =>
      outcomes
        .filter(isMet)
        .map(({ expectation: { verdict } }) =>
          verdict.rule.includes("/")
            ? verdict.rule
            : nameOf({ policy: tests.file.tests, rule: verdict.rule }),
        ),
    ),
  );
  const undecided = rules.filter((rule) => !named.has(rule));
  return { rules, decided: rules.length - undecided.length, undecided };
}

/** An identity that a handler verifies is no rule that somebody wrote. */
const isWritten = (rule: Policy["answered"][number]): boolean =>
  rule.kind !== "ask" || rule.identity === undefined;

function printSummary(suites: readonly Suite[], { rules, decided, undecided }: Coverage): string {
  const outcomes = suites.flatMap((suite) => suite.outcomes);
  const met = outcomes.filter(isMet).length;
  const missing = undecided.length === 0 ? "" : `; not decided: ${undecided.join(", ")}`;
  return `${met} met, ${outcomes.length - met} not met; ${decided} of ${counted(rules.length, "rule")} decided by a test${missing}\n`;
}
