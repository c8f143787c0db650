import type { ListenAddress } from "../std/listen-address.ts";
import {
  addressOf,
  checkFilter,
  CLUSTER,
  cluster,
  guardFilter,
  routeConfig,
  tcpFilter,
  typed,
} from "./filters.ts";
import { logger, loggingRemarks, statsFilter } from "./loggers.ts";
import { hasChecks, type Needs, type Protocol } from "./needs.ts";
import { onceRemarks } from "./once.ts";
import { MANAGER_MESSAGE } from "./parts.ts";
import { ABOUT_VERSION, limitFilters, rateLimitFilters } from "./rate-limits.ts";
import { isGateway, type Order, type Service } from "./target.ts";
import { said, type Value, type Written } from "./write.ts";

/** Envoy's own configuration (v3 API), by where its parts go. Names and meanings are of Envoy 1.40. */
export function plainEnvoy(order: Order): readonly Written[] {
  const { needs } = order;
  const { protocols, routes } = needs;
  const hasHttp = isForHttp(needs) || needs.domains.length > 0 || needs.reporting?.protocols.has("http");
  const tcpLogger = loggerOf(order, "tcp");
  return [
    {
      about: ["Envoy in front of weir. Each key says where what stands below it goes.", ...remarks(order)],
      content: {
        http_connection_manager: hasHttp
          ? said(
              manager(order, rateLimitFilters(needs, CLUSTER)),
              "Fields of envoy.filters.network.http_connection_manager.",
            )
          : undefined,
        routes:
          hasHttp && routes.length > 0
            ? said(
                routes.map((name) => ({ name, ...routeConfig(name) })),
                "Fields of the routes that policies know by these names.",
              )
            : undefined,
        network_filters: protocols.has("tcp")
          ? said([tcpFilter(needs)], "In the filter chain of TCP listeners, in front of tcp_proxy.")
          : undefined,
        tcp_proxy:
          tcpLogger && said({ access_log: [tcpLogger] }, "Fields of envoy.filters.network.tcp_proxy."),
        clusters: said([cluster(order)], "Among static_resources.clusters."),
      },
    },
  ];
}

/**
 * A whole bootstrap with the same filters, for trying policies: it listens for plain HTTP, and answers 200 in place of an
 * upstream. A sentence where the policies need more of an Envoy than it has.
 */
export function trialEnvoy(order: Order, listen: ListenAddress): readonly Written[] | string {
  const { protocols, routes } = order.needs;
  if (protocols.has("tcp"))
    return "policies match TCP connections, and --listen makes an Envoy for HTTP; leave it out";
  if (routes.length > 0)
    return `policies match the route ${routes.join(", ")}, which only your own Envoy has; leave --listen out`;
  const connections = typed(MANAGER_MESSAGE, {
    stat_prefix: "trial",
    ...manager(order, limitFilters(order.needs, CLUSTER)),
    route_config: { virtual_hosts: [{ name: "all", domains: ["*"], routes: [ANSWERS_ITSELF] }] },
  });
  const filters = [{ name: "envoy.filters.network.http_connection_manager", typed_config: connections }];
  const listeners = [{ name: "trial", address: addressOf(listen), filter_chains: [{ filters }] }];
  return [
    {
      about: ["An Envoy to try policies with. What they allow it answers itself.", ...remarks(order)],
      content: { static_resources: { listeners, clusters: [cluster(order)] } },
    },
  ];
}

const ANSWERS_ITSELF = {
  match: { prefix: "/" },
  direct_response: { status: 200, body: { inline_string: "allowed\n" } },
};

/** What nothing below can say. */
export function remarks({ needs, service }: Order): readonly string[] {
  const { unguarded, all } = needs;
  const headers = Array.from(
    unguarded,
    ([header, reader]) =>
      `${header} is set by one policy and read by ${reader}, so no guard removes the client's copy: keep failure_mode_allow false.`,
  );
  const own = all.some(({ reader }) => reader === "context_extensions");
  const extensions = own
    ? ["Policies read context_extensions: add what they look for to check_settings of the routes."]
    : [];
  return [
    ...headers,
    ...extensions,
    ...onceRemarks(needs),
    ...limitRemarks(needs, service),
    ...logRemarks(needs, service),
  ];
}

function logRemarks({ reporting, settings }: Needs, service: Service): readonly string[] {
  if (reporting === undefined) return [];
  if (service === "http")
    return ["Access-log entries go over gRPC alone: print their loggers without --http."];
  return [
    ...loggingRemarks(reporting),
    ...(settings.listen.grpc.allow === undefined
      ? []
      : ["Entries are the service report to `allow` in weir.yaml: this Envoy needs it there."]),
  ];
}

function limitRemarks({ domains, lateCosts, settings }: Needs, service: Service): readonly string[] {
  const names = domains.map(({ name }) => name);
  if (names.length + lateCosts.length === 0) return [];
  if (service === "http")
    return [`The limits of ${names.join(", ")} are asked for over gRPC alone: print them without --http.`];
  return [
    ABOUT_VERSION,
    ...(names.length > 1
      ? [
          `weir has the domains ${names.join(", ")}, each with a filter here that asks about every request: keep those of this`,
          "Envoy, or keep one and say `domain` in typed_per_filter_config of the routes (RateLimitPerRoute).",
        ]
      : []),
    ...(settings.listen.grpc.allow === undefined
      ? []
      : ["Rate limits are the service quota to `allow` in weir.yaml: this Envoy needs it there."]),
  ];
}

/** `limits` are over gRPC, which the HTTP listener's cluster does not speak. */
function manager(order: Order, limits: readonly Value[]) {
  const { needs, service } = order;
  const guard = guardFilter(needs);
  const stats = needs.reporting && statsFilter(needs.reporting);
  const log = loggerOf(order, "http");
  const logs = log === undefined ? [] : [said(log, ABOUT_ENTRIES)];
  return {
    normalize_path: said(true, "dot segments that are left in a path are answered 400 by weir"),
    merge_slashes: said(true, "and so are empty segments"),
    ...peerAddress(needs),
    http_filters: [
      ...(guard === undefined
        ? []
        : [
            said(
              guard,
              "Headers that policies own: a client's copy never passes, not even where weir is away.",
            ),
          ]),
      ...(hasChecks(needs) && isForHttp(needs) ? [said(checkFilter(order), ABOUT_ORDER)] : []),
      ...(service === "grpc" ? limits : []),
      ...(stats === undefined || service === "http" ? [] : [said(stats, ABOUT_STATS)]),
      said(ROUTER, "Yours; the last."),
    ],
    access_log:
      service === "grpc" ? [...logs, ...(hasChecks(needs) ? [said(ACCESS_LOG, ABOUT_LOG)] : [])] : undefined,
  };
}

/** What reads the caller's address from X-Forwarded-For needs. */
function peerAddress(needs: Needs) {
  const { clientAddress } = needs.settings;
  if (clientAddress.from !== "xff") return {};
  const hops = "trustedHops" in clientAddress ? clientAddress.trustedHops : 0;
  return {
    use_remote_address: said(
      true,
      "clientAddress is read from X-Forwarded-For, whose last entry must be Envoy's own peer",
    ),
    preserve_external_request_id:
      needs.once === "used" && !isGateway(needs)
        ? said(true, "once: request is told by the gateway for its x-request-id")
        : undefined,
    xff_num_trusted_hops: hops > 0 ? said(hops, "as clientAddress.trustedHops of weir.yaml") : undefined,
  };
}

type Logger = ReturnType<typeof logger>;

const ABOUT_STATS = "The number of messages of gRPC calls, for metrics of them.";
const ABOUT_ENTRIES = "The entries that telemetry rules are about.";

/** What sends entries of a protocol; undefined where no rule wants them, or weir is asked over HTTP. */
function loggerOf({ needs, service, transport }: Order, protocol: Protocol): Logger | undefined {
  const { reporting } = needs;
  if (reporting?.protocols.has(protocol) !== true || service === "http") return undefined;
  const direction = isGateway(needs) ? "out" : "in";
  return logger({ needs: reporting, protocol, transport, cluster: CLUSTER, direction });
}

const isForHttp = ({ protocols, reporting }: Needs): boolean =>
  protocols.has("http") || (protocols.size === 0 && reporting === undefined);

const ABOUT_ORDER = "Behind all of yours: a filter between it and the router can change what was checked.";

const ROUTER = {
  name: "envoy.filters.http.router",
  typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
};

const ABOUT_LOG = "The decision's id, policy and rule on each entry: x-weir-decision of a denial finds it.";

/** The fields of `weir` in dynamic metadata come with each gRPC answer, denials and errors among them. */
const ACCESS_LOG = {
  name: "envoy.access_loggers.stdout",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
    log_format: {
      json_format: {
        time: "%START_TIME%",
        method: "%REQ(:METHOD)%",
        host: "%REQ(:AUTHORITY)%",
        status: "%RESPONSE_CODE%",
        flags: "%RESPONSE_FLAGS%",
        weir: "%DYNAMIC_METADATA(envoy.filters.http.ext_authz:weir)%",
      },
    },
  },
};
