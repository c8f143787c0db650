import type { Address } from "../support/bootstrap.ts";
import { removeFolder, startWeir, writeFolder, type Weir } from "../support/weir.ts";

export interface SecurityWeirSetup {
  /** Text by path. */
  readonly files: Readonly<Record<string, string>>;
  /** The rest of weir.yaml. */
  readonly more?: string;
  readonly fill?: (text: string) => string;
  /** Where it listens for Envoy's HTTP service, perhaps with a prefix: `127.0.0.1:0, pathPrefix: /check`. Absent: nowhere. */
  readonly http?: string;
}

/** Starts a weir with its listeners on free ports of loopback; `open` stops it. */
export async function startSecurityWeir(setup: SecurityWeirSetup, open: AsyncDisposableStack): Promise<Weir> {
  const { fill = (text: string) => text, http, more = "" } = setup;
  const server = `weir: 1
listen:
  grpc: { address: "127.0.0.1:0" }
  metrics: { address: "127.0.0.1:0" }
${http === undefined ? "" : `  http: { address: ${http} }\n`}${more}`;
  const files: readonly [string, string][] = [["weir.yaml", server], ...Object.entries(setup.files)];
  const filled: Readonly<Record<string, string>> = Object.fromEntries(
    files.map(([path, text]) => [path, fill(text)] as const),
  );
  const folder = await writeFolder(filled);
  open.defer(() => removeFolder(folder));
  const weir = await startWeir(folder);
  open.defer(() => weir.process.stop());
  return weir;
}

/** Where its banner says that it listens for HTTP checks. */
export function httpOf({ httpPort, process }: Weir): Address {
  if (httpPort === undefined) throw new Error(`no listener for HTTP checks: ${process.output()}`);
  return { host: "127.0.0.1", port: httpPort };
}
