import { printDiagnostic } from "../policy/diagnostic.ts";
import { startServer, type RunningServer } from "../server.ts";
import { counted } from "../std/counted.ts";
import { formatAddress, type ListenAddress } from "../std/listen-address.ts";
import { createLog } from "../telemetry/log.ts";
import { foldersOf, type Command } from "./command.ts";

/** `weir serve [folder…]`: answers Envoy until it is told to end. */
export const serve: Command = {
  name: "serve",
  summary: "answers Envoy's checks by the policies in folders",
  help: `  weir serve [folder…] [--observe]      default: policies/

Reads every .yaml in the folders, listens where weir.yaml says, and reads again whenever
a file changes or on SIGHUP. A configuration with an error never replaces a good one; at
the start it ends the command with exit code 1. SIGTERM finishes what is under way.

  --observe   refuses nothing: every policy is in shadow, every request passes, and metrics
              say what would have been decided`,
  options: { observe: { type: "boolean", default: false } },
  async run({ positionals, values, output, environment, signal, onHangup }) {
    const folders = foldersOf(positionals);
    const log = createLog();
    const stance = values["observe"] === true ? "observe" : "enforce";
    const server = await startServer({ folders, log, environment, stance }).catch((error: unknown) => {
      output.complain(`weir cannot start: ${error instanceof Error ? error.message : String(error)}\n`);
      return undefined;
    });
    if (server === undefined) return 1;
    if ("kind" in server) {
      output.complain(`${server.diagnostics.map(printDiagnostic).join("\n\n")}\n\nweir did not start.\n`);
      return 1;
    }
    // Standard output may be for the lines of decisions, which are read by machines.
    const { decisions } = server.loaded.snapshot.settings;
    const tell = decisions?.to.kind === "stdout" ? output.complain : output.print;
    tell(banner(server, folders));
    // A load reports its own result.
    onHangup(() => void server.reload());
    await aborted(signal);
    await server.stop();
    return 0;
  },
};

function banner({ listening, loaded }: RunningServer, folders: readonly string[]): string {
  const { policies, revision, stance } = loaded.snapshot;
  const { grpc, http, admin, metrics } = listening;
  const names = policies.map(({ id }) => id).join(", ");
  const what = `weir serves ${counted(policies.length, "policy", "policies")} from ${folders.join(", ")} (${names}; revision ${revision})`;
  const lines = [
    what,
    "",
    ...(stance === "observe" ? ["  OBSERVING: every request passes, whatever the policies say", ""] : []),
    `  checks   ${formatAddress(grpc)}  gRPC, envoy.service.auth.v3.Authorization`,
    ...(http === undefined ? [] : [`  checks   ${formatAddress(http)}  HTTP, Envoy's http_service`]),
    ...(admin === undefined ? [] : [`  admin    ${formatAddress(admin)}  HTTP`]),
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
