import { printDiagnostic } from "../policy/diagnostic.ts";
import { startServer, type RunningServer, type ServerOptions } from "../server.ts";
import { SERVICE_NAMES, type ServiceName } from "../services.ts";
import { counted } from "../std/counted.ts";
import { formatAddress, type ListenAddress } from "../std/listen-address.ts";
import { createLog } from "../telemetry/log.ts";
import { parseShare, SHARE_FORM } from "../std/share.ts";
import { foldersOf, type Command, type Invocation } from "./command.ts";

/** `weir serve [folder…]`: answers Envoy until it is told to end. */
export const serve: Command = {
  name: "serve",
  summary: "answers Envoy's checks by the policies in folders",
  help: `  weir serve [folder…] [--observe] [--candidate FOLDER] [--only check,quota,report]
                                                           default: policies/

Reads every .yaml in the folders, listens where weir.yaml says, and reads again whenever
a file changes or on SIGHUP. A configuration with an error never replaces a good one; at
the start it ends the command with exit code 1. SIGTERM finishes what is under way.

  --observe   refuses nothing: every policy is in shadow, every request passes, and metrics
              say what would have been decided
  --candidate FOLDER
              decides again by these files, after the answer, and tells of what would be
              answered otherwise: weir_candidate_diff_total, /differences. Several as several
  --candidate-sample 10%
              of all checks; default 100%
  --only check,quota,report
              answers these services alone: checks, rate limits, access logs; so that access
              logs have processes of their own. Default: all of them`,
  options: {
    observe: { type: "boolean", default: false },
    candidate: { type: "string", multiple: true },
    "candidate-sample": { type: "string" },
    only: { type: "string" },
  },
  async run({ positionals, values, output, environment, signal, onHangup, openLog = createLog }) {
    const folders = foldersOf(positionals);
    const candidate = candidateOf(values);
    const serves = servesOf(values);
    const wrong = [candidate, serves].find((found) => typeof found === "string");
    if (typeof candidate === "string" || typeof serves === "string") {
      output.complain(`weir serve: ${String(wrong)}\nSee: weir help serve\n`);
      return 2;
    }
    const log = openLog();
    const stance = values["observe"] === true ? "observe" : "enforce";
    const server = await startServer({ folders, log, environment, stance, serves, candidate }).catch(
      (error: unknown) => {
        output.complain(`weir cannot start: ${error instanceof Error ? error.message : String(error)}\n`);
        return undefined;
      },
    );
    if (server === undefined) return 1;
    if ("kind" in server) {
      output.complain(`${server.diagnostics.map(printDiagnostic).join("\n\n")}\n\nweir did not start.\n`);
      return 1;
    }
    // Standard output may be for the lines of decisions, which are read by machines.
    const { decisions } = server.loaded.snapshot.settings;
    const tell = decisions?.to.kind === "stdout" ? output.complain : output.print;
    tell(banner(server, folders, serves));
    // A load reports its own result.
    onHangup(() => void server.reload());
    await aborted(signal);
    await server.stop();
    return 0;
  },
};

/** The candidate that is asked for, or what is wrong with the words. */
function candidateOf(values: Invocation["values"]): ServerOptions["candidate"] | string {
  const { candidate: folders, "candidate-sample": sample } = values;
  if (!Array.isArray(folders))
    return sample === undefined ? undefined : "--candidate-sample goes with --candidate";
  const share = parseShare(typeof sample === "string" ? sample : "100%");
  if (share === undefined) return `--candidate-sample takes ${SHARE_FORM}, not ${String(sample)}`;
  return { folders: folders.map(String), share };
}

/** What is asked for with `--only`, or what is wrong with the words. */
function servesOf({ only }: Invocation["values"]): ReadonlySet<ServiceName> | string {
  if (typeof only !== "string") return new Set(SERVICE_NAMES);
  const words = only.split(",").map((word) => word.trim());
  const known = words.flatMap((word) => SERVICE_NAMES.find((name) => name === word) ?? []);
  return known.length === words.length
    ? new Set(known)
    : `--only takes ${SERVICE_NAMES.join(", ")} or several of them with commas, not ${only}`;
}

function banner(
  { listening, loaded }: RunningServer,
  folders: readonly string[],
  serves: ReadonlySet<ServiceName>,
): string {
  const { policies, domains, revision, stance } = loaded.snapshot;
  const telemetry = policies.find((policy) => policy.telemetry !== undefined);
  const { grpc, http, admin, metrics } = listening;
  const names = [...policies.map(({ id }) => id), ...domains.keys()].join(", ");
  const limits = domains.size === 0 ? "" : ` and ${counted(domains.size, "domain")} of rate limits`;
  const what = `weir serves ${counted(policies.length, "policy", "policies")}${limits} from ${folders.join(", ")} (${names}; revision ${revision})`;
  const lines = [
    what,
    "",
    ...(stance === "observe" ? ["  OBSERVING: every request passes, whatever the policies say", ""] : []),
    ...(serves.has("check")
      ? [`  checks   ${formatAddress(grpc)}  gRPC, envoy.service.auth.v3.Authorization`]
      : []),
    ...(domains.size === 0 || !serves.has("quota")
      ? []
      : [`  limits   ${formatAddress(grpc)}  gRPC, envoy.service.ratelimit.v3.RateLimitService`]),
    ...(telemetry === undefined || !serves.has("report")
      ? []
      : [`  logs     ${formatAddress(grpc)}  gRPC, envoy.service.accesslog.v3.AccessLogService`]),
    ...(http === undefined ? [] : [`  checks   ${formatAddress(http)}  HTTP, Envoy's http_service`]),
    ...(admin === undefined ? [] : [`  admin    ${formatAddress(admin)}  HTTP, the console for browsers`]),
    `  metrics  ${formatAddress(metrics)}  HTTP`,
    "",
    `  ${curl(metrics)}/readyz`,
    `  ${curl(metrics)}/metrics`,
    ...(admin === undefined ? [] : [`  ${curl(admin)}/status`]),
    "",
    "  npm run try   puts a real Envoy in front, with requests to allow and to deny",
    "",
  ];
  return lines.join("\n");
}

const curl = (address: ListenAddress): string =>
  address.kind === "unix"
    ? `curl --unix-socket ${address.path} http://weir`
    : `curl http://${formatAddress(address)}`;

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
