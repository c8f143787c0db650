import type { CheckService } from "./check/service.ts";
import type { GrpcService } from "./grpc/calls.ts";
import type { QuotaService } from "./quota/service.ts";
import { otlpExport } from "./report/otlp-export.ts";
import type { ReportService } from "./report/service.ts";

/** What proxies are answered, by the word of `weir serve --only`. */
export interface Services {
  readonly check: CheckService;
  readonly quota: QuotaService;
  readonly report: ReportService;
}

export type ServiceName = keyof Services;

export const SERVICE_NAMES: readonly ServiceName[] = ["check", "quota", "report"];

/** What of it the gRPC listener offers. */
export const grpcServices = (services: Services, serves: ReadonlySet<ServiceName>): readonly GrpcService[] =>
  offered(services).filter(({ operation }) => serves.has(operation));

const offered = ({
  check,
  quota,
  report,
}: Services): readonly (GrpcService & { operation: ServiceName })[] => [
  {
    name: "envoy.service.auth.v3.Authorization",
    operation: "check",
    methods: { Check: (request, deadlineAtMs, caller) => check.check(request, deadlineAtMs, caller) },
  },
  {
    name: "envoy.service.ratelimit.v3.RateLimitService",
    operation: "quota",
    methods: {
      ShouldRateLimit: (request, deadlineAtMs, caller) =>
        quota.shouldRateLimit(
          request,
          deadlineAtMs,
          caller.mayAsk("refund") ? "may refund" : "may not refund",
        ),
    },
  },
  {
    name: "envoy.service.accesslog.v3.AccessLogService",
    operation: "report",
    methods: {},
    streams: { StreamAccessLogs: (stream) => report.open(stream) },
  },
  {
    name: "opentelemetry.proto.collector.logs.v1.LogsService",
    operation: "report",
    methods: { Export: otlpExport(report) },
  },
];
