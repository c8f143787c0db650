import type { Found } from "../servers/ensure.ts";
import { startProcess } from "./process.ts";
import { freePorts } from "./redis.ts";
import { until } from "./until.ts";

/** A Zipkin of a test's own, which keeps spans in memory. */
export interface RunningZipkin {
  /** Where spans are sent. */
  readonly spansUrl: string;
  /** The spans of a trace as Zipkin shows them; none while it knows none. */
  trace(traceId: string): Promise<readonly ZipkinSpan[]>;
  /** The edges of its dependency graph, from all spans of the last day. */
  dependencies(): Promise<readonly ZipkinEdge[]>;
  stop(): Promise<void>;
}

/** A span of Zipkin's version 2 API. */
export interface ZipkinSpan {
  readonly traceId: string;
  readonly parentId?: string;
  readonly id: string;
  readonly kind?: string;
  readonly name?: string;
  readonly timestamp?: number;
  readonly duration?: number;
  readonly localEndpoint?: ZipkinEndpoint;
  readonly remoteEndpoint?: ZipkinEndpoint;
  readonly tags?: Readonly<Record<string, string>>;
  readonly shared?: boolean;
  readonly debug?: boolean;
}

export interface ZipkinEndpoint {
  readonly serviceName?: string;
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly port?: number;
}

export interface ZipkinEdge {
  readonly parent: string;
  readonly child: string;
  readonly callCount: number;
  readonly errorCount?: number;
}

const DAY_MS = 86_400_000;

/** Starts one Zipkin on a free port of loopback, and waits until it is healthy. */
export async function startZipkin(server: Found): Promise<RunningZipkin> {
  const [port = 0] = await freePorts(1);
  const at = (path: string): string => `http://127.0.0.1:${port}${path}`;
  const parameters = Object.entries({ port, ip: "127.0.0.1", "protocols[0]": "http" }).map(
    ([name, value]) => `--armeria.ports[0].${name}=${value}`,
  );
  const running = await startProcess(server.binary, parameters, {
    ...server.environment,
    JAVA_OPTS: "-Xmx256m -XX:TieredStopAtLevel=1",
  });
  const isHealthy = async (): Promise<boolean> => {
    const end = running.ended();
    if (end !== undefined)
      throw new Error(`Zipkin has ended (${end}): ${running.output()}${running.errors()}`);
    return fetch(at("/health")).then(
      ({ ok }) => ok,
      () => false,
    );
  };
  await until(isHealthy, { what: `Zipkin on port ${port}`, timeoutMs: 120_000 });
  return {
    spansUrl: at("/api/v2/spans"),
    trace: async (traceId) => (await read<readonly ZipkinSpan[]>(at(`/api/v2/trace/${traceId}`))) ?? [],
    dependencies: async () => {
      const url = at(`/api/v2/dependencies?endTs=${Date.now() + DAY_MS}&lookback=${2 * DAY_MS}`);
      return (await read<readonly ZipkinEdge[]>(url)) ?? [];
    },
    stop: () => running.stop(),
  };
}

/** Undefined where Zipkin does not know it. */
async function read<T>(url: string): Promise<T | undefined> {
  const answer = await fetch(url);
  if (answer.status === 404) return undefined;
  if (!answer.ok) throw new Error(`Zipkin answers ${answer.status} for ${url}: ${await answer.text()}`);
  return (await answer.json()) as T;
}
