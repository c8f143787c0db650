import { join } from "node:path";
import type { Found } from "../servers/ensure.ts";
import { startProcess } from "./process.ts";
import { until } from "./until.ts";
import { freePort, removeFolder, statusOf, writeFolder } from "./weir.ts";

/** A real Open Policy Agent. */
export interface Opa {
  readonly url: string;
  /** Of every decision that it has made, what it was asked and what it answered. */
  decisions(): readonly Readonly<Record<string, unknown>>[];
  stop(): Promise<void>;
}

/** Serves a policy of Rego; `token` is what those have to present who ask, if anything. */
export async function startOpa(program: Found, rego: string, token?: string): Promise<Opa> {
  const authorization = `package system.authz
default allow := false
allow if input.identity == "${token ?? ""}"
allow if input.path == ["health"]
`;
  const folder = await writeFolder({ "policy.rego": rego, "authz.rego": authorization });
  // It never says which port it took.
  const port = await freePort();
  const guarded = token === undefined ? [] : ["--authentication=token", "--authorization=basic"];
  const running = await startProcess(
    program.binary,
    [
      ...["run", "--server", "--addr", `127.0.0.1:${port}`, "--log-format", "json", "--log-level", "info"],
      ...["--set", "decision_logs.console=true", "--skip-version-check", ...guarded],
      ...[join(folder, "policy.rego"), join(folder, "authz.rego")],
    ],
    program.environment,
  );
  const lines = (): readonly Readonly<Record<string, unknown>>[] =>
    running
      .errors()
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  await until(async () => (await statusOf(port, "/health")) === 200, { what: "OPA", timeoutMs: 20_000 });
  return {
    url: `http://127.0.0.1:${port}`,
    decisions: () => lines().filter(({ msg }) => msg === "Decision Log"),
    stop: async () => {
      await running.stop();
      await removeFolder(folder);
    },
  };
}
