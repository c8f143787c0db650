import type { ListenAddress } from "../std/listen-address.ts";
import { addressOf, checkFilter, cluster, guardFilter, routeConfig, tcpFilter, typed } from "./filters.ts";
import type { Needs } from "./needs.ts";
import { MANAGER_MESSAGE } from "./parts.ts";
import type { Order } from "./target.ts";
import { said, type Written } from "./write.ts";

/** Envoy's own configuration (v3 API), by where its parts go. Names and meanings are of Envoy 1.40. */
export function plainEnvoy(order: Order): readonly Written[] {
  const { needs } = order;
  const { protocols, routes } = needs;
  const hasHttp = protocols.has("http") || !protocols.has("tcp");
  return [
    {
      about: ["Envoy in front of weir. Each key says where what stands below it goes.", ...remarks(needs)],
      content: {
        http_connection_manager: hasHttp
          ? said(manager(order), "Fields of envoy.filters.network.http_connection_manager.")
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
    ...manager(order),
    route_config: { virtual_hosts: [{ name: "all", domains: ["*"], routes: [ANSWERS_ITSELF] }] },
  });
  const filters = [{ name: "envoy.filters.network.http_connection_manager", typed_config: connections }];
  const listeners = [{ name: "trial", address: addressOf(listen), filter_chains: [{ filters }] }];
  return [
    {
      about: ["An Envoy to try policies with. What they allow it answers itself.", ...remarks(order.needs)],
      content: { static_resources: { listeners, clusters: [cluster(order)] } },
    },
  ];
}

const ANSWERS_ITSELF = {
  match: { prefix: "/" },
  direct_response: { status: 200, body: { inline_string: "allowed\n" } },
};

/** What nothing below can say. */
export function remarks({ unguarded, all }: Needs): readonly string[] {
  const headers = Array.from(
    unguarded,
    ([header, reader]) =>
      `${header} is set by one policy and read by ${reader}, so no guard removes the client's copy: keep failure_mode_allow false.`,
  );
  const own = all.some(({ reader }) => reader === "context_extensions");
  const extensions = own
    ? ["Policies read context_extensions: add what they look for to check_settings of the routes."]
    : [];
  return [...headers, ...extensions];
}

function manager(order: Order) {
  const { needs, service } = order;
  const { clientAddress } = needs.settings;
  const isForwarded = clientAddress.from === "xff";
  const hops = isForwarded && "trustedHops" in clientAddress ? clientAddress.trustedHops : 0;
  const guard = guardFilter(needs);
  return {
    normalize_path: said(true, "dot segments that are left in a path are answered 400 by weir"),
    merge_slashes: said(true, "and so are empty segments"),
    use_remote_address: isForwarded
      ? said(true, "clientAddress is read from X-Forwarded-For, whose last entry must be Envoy's own peer")
      : undefined,
    xff_num_trusted_hops: hops > 0 ? said(hops, "as clientAddress.trustedHops of weir.yaml") : undefined,
    http_filters: [
      ...(guard === undefined
        ? []
        : [
            said(
              guard,
              "Headers that policies own: a client's copy never passes, not even where weir is away.",
            ),
          ]),
      said(checkFilter(order), "Directly before the router: a filter behind it can change what was checked."),
      said(ROUTER, "Yours; the last."),
    ],
    access_log: service === "grpc" ? [said(ACCESS_LOG, ABOUT_LOG)] : undefined,
  };
}

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
