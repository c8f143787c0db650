import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { z } from "zod";
import type { Found } from "../servers/ensure.ts";
import { type Ended, runCommand } from "./command.ts";
import { requestHttp1 } from "./http.ts";
import { startProcess } from "./process.ts";
import { freePorts } from "./redis.ts";
import { until } from "./until.ts";

/** One series of an instant query's answer, or the value of a scalar, which has no labels. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What one scrape target is doing. */
export interface Target {
  readonly job: string;
  readonly health: "up" | "down" | "unknown";
  /** Why the last scrape failed; empty where it did not. */
  readonly lastError: string;
}

export interface Exemplar {
  /** Of the series that it belongs to. */
  readonly series: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Epoch seconds. */
  readonly timestamp: number;
}

/** A Prometheus of a test's own. Queries that it refuses are errors with its own words. */
export interface RunningPrometheus {
  readonly port: number;
  /** An instant query, at an epoch second or now. */
  query(expression: string, atSeconds?: number): Promise<readonly Sample[]>;
  exemplars(expression: string): Promise<readonly Exemplar[]>;
  targets(): Promise<readonly Target[]>;
  /** Waits until every target has been scraped `times` times from now on; fails with what a target's scrape failed with. */
  scraped(times?: number): Promise<void>;
  /** `/api/v1/<path>`: the data of the answer. */
  api(path: string): Promise<unknown>;
  logs(): string;
  stop(): Promise<void>;
}

export interface PrometheusOptions {
  /** A job each, by its name: where it scrapes. */
  readonly scrape: Readonly<Record<string, { readonly port: number; readonly path?: string }>>;
  /** How often it scrapes and evaluates, and how long a scrape may take. Absent: 500 ms. */
  readonly intervalMs?: number;
  /** Texts of rule files. */
  readonly rules?: readonly string[];
}

/** Starts Prometheus on a free port of loopback, with exemplars, and waits until it is ready and knows what to scrape. */
export async function startPrometheus(
  server: Found,
  { scrape, intervalMs = 500, rules = [] }: PrometheusOptions,
): Promise<RunningPrometheus> {
  const folder = await mkdtemp(join(tmpdir(), "weir-prometheus-"));
  const [port = 0] = await freePorts(1);
  const ruleFiles = rules.map((_, index) => join(folder, `rules-${index}.yml`));
  for (const [index, path] of ruleFiles.entries()) await writeFile(path, rules[index] ?? "");
  const interval = `${intervalMs}ms`;
  // JSON is YAML.
  const config = JSON.stringify({
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    rule_files: ruleFiles,
    scrape_configs: Object.entries(scrape).map(([job, target]) => ({
      job_name: job,
      metrics_path: target.path ?? "/metrics",
      static_configs: [{ targets: [`127.0.0.1:${target.port}`] }],
    })),
  });
  await writeFile(join(folder, "prometheus.yml"), config);
  const running = await startProcess(
    server.binary,
    [
      ...[`--config.file=${join(folder, "prometheus.yml")}`, `--storage.tsdb.path=${join(folder, "data")}`],
      ...[`--web.listen-address=127.0.0.1:${port}`, "--enable-feature=exemplar-storage"],
      ...["--web.enable-lifecycle", "--log.level=warn"],
    ],
    { ...server.environment, GOMAXPROCS: "1" },
  );
  const stop = async (): Promise<void> => {
    await running.stop();
    await rm(folder, { recursive: true, force: true });
  };
  const isReady = async (): Promise<boolean> => {
    const end = running.ended();
    if (end !== undefined) throw new Error(`Prometheus ended with ${end}: ${running.errors()}`);
    const answer = await requestHttp1({ port }, { path: "/-/ready" }).catch(() => undefined);
    return answer?.status === 200;
  };
  const asking = asked((path) => api(port, path));
  const jobs = Object.keys(scrape).length;
  try {
    await until(isReady, { what: "Prometheus to be ready", timeoutMs: 30_000 });
    // It hears of its targets up to five seconds later.
    await until(async () => (await asking.targets()).length === jobs, {
      what: "Prometheus to know its targets",
      timeoutMs: 30_000,
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, ...asking, logs: () => running.errors(), stop };
}

const encoded = encodeURIComponent;

/** What it can be asked over its API. */
function asked(get: (path: string) => Promise<unknown>): Omit<RunningPrometheus, "port" | "logs" | "stop"> {
  const targets = async (): Promise<readonly z.infer<typeof TARGETS>["activeTargets"][number][]> =>
    TARGETS.parse(await get("targets?state=active")).activeTargets;
  return {
    api: get,
    async query(expression, atSeconds) {
      const at = atSeconds === undefined ? "" : `&time=${atSeconds}`;
      const data = QUERIED.parse(await get(`query?query=${encoded(expression)}${at}`));
      if (data.resultType === "scalar") return [{ labels: {}, value: readValue(data.result[1]) }];
      return data.result.map(({ metric, value }) => ({ labels: metric, value: readValue(value[1]) }));
    },
    async exemplars(expression) {
      const from = Math.floor(Date.now() / 1_000) - 3_600;
      const path = `query_exemplars?query=${encoded(expression)}&start=${from}&end=${from + 7_200}`;
      return EXEMPLARS.parse(await get(path)).flatMap(({ seriesLabels, exemplars }) =>
        exemplars.map((one) => ({ ...one, series: seriesLabels, value: readValue(one.value) })),
      );
    },
    targets: async () =>
      (await targets()).map(({ labels, health, lastError }) => ({
        job: labels["job"] ?? "",
        health,
        lastError,
      })),
    async scraped(times = 1) {
      // The scrape that is under way may have begun before; the one after it did not.
      for (let left = times + 1; left > 0; left--) {
        const before = new Map((await targets()).map((one) => [one.scrapePool, one.lastScrape]));
        await until(
          async () => {
            const now = await targets();
            // Somebody who is only slow on a busy machine is asked again.
            const isSlow = now.some(({ lastError }) => lastError.includes("deadline exceeded"));
            if (isSlow) return false;
            const failed = now.find(({ lastError }) => lastError !== "");
            if (failed !== undefined) throw new Error(`${failed.scrapePool}: ${failed.lastError}`);
            return now.every((one) => one.lastScrape !== before.get(one.scrapePool));
          },
          { what: "Prometheus to scrape", timeoutMs: 20_000 },
        );
      }
    },
  };
}

const VALUE = z.tuple([z.number(), z.string()]);
const LABELS = z.record(z.string(), z.string());

const QUERIED = z.discriminatedUnion("resultType", [
  z.object({
    resultType: z.literal("vector"),
    result: z.array(z.object({ metric: LABELS, value: VALUE })),
  }),
  z.object({ resultType: z.literal("scalar"), result: VALUE }),
]);

const EXEMPLARS = z.array(
  z.object({
    seriesLabels: LABELS,
    exemplars: z.array(z.object({ labels: LABELS, value: z.string(), timestamp: z.number() })),
  }),
);

const TARGETS = z.object({
  activeTargets: z.array(
    z.object({
      labels: LABELS,
      scrapePool: z.string(),
      health: z.enum(["up", "down", "unknown"]),
      lastError: z.string(),
      lastScrape: z.string(),
    }),
  ),
});

/** Prometheus writes infinities as `+Inf` and `-Inf`. */
const readValue = (text: string): number =>
  text.endsWith("Inf") ? Number(text.replace("Inf", "Infinity")) : Number(text);

const ANSWER = z.union([
  z.object({ status: z.literal("success"), data: z.unknown() }),
  z.object({ status: z.literal("error"), error: z.string() }),
]);

async function api(port: number, path: string): Promise<unknown> {
  const { status, body } = await requestHttp1({ port }, { path: `/api/v1/${path}` });
  const answer = ANSWER.safeParse(JSON.parse(body.toString()));
  if (!answer.success) throw new Error(`Prometheus answered ${status} to ${path}`);
  if (answer.data.status === "error") throw new Error(`Prometheus: ${answer.data.error} (${path})`);
  return answer.data.data;
}

/** Runs promtool, which lies beside Prometheus, such as with `test rules x.yml`; `check metrics` reads `input`. */
export function runPromtool(
  { binary, environment }: Found,
  parameters: readonly string[],
  input?: string,
): Promise<Ended> {
  const options = input === undefined ? { environment } : { environment, input };
  return runCommand(join(dirname(binary), "promtool"), parameters, options);
}
