import type { AddressInfo } from "node:net";
import { fastify, type FastifyInstance } from "fastify";
import { bindFailure, formatAddress, prepareAddress, type ListenAddress } from "../std/listen-address.ts";
import type { Metrics } from "../telemetry/metrics.ts";

export interface MetricsListenerOptions {
  readonly address: ListenAddress;
  readonly metrics: Metrics;
  /** Why weir should not be sent requests now; undefined when it is ready. */
  readonly notReady: () => string | undefined;
}

export interface HttpListener {
  /** With the real port. */
  readonly address: ListenAddress;
  close(): Promise<void>;
}

/**
 * The listener for those who watch: `/metrics` for Prometheus, `/healthz` while the process runs,
 * `/readyz` while checks are answered. Rejects when the address cannot be bound.
 */
export async function startMetricsListener(options: MetricsListenerOptions): Promise<HttpListener> {
  const app = fastify({ bodyLimit: 1_024, forceCloseConnections: true });
  app.get("/metrics", async (_request, reply) => {
    const { contentType, text } = await options.metrics.render();
    return reply.type(contentType).send(text);
  });
  app.get("/healthz", (_request, reply) => reply.type("text/plain").send("ok\n"));
  app.get("/readyz", (_request, reply) => {
    const reason = options.notReady();
    return reply
      .status(reason === undefined ? 200 : 503)
      .type("text/plain")
      .send(`${reason ?? "ready"}\n`);
  });
  const address = await listen(app, options.address);
  return { address, close: () => app.close() };
}

async function listen(app: FastifyInstance, asked: ListenAddress): Promise<ListenAddress> {
  try {
    const address = await prepareAddress(asked);
    await app.listen(
      address.kind === "unix" ? { path: address.path } : { host: address.host, port: address.port },
    );
    return boundAddress(app.server.address(), asked);
  } catch (error) {
    throw new Error(`cannot listen on ${formatAddress(asked)}: ${bindFailure(error)}`, { cause: error });
  }
}

/** The address that was asked for, with the port that the system gave for port 0. */
function boundAddress(bound: AddressInfo | string | null, asked: ListenAddress): ListenAddress {
  if (asked.kind === "unix" || bound === null || typeof bound === "string") return asked;
  return { ...asked, port: bound.port };
}
