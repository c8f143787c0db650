import { printDiagnostic } from "../policy/diagnostic.ts";
import { startServer, type RunningServer } from "../server.ts";
import { counted } from "../std/counted.ts";
import { formatAddress } from "../std/listen-address.ts";
import { createLog } from "../telemetry/log.ts";
import { foldersOf, type Command } from "./command.ts";

/** `weir serve [folder…]`: answers Envoy until it is told to end. */
export const serve: Command = {
  name: "serve",
  summary: "answers Envoy's checks by the policies in folders",
  help: `  weir serve [folder…]      default: policies/

Reads every .yaml in the folders, listens where weir.yaml says, and reads again whenever
a file changes or on SIGHUP. A configuration with an error never replaces a good one; at
the start it ends the command with exit code 1. SIGTERM finishes what is under way.`,
  options: {},
  async run({ positionals, output, signal, onHangup }) {
    const folders = foldersOf(positionals);
    const log = createLog();
    const server = await startServer({ folders, log }).catch((error: unknown) => {
      output.complain(`weir cannot start: ${error instanceof Error ? error.message : String(error)}\n`);
      return undefined;
    });
    if (server === undefined) return 1;
    if ("kind" in server) {
      output.complain(`${server.diagnostics.map(printDiagnostic).join("\n\n")}\n\nweir did not start.\n`);
      return 1;
    }
    output.print(banner(server, folders));
    // A load reports its own result.
    onHangup(() => void server.reload());
    await aborted(signal);
    await server.stop();
    return 0;
  },
};

function banner({ listening, loaded }: RunningServer, folders: readonly string[]): string {
  const { policies, revision } = loaded.snapshot;
  const metrics =
    listening.metrics.kind === "unix"
      ? `curl --unix-socket ${listening.metrics.path} http://weir`
      : `curl http://${formatAddress(listening.metrics)}`;
  const names = policies.map(({ id }) => id).join(", ");
  return `weir serves ${counted(policies.length, "policy", "policies")} from ${folders.join(", ")} (${names}; revision ${revision})

  checks   ${formatAddress(listening.grpc)}  gRPC, envoy.service.auth.v3.Authorization
  metrics  ${formatAddress(listening.metrics)}  HTTP

  ${metrics}/readyz
  ${metrics}/metrics

  npm run try   puts a real Envoy in front, with requests to allow and to deny
`;
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
