import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { encodeCheckRequest } from "../../src/check/attributes.ts";
import { rateLimitRequest } from "../quota/fixture.ts";
import { startBrowser, visit, type Look } from "./browser.ts";
import { callGrpc } from "./http.ts";
import { need } from "./need.ts";
import { freePort, removeFolder, serverFile, startWeir, type Weir, writeFolder } from "./weir.ts";

/** The admin token of these weirs. */
export const TOKEN = "token-for-the-tests-of-the-console";
/** What a caller might choose in place of a word, to be run by who looks at it. */
export const MARKUP = "<img src=x onerror=stop()>";

const files = (adminPort: number): Readonly<Record<string, string>> => ({
  "weir.yaml": serverFile(
    undefined,
    `  admin: { address: "127.0.0.1:${adminPort}", token: { file: admin-token } }
handlers:
  blocked: { adapter: list, config: { means: deny, entries: [eve] } }
`,
  ),
  "admin-token": `${TOKEN}\n`,
  "shop.yaml": `
weir: 1
policy: shop
match:
  hosts: [shop.example.com]
identities:
  workload: { mtls: { trustDomains: [cluster.local] } }
rules:
  - id: no-delete
    deny: request.method == "DELETE"
  - id: not-blocked
    when: has(auth.workload)
    ask: blocked
    with: { value: "\${auth.workload.service_account}" }
  - id: reads
    allow: request.method == "GET" && has(auth.workload)
  - id: late
    deny: request.path_segments[0] == "late"
    mode: shadow
quotas:
  - id: per-path
    algorithm: fixed
    key: [request.url_path, client.ip]
    when: request.url_path.startsWith("/counted/")
    windows:
      - limit: 2
        per: day
      - limit: 1000
        per: month
        zone: Europe/Berlin
  - id: exports
    when: request.url_path == "/export"
    windows:
      - limit: unlimited
        per: 1h
`,
  "edge.yaml": `
domain: edge
descriptors:
  - key: plan
    value: gold
    descriptors:
      - { key: user, rate_limit: { unit: day, requests_per_unit: 2 } }
`,
  "trial.yaml": `
weir: 1
policy: trial
match:
  hosts: [trial.example.com]
rules:
  - id: all
    allow: request.method == "GET"
mode: shadow
`,
});

/** What is tried beside it. */
const CANDIDATE = `weir: 1
policy: shop
match:
  hosts: [shop.example.com]
rules:
  - id: everything
    allow: request.method != "DELETE"
`;

/** Asks weir about a request as Envoy does. */
export async function check(weir: Weir, method: string, host: string, path: string): Promise<void> {
  const described = { method, host, path, protocol: "http", headers: new Map(), context: new Map() } as const;
  const message = encodeCheckRequest(
    { ...described, headers: new Map<string, readonly string[]>(), context: new Map<string, string>() },
    "spiffe://cluster.local/ns/shop/sa/web",
    Date.now(),
  );
  const port = "port" in weir.checks ? weir.checks.port : assert.fail("no port");
  const answer = await callGrpc({ port }, { path: "/envoy.service.auth.v3.Authorization/Check", message });
  assert.equal(answer.grpcStatus, 0);
}

/** Asks weir for one hit of a descriptor, each entry as `key=value`, as Envoy's rate-limit filter does. */
export async function askLimit(weir: Weir, domain: string, ...entries: readonly string[]): Promise<void> {
  const port = "port" in weir.checks ? weir.checks.port : assert.fail("no port");
  const path = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";
  const answer = await callGrpc({ port }, { path, message: rateLimitRequest(domain, [entries]) });
  assert.equal(answer.grpcStatus, 0);
}

/** A weir that has refused something, and a browser for its console. For one suite. */
export class ConsoleSuite {
  readonly #open = new AsyncDisposableStack();
  #browser: Browser | undefined;
  #weir: Weir | undefined;
  #folder = "";
  #complaints: (readonly string[])[] = [];
  base = "";

  /** For `before`. */
  async start(context: Mocha.Context): Promise<void> {
    this.#browser = await startBrowser(await need(context, "chromium"), this.#open);
    const port = await freePort();
    this.base = `http://127.0.0.1:${port}/`;
    this.#weir = await this.startWeirAt(port);
    await check(this.weir, "PUT", "shop.example.com", "/things/1");
    await check(this.weir, "DELETE", "shop.example.com", "/things/2");
    await check(this.weir, MARKUP, "shop.example.com", `/${encodeURIComponent(MARKUP)}`);
    await check(this.weir, "GET", "nowhere.example.com", "/");
    await check(this.weir, "GET", "shop.example.com", "/late");
  }

  /** For `afterEach`: closes the pages, and fails where one has complained. */
  async finish(): Promise<void> {
    const complaints = this.#complaints.splice(0).flat();
    await Promise.all(this.#browser?.contexts().map((context) => context.close()) ?? []);
    assert.deepEqual(complaints, []);
  }

  /** For `after`. */
  stop(): Promise<void> {
    return this.#open.disposeAsync();
  }

  get weir(): Weir {
    return this.#weir ?? assert.fail("the suite has not started");
  }

  /** Holds the newest files back by an error on a long line. */
  async breakFiles(): Promise<void> {
    const broken = `weir: 1\npolicy: broken\nmatch: everything\nrules:\n  - id: long\n    deny: request.methd == "${"x".repeat(200)}"\n`;
    await writeFile(join(this.#folder, "broken.yaml"), broken);
  }

  /** Another weir of the same files, whose console is at this port. */
  async startWeirAt(port: number): Promise<Weir> {
    const folder = this.#open.adopt(await writeFolder(files(port)), removeFolder);
    this.#folder = folder;
    const candidate = this.#open.adopt(await writeFolder({ "shop.yaml": CANDIDATE }), removeFolder);
    const parameters = ["--candidate", candidate];
    return this.#open.adopt(await startWeir(folder, { parameters }), (started) => started.process.stop());
  }

  /** Opens a page of the console in a tab of its own, with the token unless `look` has none. */
  async show(hash: string, look: Look = { token: TOKEN }, base = this.base): Promise<Page> {
    const visited = await visit(this.#browser ?? assert.fail("no browser"), `${base}#/${hash}`, look);
    this.#complaints.push(visited.complaints);
    return visited.page;
  }
}

/** The rows of the table that can be seen. */
export const rowsOf = (page: Page) => page.locator("tbody tr:visible");
