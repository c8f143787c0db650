import type { UnaryHandler } from "../grpc/calls.ts";
import { exportResponse, OtlpReader, whyRejected } from "./otlp.ts";
import type { Came, ReportService } from "./service.ts";

/**
 * opentelemetry.proto.collector.logs.v1.LogsService/Export: answers when every record of the call is in the queues of handlers, or has
 * been counted as none. Where weir has no room the call fails with UNAVAILABLE, and nothing of it was taken: who sends may try again.
 */
export function otlpExport(service: Pick<ReportService, "take">): UnaryHandler {
  const reader = new OtlpReader();
  return (request, _deadlineAtMs, caller) => {
    const { promise, resolve } = Promise.withResolvers<Buffer>();
    const read = (): ReturnType<OtlpReader["read"]> => reader.read(request, caller);
    const taken = service.take({
      bytes: request.length,
      *read(): Generator<Came, void> {
        const { entries, invalid } = read();
        yield { entries, invalid, via: "otlp" };
        // Whoever reads comes back when it has dealt with all of them.
        resolve(exportResponse(invalid.length, whyRejected(invalid)));
      },
      shed() {
        const { entries, invalid } = read();
        return { via: "otlp", entries: entries.length + invalid.length };
      },
    });
    return taken === "shed" ? NO_ROOM : promise;
  };
}

const NO_ROOM = { code: "unavailable", details: "too many entries wait to be looked at" } as const;
