import { QUOTA_ENTRY, SETTLE_DOMAIN, TOKEN_ENTRY } from "../limits/settle.ts";
import { checkCluster } from "./check-cluster.ts";
import { checkVersion, checkWait } from "./check-filter.ts";
import type { ConfigNode } from "./config-node.ts";
import { CHECK_FILTER } from "./filters.ts";
import { finding, type Finding } from "./findings.ts";
import type { LateCost, Needs } from "./needs.ts";
import { isCheck, perFilter, routesOf, type EnvoyParts, type FilterPart, type ManagerPart } from "./parts.ts";
import { LIMIT_MESSAGE } from "./rate-limits.ts";

/** One filter that asks a rate limit service. */
interface LimitPart {
  readonly filter: FilterPart;
  readonly config: ConfigNode;
  readonly manager: ManagerPart;
}

/** Whether weir is asked about its domains and told of late costs, and what becomes of requests when it does not answer. */
export function checkLimits(root: ConfigNode, parts: EnvoyParts, needs: Needs): readonly Finding[] {
  const limits = parts.managers.flatMap((manager) =>
    manager.filters.flatMap((filter): LimitPart[] =>
      filter.message === LIMIT_MESSAGE && filter.config !== undefined
        ? [{ filter, config: filter.config, manager }]
        : [],
    ),
  );
  const checks = parts.managers.flatMap(({ filters }) => filters.filter(isCheck));
  const ours = new Set(
    checks.flatMap(({ config }) => config?.get("grpc_service", "envoy_grpc", "cluster_name")?.text() ?? []),
  );
  return [
    ...checkAsked(root, limits, parts, needs),
    ...limits.flatMap((limit) => {
      const elsewhere = checkWhere(limit, ours, needs);
      if (elsewhere !== undefined) return elsewhere;
      const service = limit.config.get("rate_limit_service");
      return [
        ...(domainOf(limit) === SETTLE_DOMAIN ? checkSettling(limit, needs) : checkLimit(limit, needs)),
        ...(service === undefined ? [] : checkVersion(service)),
        ...(service === undefined ? [] : checkCluster(service, parts.clusters, needs)),
      ];
    }),
  ];
}

const domainOf = ({ config }: LimitPart): string => config.get("domain")?.text() ?? "";

const PRINTED = "weir envoy --for envoy prints the filter";

/** Whether there is a filter for each domain and one for late costs. What is fetched may be one. */
function checkAsked(
  root: ConfigNode,
  limits: readonly LimitPart[],
  { managers }: EnvoyParts,
  { domains, lateCosts }: Needs,
): readonly Finding[] {
  const filters = managers.flatMap((manager) => manager.filters);
  if (filters.length === 0 || filters.some(({ node }) => node.get("config_discovery") !== undefined))
    return [];
  const asked = new Set(limits.flatMap((limit) => [domainOf(limit), ...routed(limit).map(textOf)]));
  return [
    ...domains
      .filter(({ name }) => !asked.has(name))
      .map(({ name }) => {
        const message = `no filter asks about the domain ${name}, so nothing of it is limited here`;
        return finding("limit-not-asked", root.place, message, `${PRINTED}; or another Envoy has it`);
      }),
    ...(asked.has(SETTLE_DOMAIN) ? [] : lateCosts.map((cost) => notSettled(cost, root))),
  ];
}

const textOf = (node: ConfigNode): string => node.text() ?? "";

const notSettled = ({ policy, quota, place }: LateCost, node: ConfigNode): Finding => {
  const message = `nothing says what ${policy}/${quota} came to (${place.file}:${place.line}:${place.column}), so what was reserved is never corrected`;
  return finding("cost-not-settled", node.place, message, PRINTED);
};

/** The hosts and routes in front of which a filter stands; each may say something to it. */
const placesOf = ({ manager: { virtualHosts = [] } }: LimitPart): readonly ConfigNode[] =>
  virtualHosts.flatMap((host) => [host, ...routesOf(host)]);

/** Domains that routes put in place of the filter's (`RateLimitPerRoute.domain`). */
const routed = (limit: LimitPart): readonly ConfigNode[] =>
  placesOf(limit).flatMap((place) => perFilter(place, limit.filter.name)?.get("domain") ?? []);

/** What there is to say of a filter that asks another service, or about what no file has; undefined of all others. */
function checkWhere(
  limit: LimitPart,
  ours: ReadonlySet<string>,
  { domains }: Needs,
): readonly Finding[] | undefined {
  const known = new Set([SETTLE_DOMAIN, ...domains.map(({ name }) => name)]);
  const { config, filter } = limit;
  const cluster = config.get("rate_limit_service", "grpc_service", "envoy_grpc", "cluster_name");
  const isOurs = ours.size === 0 || ours.has(cluster?.text() ?? "");
  const said = [...(routed(limit).length === 0 ? [config.get("domain") ?? config] : []), ...routed(limit)];
  if (!isOurs) {
    const message = `${cluster?.text() ?? "no cluster"} is asked, and checks ask ${[...ours].join(", ")}`;
    return known.has(domainOf(limit))
      ? [finding("limit-elsewhere", (cluster ?? filter.node).place, message, "name the cluster that is weir")]
      : [];
  }
  const unknown = said.filter((node) => !known.has(textOf(node)));
  if (unknown.length === 0) return undefined;
  // Without a check nobody knows whether it is weir that is asked.
  if (ours.size === 0) return [];
  const names = domains.map(({ name }) => name);
  const hint = names.length === 0 ? "add a file with this domain" : `one of ${names.join(", ")}`;
  return unknown.map((node) => {
    const message = `no file has the domain ${textOf(node)}, so weir limits nothing there`;
    return finding("limit-unknown-domain", node.place, message, hint);
  });
}

/** Envoy's own, where none is written (rate_limit.proto). */
const DEFAULT_TIMEOUT_MS = 20;

function checkLimit(limit: LimitPart, needs: Needs): readonly Finding[] {
  const { config, filter, manager } = limit;
  const items = itemsOf(limit);
  const found: Finding[] = [];
  const mode = config.get("failure_mode_deny");
  if (mode?.isTrue() !== true) {
    const message = "where weir is away, requests pass uncounted";
    const place = (mode ?? filter.node).place;
    found.push(finding("limit-fails-open", place, message, "failure_mode_deny: true, unless that is meant"));
  }
  if (items.length === 0 && manager.virtualHosts !== undefined) {
    const message = "neither the filter nor a route has rate_limits, so weir is never asked";
    found.push(finding("limit-without-actions", filter.node.place, message, "rate_limits, with actions"));
  }
  return [
    ...found,
    ...checkWait(config.get("timeout"), filter.node, DEFAULT_TIMEOUT_MS, needs),
    ...checkOrder(limit, items, needs),
  ];
}

/** What descriptors are made of: of the filter, or of hosts and routes. */
const itemsOf = (limit: LimitPart): readonly ConfigNode[] =>
  [
    limit.config,
    ...placesOf(limit).flatMap((place) => [place, place.get("route"), perFilter(place, limit.filter.name)]),
  ].flatMap((node) => node?.get("rate_limits")?.items() ?? []);

const actionsOf = (item: ConfigNode): readonly ConfigNode[] => item.get("actions")?.items() ?? [];

/** In front of the check a header that policies set is still the client's own. */
function checkOrder(
  { filter, manager: { filters } }: LimitPart,
  items: readonly ConfigNode[],
  { requestHeaders }: Needs,
): readonly Finding[] {
  if (!filters.slice(filters.indexOf(filter)).some(isCheck)) return [];
  return items
    .filter((item) => item.get("apply_on_stream_done")?.isTrue() !== true)
    .flatMap(actionsOf)
    .flatMap((action) => {
      const header = action.get("request_headers", "header_name");
      const isOwned = header !== undefined && requestHeaders.includes(textOf(header).toLowerCase());
      const isMetadata = action.get("metadata", "metadata_key", "key")?.text() === CHECK_FILTER;
      if (!isOwned && !isMetadata) return [];
      const message = isOwned
        ? `${textOf(header)} is set by policies, and here it is what the client wrote`
        : "the check has left no metadata yet";
      return [finding("limit-too-early", action.place, message, "move the filter behind the check")];
    });
}

function checkSettling({ config, filter }: LimitPart, { lateCosts }: Needs): readonly Finding[] {
  const items = config.get("rate_limits")?.items() ?? [];
  const quotas = items.map(quotaOf);
  const wrong = (node: ConfigNode, message: string, hint: string): Finding =>
    finding("cost-settled-wrong", node.place, message, hint);
  return [
    ...(items.length === 0
      ? [wrong(filter.node, "rate_limits of hosts and routes know no cost of a stream's end", PRINTED)]
      : []),
    ...items.flatMap((item) => [
      ...(item.get("apply_on_stream_done")?.isTrue() === true
        ? []
        : [wrong(item, "it asks before the request has cost anything", "apply_on_stream_done: true")]),
      ...(item.get("hits_addend") === undefined
        ? [wrong(item, "without a cost every request comes to 1", "hits_addend: { format: … }")]
        : []),
      ...(actionsOf(item).some((action) => action.get("metadata", "descriptor_key")?.text() === TOKEN_ENTRY)
        ? []
        : [wrong(item, `no entry ${TOKEN_ENTRY} says what is settled`, PRINTED)]),
    ]),
    ...(items.length === 0 || quotas.includes(undefined)
      ? []
      : lateCosts
          .filter(({ policy, quota }) => !quotas.includes(`${policy}/${quota}`))
          .map((cost) => notSettled(cost, filter.node))),
  ];
}

/** Of which quota a descriptor speaks; undefined: of all. */
const quotaOf = (item: ConfigNode): string | undefined =>
  actionsOf(item)
    .find((action) => action.get("generic_key", "descriptor_key")?.text() === QUOTA_ENTRY)
    ?.get("generic_key", "descriptor_value")
    ?.text();
