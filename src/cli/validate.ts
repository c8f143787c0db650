import type { Configuration } from "../policy/compile.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import { readConfiguration } from "../server.ts";
import { counted } from "../std/counted.ts";
import { foldersOf, type Command } from "./command.ts";
import { countOf, printFindings, printRefusal } from "./findings.ts";
import { validateDiff } from "./validate-diff.ts";
import { FORMAT_OPTION, isFormat, noFormat, printJson } from "./format.ts";

/** `weir validate [folder…]`: everything that is wrong with a configuration, before it goes anywhere. */
export const validate: Command = {
  name: "validate",
  summary: "says what is wrong with the files of folders, and who owns which header",
  help: `  weir validate [folder…] [--strict] [--format text|json]      default: policies/
  weir validate --diff REF [folder…]

Prints every error and warning at once, each with its place, and what to do. Exit code 1
when there is an error: such a configuration would not go live (where weir.yaml names teams,
the others would). Then, header by header, which policy sets it: the client's own copy of
those never reaches the upstream. Last, policy by policy, what answers to checks carry to
Envoy's access log, because telemetry rules read it there.

  --strict        a warning is an error too, for CI
  --format json   one JSON object: { ok, diagnostics, headers, carried }
  --diff REF      what would change: rules, tests, and every request that tests describe,
                  decided by the files as they are in git at REF (main, HEAD~1, a commit)
                  and by those on disk. In place of the headers. Exit code 0 whether or
                  not something differs; 1 where one of the two has an error`,
  options: {
    ...FORMAT_OPTION,
    strict: { type: "boolean", default: false },
    diff: { type: "string" },
  },
  async run({ positionals, values, output, environment }) {
    const { format, diff } = values;
    if (!isFormat(format)) {
      output.complain(noFormat("validate", format));
      return 2;
    }
    const folders = foldersOf(positionals);
    const severity = values["strict"] === true ? strictly : (found: Configuration) => found;
    if (typeof diff === "string")
      return validateDiff({ ref: diff, folders, format, severity, environment, output });
    const configuration = severity(await readConfiguration(folders));
    output.print(format === "json" ? asJson(configuration) : asText(configuration));
    return configuration.snapshot === undefined ? 1 : 0;
  },
};

/** The same with every warning as an error. */
function strictly(found: Configuration): Configuration {
  if (found.diagnostics.length === 0) return found;
  return {
    ...found,
    snapshot: undefined,
    diagnostics: found.diagnostics.map((one) => ({ ...one, severity: "error" })),
  };
}

function asText({ snapshot, tests, diagnostics }: Configuration): string {
  const findings = printFindings(diagnostics);
  if (snapshot === undefined) return `${findings}${printRefusal(diagnostics)}`;
  const owned = headersOf(snapshot).map(({ header, policies }) => `  ${header}  ${policies.join(", ")}\n`);
  const headers = owned.length === 0 ? "" : `\nrequest headers that policies own:\n${owned.join("")}`;
  const warnings = countOf(diagnostics, "warning");
  const { policies, domains } = snapshot;
  const limits = domains.size === 0 ? [] : [`${counted(domains.size, "domain")} of rate limits`];
  const parts = [
    counted(policies.length, "policy", "policies"),
    ...limits,
    `${counted(tests.length, "file")} of tests`,
    warnings,
  ];
  const carried = carriedIn(snapshot).map(({ policy, values }) => `  ${policy}  ${values.join(", ")}\n`);
  const telemetry = carried.length === 0 ? "" : `\nwhat checks carry to the access log:\n${carried.join("")}`;
  return `${findings}ok: ${parts.join(", ")}\n${headers}${telemetry}`;
}

function asJson({ snapshot, diagnostics }: Configuration): string {
  const headers = snapshot === undefined ? [] : headersOf(snapshot);
  const carried = snapshot === undefined ? [] : carriedIn(snapshot);
  return printJson({ ok: snapshot !== undefined, diagnostics, headers, carried });
}

/** What telemetry reads of checks, policy by policy. */
const carriedIn = ({
  policies,
}: Snapshot): readonly { readonly policy: string; readonly values: readonly string[] }[] =>
  policies.flatMap(({ id, telemetry }) =>
    telemetry === undefined || telemetry.carries.length === 0
      ? []
      : [{ policy: id, values: telemetry.carries.map(({ name }) => name) }],
  );

/** Request header to the policies that set it. */
function headersOf({
  policies,
}: Snapshot): readonly { readonly header: string; readonly policies: readonly string[] }[] {
  const owners = new Map<string, string[]>();
  for (const { id, ownedHeaders } of policies) {
    for (const header of ownedHeaders) owners.set(header, [...(owners.get(header) ?? []), id]);
  }
  return [...owners].sort().map(([header, ids]) => ({ header, policies: ids }));
}
