import { fastify } from "fastify";
import type { Handler } from "../adapter/adapter.ts";
import type { ListenAddress } from "../std/listen-address.ts";
import type { ListenerTls } from "../std/tls-files.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { createAnyServer, listenFastify, type HttpListener } from "./listener.ts";
import { sendSlices } from "./slices.ts";

export interface MetricsListenerOptions {
  readonly address: ListenAddress;
  /** Undefined: plain text. */
  readonly tls?: ListenerTls | undefined;
  readonly metrics: Metrics;
  /** The handlers that keep metrics of their own, by name. */
  readonly exposed: () => ReadonlyMap<string, NonNullable<Handler["expose"]>>;
  /** Why weir should not be sent requests now; undefined when it is ready. */
  readonly notReady: () => string | undefined;
  /** A page could not be made whole. */
  readonly onError: (error: unknown) => void;
}

/**
 * The listener for those who watch: `/metrics` for Prometheus, `/metrics/<handler>` for what a handler keeps, `/healthz` while the process runs,
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
  app.get<{ Params: { readonly handler: string } }>("/metrics/:handler", (request, reply) => {
    const exposed = options.exposed();
    const expose = exposed.get(request.params.handler);
    if (expose === undefined) {
      void reply.status(404).type("text/plain").send(unknownHandler(exposed));
      return;
    }
    const { accept = "", "accept-encoding": encodings } = request.headers;
    const { contentType, contentEncoding, slices } = expose({
      accept,
      acceptEncoding: typeof encodings === "string" ? encodings : "",
    });
    reply.hijack();
    reply.raw.writeHead(200, {
      "content-type": contentType,
      vary: "accept, accept-encoding",
      ...(contentEncoding === "" ? {} : { "content-encoding": contentEncoding }),
    });
    sendSlices(reply.raw, slices).catch(options.onError);
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

function unknownHandler(exposed: ReadonlyMap<string, unknown>): string {
  const names = [...exposed.keys()].map((name) => `/metrics/${name}`).join(", ");
  return `no handler of this name keeps metrics; ${names === "" ? "none does" : `there is ${names}`}\n`;
}
