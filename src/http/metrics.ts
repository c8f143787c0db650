import { fastify } from "fastify";
import type { ListenAddress } from "../std/listen-address.ts";
import type { ListenerTls } from "../std/tls-files.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { createAnyServer, listenFastify, type HttpListener } from "./listener.ts";

export interface MetricsListenerOptions {
  readonly address: ListenAddress;
  /** Undefined: plain text. */
  readonly tls?: ListenerTls | undefined;
  readonly metrics: Metrics;
  /** Why weir should not be sent requests now; undefined when it is ready. */
  readonly notReady: () => string | undefined;
}

/**
 * The listener for those who watch: `/metrics` for Prometheus, `/healthz` while the process runs,
 * `/readyz` while checks are answered. Rejects when the address cannot be bound.
 */
export async function startMetricsListener(options: MetricsListenerOptions): Promise<HttpListener> {
  const app = fastify({
    bodyLimit: 1_024,
    forceCloseConnections: true,
    serverFactory: (handler) => createAnyServer(options.tls, {}, handler),
  });
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
  const address = await listenFastify(app, options.address);
  return { address, close: () => app.close() };
}
