import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensure, type Found } from "../servers/ensure.ts";
import type { ServerName } from "../servers/list.ts";
import { startPrometheus, type RunningPrometheus } from "../support/prometheus.ts";
import { startRedis } from "../support/redis.ts";
import { startShop, type Shop } from "../support/shop.ts";
import { isFree } from "../support/weir.ts";
import { startZipkin, type RunningZipkin } from "../support/zipkin.ts";
import { startTraffic } from "./traffic.ts";

const usage = `usage: npm run demo [-- --seconds 20] [-- --per-second 20]

A small mesh to look at: two Envoys as sidecars around two services, the weir that both ask and tell, Redis, Prometheus and Zipkin, and
visitors of whom some are allowed, denied, limited, failed or slow. Ctrl-C ends everything; --seconds does so by itself.`;

const NEEDED = ["envoy", "redis", "prometheus", "zipkin"] as const satisfies readonly ServerName[];
const files = join(import.meta.dirname, "files");
/** Where visitors enter, where nobody else listens there. */
const USUAL_PORT = 10_000;

process.exitCode = await main();

/** Answers the exit code. */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string" },
      "per-second": { type: "string", default: "20" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  // Listens from here on, so that a Ctrl-C during the start still stops everything.
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  await using open = new AsyncDisposableStack();
  try {
    const demo = await startDemo(open);
    show(demo);
    const traffic = startTraffic(demo.shop, { perSecond: Number(values["per-second"]), atOnce: 50 });
    open.defer(() => traffic.stop());
    const enough =
      values.seconds === undefined
        ? []
        : [new Promise<void>((resolve) => setTimeout(resolve, Number(values.seconds) * 1_000).unref())];
    const progress = setInterval(() => process.stdout.write(`\r${traffic.done()} visits `), 1_000);
    await Promise.race([stopped, ...enough]);
    clearInterval(progress);
    console.log(`\r${traffic.done()} visits; everything is being stopped.`);
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
}

interface Demo {
  readonly shop: Shop;
  readonly prometheus: RunningPrometheus;
  readonly zipkin: RunningZipkin;
}

async function startDemo(open: AsyncDisposableStack): Promise<Demo> {
  const programs = await findAll();
  console.log("Starting Redis, Zipkin, weir, two Envoys and Prometheus…");
  const redis = open.adopt(await startRedis(programs.redis), (started) => started.stop());
  const zipkin = open.adopt(await startZipkin(programs.zipkin), (started) => started.stop());
  const port = (await isFree(USUAL_PORT)) ? { port: USUAL_PORT } : {};
  const shop = await startShop(
    {
      envoy: programs.envoy,
      files: await filesToServe(zipkin.spansUrl),
      serve: { environment: { REDIS_URL: `redis://${redis.address.host}:${redis.address.port}` } },
      ...port,
    },
    open,
  );
  const prometheus = open.adopt(
    await startPrometheus(programs.prometheus, {
      scrape: {
        mesh: { port: shop.weir.metricsPort, path: "/metrics/prometheus" },
        weir: { port: shop.weir.metricsPort },
        storefront: { port: shop.storefront.adminPort, path: "/stats/prometheus" },
        orders: { port: shop.orders.adminPort, path: "/stats/prometheus" },
      },
      intervalMs: 1_000,
    }),
    (started) => started.stop(),
  );
  return { shop, prometheus, zipkin };
}

/** All at once, since the first time each is fetched. */
async function findAll(): Promise<Readonly<Record<(typeof NEEDED)[number], Found>>> {
  const found = await Promise.all(NEEDED.map((name) => ensure(name)));
  const missing = found.filter((one) => one.kind === "missing");
  if (missing.length > 0)
    throw new Error(missing.map(({ name, reason }) => `${name} is missing: ${reason}.`).join("\n"));
  return Object.fromEntries(found.map((one) => [one.name, one])) as Awaited<ReturnType<typeof findAll>>;
}

async function filesToServe(zipkinUrl: string): Promise<Readonly<Record<string, string>>> {
  const names = await readdir(files);
  const texts = await Promise.all(names.map((name) => readFile(join(files, name), "utf8")));
  return Object.fromEntries(
    names.map((name, index) => [name, (texts[index] ?? "").replace("ZIPKIN_URL", zipkinUrl)]),
  );
}

function show({ shop, prometheus, zipkin }: Demo): void {
  const at = (port: number, path = ""): string => `http://127.0.0.1:${port}${path}`;
  const calls =
    "sum by (source_workload, destination_workload, response_code) (rate(istio_requests_total[1m]))";
  const query = `/graph?g0.expr=${encodeURIComponent(calls)}&g0.tab=0&g0.range_input=5m`;
  const rows: readonly (readonly [string, string])[] = [
    [
      "the shop",
      `curl -i -H 'host: storefront.example.com' ${at(shop.storefront.port("storefront"), "/buy/1")}`,
    ],
    ["weir's console", at(shop.weir.adminPort ?? 0)],
    ["metrics of the mesh", at(shop.weir.metricsPort, "/metrics/prometheus")],
    ["weir's own metrics", at(shop.weir.metricsPort, "/metrics")],
    ["Prometheus", at(prometheus.port, query)],
    ["Zipkin", `${zipkin.spansUrl.replace("/api/v2/spans", "/zipkin/")} and its dependencies`],
    ["the policies", shop.folder],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  console.log(`\n${rows.map(([name, what]) => `  ${name.padEnd(width)}  ${what}`).join("\n")}\n`);
  console.log("Visitors come. Ctrl-C stops everything.");
}
