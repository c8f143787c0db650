import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runCommand } from "../../src/cli/commands.ts";
import { createLog } from "../../src/telemetry/log.ts";

/** What a command printed, complained and ended with. */
export interface Ran {
  readonly code: number;
  readonly printed: string;
  readonly complained: string;
}

/** Runs `weir` with these arguments in this process. `signal` ends what would serve for ever. */
export async function run(
  args: readonly string[],
  signal = AbortSignal.abort(),
  environment: Readonly<Record<string, string | undefined>> = {},
): Promise<Ran> {
  let printed = "";
  let complained = "";
  const code = await runCommand(args, {
    output: {
      print: (text) => {
        printed += text;
      },
      complain: (text) => {
        complained += text;
      },
    },
    environment,
    signal,
    onHangup: () => undefined,
    openLog: () => createLog("silent"),
  });
  return { code, printed, complained };
}

/** A folder with these files, removed after the suite. */
export function ownFolder(): (files: Readonly<Record<string, string>>) => string {
  const folders: string[] = [];
  after(() => {
    for (const folder of folders) rmSync(folder, { recursive: true });
  });
  return (files) => {
    const folder = mkdtempSync(join(tmpdir(), "weir-cli-"));
    folders.push(folder);
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    return folder;
  };
}

/** A policy that lets one workload read, and sets a header. */
export const ORDERS = `weir: 1
policy: orders
match:
  hosts: [orders.example.com]
identities:
  workload: { mtls: { trustDomains: [cluster.local] } }
rules:
  - id: signed-in
    require: has(auth.workload)
    status: 401
    message: Who are you?
  - id: reads
    allow: request.method == "GET"
    request: { set: { x-workload: "\${auth.workload.id}" }, remove: [x-debug] }
    response: { set: { x-by: weir } }
`;

export const TESTS = `weir: 1
tests: orders
principals:
  web: { workload: { id: spiffe://cluster.local/ns/shop/sa/web } }
  nobody: {}
requests:
  read: { host: orders.example.com, path: /orders }
  write: { host: orders.example.com, path: /orders, method: PUT }
expect:
`;
