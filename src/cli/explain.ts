import { explainAsked, type Explanation } from "../check/explanation.ts";
import { printErrors } from "../policy/diagnostic.ts";
import { readConfiguration } from "../server.ts";
import { ADMIN_OPTIONS, askAdmin } from "./admin.ts";
import { REQUEST_OPTIONS, wantedOf, type Wanted } from "./asked.ts";
import type { Command, ExitCode, Invocation } from "./command.ts";
import { printExplanation } from "./explanation.ts";
import { offlineVerifiers } from "./verifiers.ts";
import { FORMAT_OPTION, isFormat, noFormat, printJson } from "./format.ts";

/** `weir explain`: why a request is allowed or denied, rule by rule. */
export const explain: Command = {
  name: "explain",
  summary: "says why a request is allowed or denied, rule by rule",
  help: `  weir explain URL [folder…] [-X METHOD] [-H 'name: value']… [-d BODY] [--as …] [--backends …]
  weir explain --request FILE [folder…]                       default folder: policies/
  weir explain … --admin URL [--token-file FILE]              by what a running weir has live

Decides about one request with the files of the folders and the server's own code, and shows
every policy, rule and part of an expression with what it came to. Nothing is asked and
nothing is fetched: what handlers answer, and who asks, is said here. Values of secret
attributes (headers, the body) are not printed. Exit code 1 when the configuration would
not go live, or the running weir does not answer.

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
  --format json     the same as JSON
  --admin URL       asks the running weir behind this admin listener, such as
                    http://127.0.0.1:9193: its configuration and its keys. Of who is proved
                    by a token or a key, it shows digests
  --token-file FILE the file of its admin token`,
  options: {
    ...REQUEST_OPTIONS,
    policy: { type: "string" },
    ...FORMAT_OPTION,
    // Here it is the option that makes the difference, so it has no default.
    admin: { type: "string" },
    "token-file": ADMIN_OPTIONS["token-file"],
  },
  async run(invocation) {
    const { values, output } = invocation;
    const { format } = values;
    if (!isFormat(format)) {
      output.complain(noFormat("explain", format));
      return 2;
    }
    const wanted = await wantedOf(invocation);
    const misuse = typeof wanted === "string" ? wanted : misuseOf(invocation);
    if (typeof wanted === "string" || misuse !== undefined) {
      output.complain(`weir explain: ${misuse}\nSee: weir help explain\n`);
      return 2;
    }
    const found = await explained(wanted, invocation);
    if (found.kind === "failed") {
      output.complain(found.complaint);
      return found.code;
    }
    const only = values["policy"];
    const policies = found.explanation.policies.filter(({ policy }) => only === undefined || policy === only);
    const explanation = { ...found.explanation, policies };
    output.print(format === "json" ? printJson(explanation) : printExplanation(explanation));
    return 0;
  },
};

/** What is wrong with the options beside the request. */
function misuseOf({ positionals, values }: Invocation): string | undefined {
  const folders = positionals.filter((one) => !one.includes("://"));
  if (values["admin"] === undefined)
    return values["token-file"] === undefined ? undefined : "--token-file goes with --admin";
  return folders.length === 0 ? undefined : "give folders or --admin, not both";
}

type Found =
  | { readonly kind: "explained"; readonly explanation: Explanation }
  | { readonly kind: "failed"; readonly complaint: string; readonly code: ExitCode };

const failed = (complaint: string, code: ExitCode): Found => ({ kind: "failed", complaint, code });

async function explained(
  wanted: Exclude<Awaited<ReturnType<typeof wantedOf>>, string>,
  invocation: Invocation,
): Promise<Found> {
  if ("diagnostics" in wanted) return failed(`${printErrors(wanted.diagnostics)}${NOTHING}`, 1);
  return invocation.values["admin"] === undefined
    ? explainedOffline(wanted, invocation)
    : explainedOnline(wanted, invocation);
}

const NOTHING = "nothing was explained\n";

async function explainedOffline(
  { asked, folders }: Wanted,
  { values, environment }: Invocation,
): Promise<Found> {
  const { snapshot, diagnostics } = await readConfiguration(folders);
  if (snapshot === undefined) return failed(`${printErrors(diagnostics)}${NOTHING}`, 1);
  const only = values["policy"];
  if (only !== undefined && !snapshot.policies.some(({ id }) => id === only)) return noPolicy(only);
  const explanation = await explainAsked(asked, {
    snapshot,
    verifiers: await offlineVerifiers(snapshot, environment),
    nowMs: Date.now(),
    patienceMs: Infinity,
    // They are the words of who asks here, and his own keys.
    proved: (printed) => printed,
  });
  return { kind: "explained", explanation };
}

async function explainedOnline({ text }: Wanted, { values }: Invocation): Promise<Found> {
  const answer = await askAdmin(values, "/explain", { type: "application/yaml", text });
  if (answer.kind === "failed") return failed(`weir explain: ${answer.why}\n`, 1);
  // The admin listener of the same version has written it.
  const explanation = answer.value as Explanation;
  const only = values["policy"];
  // Where weir itself decided, it names no policy.
  const isThere =
    explanation.policies.length === 0 || explanation.policies.some(({ policy }) => policy === only);
  return only === undefined || isThere ? { kind: "explained", explanation } : noPolicy(only);
}

const noPolicy = (name: unknown): Found => failed(`weir explain: there is no policy ${String(name)}\n`, 2);
