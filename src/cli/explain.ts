import { decide } from "../check/decide.ts";
import { describedQuestion } from "../check/described.ts";
import { explain as explainDecision } from "../check/explain.ts";
import { printErrors } from "../policy/diagnostic.ts";
import { answerFor } from "../policy/stubs-file.ts";
import { readConfiguration } from "../server.ts";
import { REQUEST_OPTIONS, wantedOf } from "./asked.ts";
import type { Command } from "./command.ts";
import { printExplanation, summaryOf } from "./explanation.ts";
import { offlineVerifiers } from "./verifiers.ts";

/** `weir explain`: why a request is allowed or denied, rule by rule. */
export const explain: Command = {
  name: "explain",
  summary: "says why a request is allowed or denied, rule by rule",
  help: `  weir explain URL [folder…] [-X METHOD] [-H 'name: value']… [-d BODY] [--as …] [--backends …]
  weir explain --request FILE [folder…]                       default folder: policies/

Decides about one request with the files of the folders and the server's own code, and shows
every policy, rule and part of an expression with what it came to. Nothing is asked and
nothing is fetched: what handlers answer, and who asks, is said here. Values of secret
attributes (headers, the body) are not printed. Exit code 1 when the configuration would
not go live.

  URL               as with curl: https://orders.example.com/orders/1?x=y
  -X, --method      GET, or POST with -d
  -H, --header      a header line; several as several
  -d, --data        the body, as Envoy sends it where it is told to
  --spiffe          the SPIFFE id of the caller's certificate
  --source          the caller's address
  --destination     the SPIFFE id of the called workload
  --as              who asks, as a file of tests says it: '{user: {sub: alice}}'; in place
                    of what the request would prove
  --backends        what handlers answer, as a file of tests says it: '{plans: deny}'
  --request FILE    all of that in a file, YAML or JSON: { request, as, backends, now };
                    - reads it from standard input
  --policy NAME     shows this policy only
  --format json     the same as JSON`,
  options: {
    ...REQUEST_OPTIONS,
    policy: { type: "string" },
    format: { type: "string", default: "text" },
  },
  async run(invocation) {
    const { values, output, environment } = invocation;
    const { format } = values;
    if (format !== "text" && format !== "json") {
      output.complain(`weir explain: --format is text or json, not ${String(format)}\n`);
      return 2;
    }
    const asked = await wantedOf(invocation);
    if (typeof asked === "string") {
      output.complain(`weir explain: ${asked}\nSee: weir help explain\n`);
      return 2;
    }
    const { snapshot, diagnostics } =
      "diagnostics" in asked ? { ...asked, snapshot: undefined } : await readConfiguration(asked.folders);
    if (snapshot === undefined || "diagnostics" in asked) {
      output.complain(`${printErrors(diagnostics)}nothing was explained\n`);
      return 1;
    }
    const only = values["policy"];
    if (only !== undefined && !snapshot.policies.some(({ id }) => id === only)) {
      output.complain(`weir explain: there is no policy ${String(only)}\n`);
      return 2;
    }
    const { request, principal, backends, nowMs } = asked.asked;
    const question = describedQuestion({
      snapshot,
      principal,
      request,
      nowMs: nowMs ?? Date.now(),
      verifiers: await offlineVerifiers(snapshot, environment),
      stubOf: (handler) => answerFor(backends.get(handler), ""),
      unsaid: (handler) => `nothing says what ${handler} answers`,
    });
    const decision = await decide(question);
    const policies = explainDecision({ question, decision, personal: (printed) => printed }).filter(
      ({ policy }) => only === undefined || policy === only,
    );
    const explanation = { verdict: summaryOf(decision.verdict), policies };
    output.print(
      format === "json" ? `${JSON.stringify(explanation, undefined, 2)}\n` : printExplanation(explanation),
    );
    return 0;
  },
};
