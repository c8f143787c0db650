import type { RecentDecision } from "../check/recent.ts";
import { nameOf } from "../check/expectation.ts";
import { ADMIN_HELP, ADMIN_OPTIONS, askAdmin } from "./admin.ts";
import type { Command } from "./command.ts";
import { printExplanation } from "./explanation.ts";
import { FORMAT_OPTION, isFormat, noFormat, printJson } from "./format.ts";

/** `weir why d_…`: why a running weir refused a request. */
export const why: Command = {
  name: "why",
  summary: "says why a running weir refused a request",
  help: `  weir why DECISION [--admin URL] [--token-file FILE]

DECISION is what stands in the response header x-weir-decision, and in Envoy's log as
metadata["envoy.filters.http.ext_authz"].weir.decision. Shows what every policy, rule and
part of an expression came to at that moment. What is secret is not kept; what is of
persons stands as a digest, which is the same for the same value. A weir keeps the last
refusals only; ask the replica that answered.

${ADMIN_HELP}
  --format json       the same as JSON`,
  options: { ...ADMIN_OPTIONS, ...FORMAT_OPTION },
  async run({ positionals, values, output }) {
    const [id, second] = positionals;
    const { format } = values;
    if (id === undefined || second !== undefined || !/^d_[a-z2-7]+$/.test(id)) {
      output.complain("weir why: which decision? One d_…, of the header x-weir-decision\n");
      return 2;
    }
    if (!isFormat(format)) {
      output.complain(noFormat("why", format));
      return 2;
    }
    const answer = await askAdmin(values, `/decisions/${id}`);
    if (answer.kind === "failed") {
      output.complain(`weir why: ${answer.why}\n`);
      return 1;
    }
    // The admin listener of the same version has written it.
    const found = answer.value as RecentDecision;
    output.print(format === "json" ? printJson(found) : printRecent(found));
    return 0;
  },
};

function printRecent({ time, revision, request, policies, ...recent }: RecentDecision): string {
  const asked = request === undefined ? "a connection" : `${request.method} ${request.host}${request.path}`;
  const head = `${time}  ${asked}  (revision ${revision ?? "unknown"}, ${recent.durationMs} ms)\n`;
  const verdict = {
    ...{ kind: recent.verdict, by: [nameOf(recent)], status: recent.status },
    ...{ sets: [], removes: [] },
  };
  const unexplained =
    policies === undefined ? "\nToo many were refused at the time to explain each of them.\n" : "";
  return `${head}${printExplanation({ verdict, policies: policies ?? [] })}${unexplained}`;
}
