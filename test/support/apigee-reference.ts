import { join } from "node:path";
import type { Found } from "../servers/ensure.ts";
import type { Apigee } from "./apigee.ts";
import { startProcess, type RunningProcess } from "./process.ts";
import { until } from "./until.ts";
import { freePort, removeFolder, statusOf, writeFolder } from "./weir.ts";

/** Apigee's own adapter for Envoy, against an Apigee of a test's own. */
export interface Reference {
  /** For checks and access logs, over gRPC on loopback. */
  readonly port: number;
  readonly process: RunningProcess;
  /** Ends it as an operator does, so that all that it has recorded is uploaded. */
  stop(): Promise<void>;
}

/** What it is told beside where Apigee is; `more` is YAML of `auth`. */
export interface ReferenceOptions {
  readonly environment?: string;
  /** A lines of its settings of authentication. */
  readonly auth?: string;
}

/** Starts it with the credentials of Edge: those of Apigee X upload analytics to one place alone, which is Google's. */
export async function startReference(
  program: Found,
  apigee: Apigee,
  { environment = "prod", auth = "append_metadata_headers: true" }: ReferenceOptions = {},
): Promise<Reference> {
  const [port, metrics] = [await freePort(), await freePort()];
  const folder = await writeFolder({});
  const config = `
global:
  api_address: 127.0.0.1:${port}
  metrics_address: 127.0.0.1:${metrics}
  temp_dir: ${folder}/state
tenant:
  internal_api: ${apigee.url}
  remote_service_api: ${apigee.url}/remote-service
  org_name: acme
  env_name: "${environment}"
  key: k
  secret: s
analytics:
  collection_interval: 1s
auth:
  ${auth}
`;
  const configured = await writeFolder({ "config.yaml": config });
  const running = await startProcess(
    program.binary,
    ["--config", join(configured, "config.yaml"), "--log-level", "debug"],
    program.environment,
  );
  await until(async () => (await statusOf(metrics, "/healthz")) === 200, {
    what: "the reference server to know its products",
    timeoutMs: 20_000,
  });
  return {
    port,
    process: running,
    stop: async () => {
      await running.stop();
      await removeFolder(folder);
      await removeFolder(configured);
    },
  };
}
