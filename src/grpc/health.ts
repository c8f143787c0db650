import {
  status,
  type sendUnaryData,
  type Server,
  type ServerUnaryCall,
  type ServerWritableStream,
} from "@grpc/grpc-js";
import {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../wire/grpc/health/v1/health.ts";

export type Serving = "serving" | "not-serving";

/** The health of one server: the same for the whole server (service "") and each of its services. */
export interface Health {
  set(serving: Serving): void;
  /** Tells every watcher "not serving" and ends its stream; the health stays so. Safe twice. */
  close(): void;
}

type Watcher = ServerWritableStream<HealthCheckRequest, HealthCheckResponse>;

export const healthServiceName = "grpc.health.v1.Health";

/** Proxies watch once a connection; the bound only stops a client that opens streams for ever. */
const maxWatchers = 1000;

/**
 * Serves grpc.health.v1, not serving at first.
 * Source: https://github.com/grpc/grpc/blob/master/doc/health-checking.md (Check of a service that is not known answers
 * NOT_FOUND; Watch says SERVICE_UNKNOWN and stays open).
 */
export function registerHealth(server: Server, services: readonly string[]): Health {
  const known = new Set(["", ...services]);
  const watchers = new Set<Watcher>();
  let serving: Serving = "not-serving";
  let closed = false;

  function check(
    call: ServerUnaryCall<HealthCheckRequest, HealthCheckResponse>,
    callback: sendUnaryData<HealthCheckResponse>,
  ): void {
    if (known.has(call.request.service)) callback(null, response(serving));
    else callback({ code: status.NOT_FOUND, details: "unknown service" });
  }

  function watch(call: Watcher): void {
    if (watchers.size >= maxWatchers) {
      call.emit("error", { code: status.RESOURCE_EXHAUSTED, details: `more than ${maxWatchers} watchers` });
      return;
    }
    call.write(
      known.has(call.request.service) ? response(serving) : { status: ServingStatus.SERVICE_UNKNOWN },
    );
    if (closed) {
      call.end();
      return;
    }
    watchers.add(call);
    call.once("cancelled", () => watchers.delete(call));
    call.once("close", () => watchers.delete(call));
  }

  function set(next: Serving): void {
    if (closed || next === serving) return;
    serving = next;
    for (const watcher of watchers) {
      if (known.has(watcher.request.service)) watcher.write(response(serving));
    }
  }

  function close(): void {
    set("not-serving");
    closed = true;
    for (const watcher of watchers) watcher.end();
  }

  const path = `/${healthServiceName}`;
  server.register(`${path}/Check`, check, encodeResponse, decodeRequest, "unary");
  server.register(`${path}/Watch`, watch, encodeResponse, decodeRequest, "serverStream");
  return { set, close };
}

function response(serving: Serving): HealthCheckResponse {
  return { status: serving === "serving" ? ServingStatus.SERVING : ServingStatus.NOT_SERVING };
}

function encodeResponse(message: HealthCheckResponse): Buffer {
  return Buffer.from(HealthCheckResponse.encode(message).finish());
}

function decodeRequest(bytes: Buffer): HealthCheckRequest {
  return HealthCheckRequest.decode(bytes);
}
