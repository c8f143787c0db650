import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Decider } from "../../src/check/verdict.ts";

/** How many policies stand in a folder, one a host, and how many rules each has. */
export interface Amount {
  readonly hosts: number;
  readonly rulesPerHost: 1 | 10;
}

/** Who decides the measured request: in the policy of its host, the last rule. */
export const DECIDING: Decider = { policy: "shop-000", rule: "web-reads" };

/** Writes a folder of policies as `weir serve` reads it, with listeners on free ports of the loopback and `more` in weir.yaml. */
export async function writePolicies(
  folder: string,
  { hosts, rulesPerHost }: Amount,
  more = "",
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "weir.yaml"), `${SERVER}${more}`);
  for (let index = 0; index < hosts; index++) {
    const name = `shop-${String(index).padStart(3, "0")}`;
    const rules = rulesPerHost === 1 ? DECIDING_RULE : OTHER_RULES + DECIDING_RULE;
    await writeFile(join(folder, `${name}.yaml`), policy(name, rules));
  }
}

const SERVER = `weir: 1
listen:
  grpc: { address: 127.0.0.1:0 }
  metrics: { address: 127.0.0.1:0 }
`;

const policy = (name: string, rules: string): string => `weir: 1
policy: ${name}
match:
  hosts: [${name}.example.com]
rules:
${rules}`;

/** Nine rules that are all evaluated for the measured request and leave it to the tenth. */
const OTHER_RULES = `  - id: known-methods
    require: request.method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
    status: 405
  - id: in-the-mesh
    require: source.namespace in ["shop", "orders", "operations"] && source.service_account != "default"
  - id: no-internals
    deny: |
      size(request.path_segments) > 0 && request.path_segments[0] == "internal" && source.namespace != "operations"
  - id: no-debugging
    deny: |
      "x-debug" in request.headers && source.namespace != "operations"
  - id: writes-are-json
    when: request.method in ["POST", "PUT", "PATCH"]
    require: |
      "content-type" in request.headers && request.headers["content-type"].startsWith("application/json")
    status: 415
  - id: known-clients
    require: |
      "x-client-version" in request.headers && request.headers["x-client-version"].startsWith("7.")
    status: 426
  - id: no-scripts
    deny: |
      "user-agent" in request.headers && request.headers["user-agent"].startsWith("python-requests/")
  - id: health
    allow: request.method == "GET" && request.url_path == "/healthz"
  - id: checkout-writes
    allow: |
      request.method in ["POST", "PUT"] && request.path_segments[0] == "orders" && source.namespace == "checkout"
`;

const DECIDING_RULE = `  - id: web-reads
    allow: |
      request.method == "GET" && request.path_segments[0] == "orders" && source.namespace == "shop"
    request:
      set:
        x-caller: \${source.principal}
`;
