import { QUOTA_ENTRY, SETTLE_DOMAIN, SETTLE_PATIENCE_MS, TOKEN_ENTRY } from "../limits/settle.ts";
import type { DescriptorNode, Domain, Level } from "../policy/domain.ts";
import { CHECK_FILTER, typed } from "./filters.ts";
import { metadataPathOf, type LateCost, type Needs } from "./needs.ts";
import { seconds, timeoutMs } from "./target.ts";
import { said, type Value } from "./write.ts";

type Fields = Readonly<Record<string, Value | undefined>>;

/** The name by which routes configure the filter. */
const LIMIT_FILTER = "envoy.filters.http.ratelimit";
export const LIMIT_MESSAGE = "envoy.extensions.filters.http.ratelimit.v3.RateLimit";
const SETTLE_FILTER = "weir.settle";

/** The first Envoy whose filter has `rate_limits` of its own; a cost that ends with the stream has no effect elsewhere (1.40). */
export const ABOUT_VERSION =
  "Rate limits need Envoy 1.36 or newer: those before it know no rate_limits in the filter.";

/** What has to be asked of weir behind the check, in this order; `cluster` is the one that the check asks. */
export function rateLimitFilters(needs: Needs, cluster: string): readonly Fields[] {
  const settle = settleFilter(needs, cluster);
  return [...(settle === undefined ? [] : [settle]), ...limitFilters(needs, cluster)];
}

/** The filters that ask about each request before it passes, one a domain. */
export const limitFilters = (needs: Needs, cluster: string): readonly Fields[] =>
  needs.domains.map((domain) => ({
    name: needs.domains.length === 1 ? LIMIT_FILTER : `${LIMIT_FILTER}.${domain.name}`,
    typed_config: typed(LIMIT_MESSAGE, {
      domain: domain.name,
      rate_limit_service: service(cluster),
      timeout: said(
        seconds(timeoutMs(needs)),
        `longer than weir's checkTimeout of ${needs.settings.checkTimeoutMs}ms; Envoy's default is 20ms`,
      ),
      failure_mode_deny: said(
        true,
        "without weir, nothing passes; false, Envoy's default: all pass uncounted",
      ),
      status_on_error: said({ code: 503 }, "weir is away; the default is 500"),
      enable_x_ratelimit_headers: said("DRAFT_VERSION_03", "X-RateLimit-Limit, -Remaining, -Reset"),
      rate_limits: said(
        actionsOf(domain),
        "Yours to write. What descriptors are made of is not in weir's files: these are their keys, in order, each with a guess.",
      ),
    }),
  }));

const service = (cluster: string): Value => ({
  transport_api_version: "V3",
  grpc_service: { envoy_grpc: { cluster_name: cluster } },
});

/**
 * The filter that settles late costs when a stream ends; undefined where no policy has any. It stands in front of what may still
 * refuse, because a filter that a request has not reached is not asked at its end.
 */
function settleFilter({ lateCosts }: Needs, cluster: string): Fields | undefined {
  if (lateCosts.length === 0) return undefined;
  return {
    name: SETTLE_FILTER,
    typed_config: typed(LIMIT_MESSAGE, {
      domain: SETTLE_DOMAIN,
      rate_limit_service: service(cluster),
      timeout: said(seconds(SETTLE_PATIENCE_MS), "nobody waits for it"),
      failure_mode_deny: said(
        false,
        "the answer is on its way; what is not settled stays as the quota's ifLost says",
      ),
      rate_limits: lateCosts.map(settlementOf),
    }),
  };
}

/** Envoy leaves a descriptor out where an action or its cost has no value (1.40): then there is nothing to settle, or it is not known. */
const settlementOf = (cost: LateCost): Value => ({
  actions: [
    {
      metadata: {
        descriptor_key: TOKEN_ENTRY,
        source: "DYNAMIC",
        metadata_key: { key: CHECK_FILTER, path: [{ key: "weir" }, { key: "settle" }] },
      },
    },
    { generic_key: { descriptor_key: QUOTA_ENTRY, descriptor_value: `${cost.policy}/${cost.quota}` } },
  ],
  apply_on_stream_done: true,
  hits_addend: { format: formatOf(cost) },
});

/** What Envoy refuses to start with, so that nobody overlooks it. */
const TO_BE_WRITTEN = "YOURS";

/** A format of access logs that has one number for its value (route_components.proto, `hits_addend`). */
function formatOf({ settle }: LateCost): Value {
  const path = metadataPathOf(settle);
  if (path !== undefined)
    return said(`%DYNAMIC_METADATA(${path.join(":")})%`, "a whole number, which a filter has left there");
  const source = settle.source.trim().replace(/\s+/g, " ");
  return said(TO_BE_WRITTEN, `yours to write, such as %BYTES_SENT%: Envoy's word for ${source}`);
}

/** Paths of the tree are many in large files, and the rest is written after the same pattern. */
const MAX_GUESSES = 20;

function actionsOf({ top }: Domain): readonly Value[] {
  const chains = new Map<string, readonly DescriptorNode[]>();
  collect(top, [], chains);
  return [...chains.values()].map((chain) => ({ actions: chain.map(actionOf) }));
}

/** The ways to descriptors that have a limit, by their keys: values make no difference to what is sent, but those of `generic_key`. */
function collect(
  level: Level,
  above: readonly DescriptorNode[],
  found: Map<string, readonly DescriptorNode[]>,
): void {
  const nodes = [
    ...[...level.byValue.values()].flatMap((values) => [...values.values()]),
    ...level.wildcards.map(({ node }) => node),
    ...level.byKey.values(),
  ];
  for (const node of nodes) {
    if (found.size >= MAX_GUESSES) return;
    const chain = [...above, node];
    const name = chain.map(({ key, value = "" }) => (key === GENERIC ? `${key}=${value}` : key)).join("\n");
    if (node.rule !== undefined && !found.has(name)) found.set(name, chain);
    collect(node.below, chain, found);
  }
}

const GENERIC = "generic_key";

/** Actions that have the key of their descriptor by default (route_components.proto, RateLimit.Action). */
const OWN_KEYS: ReadonlySet<string> = new Set([
  ...["remote_address", "masked_remote_address", "source_cluster", "destination_cluster"],
]);

function actionOf({ key, value }: DescriptorNode): Value {
  if (OWN_KEYS.has(key)) return { [key]: {} };
  if (key === GENERIC) return { generic_key: { descriptor_value: value ?? TO_BE_WRITTEN } };
  const header = key.toLowerCase().replace(/[^a-z0-9-]+/g, "-");
  return {
    request_headers: {
      header_name: said(
        header,
        "yours to write: callers set headers as they like, unless a policy sets this one",
      ),
      descriptor_key: key,
    },
  };
}
