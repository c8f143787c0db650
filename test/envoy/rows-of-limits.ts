import { BEFORE, BEHIND, filter, GOOD, ROUTE, type Row } from "./envoys.ts";
import { policyOf } from "./fixture.ts";

const EDGE = `domain: edge
descriptors:
  - { key: user, rate_limit: { unit: day, requests_per_unit: 1 } }
`;
const limits = { "edge.yaml": EDGE };
const MESSAGE = "envoy.extensions.filters.http.ratelimit.v3.RateLimit";
const NAME = "envoy.filters.http.ratelimit";

const FIELDS = `                      domain: edge
                      timeout: 0.25s
                      failure_mode_deny: true
                      rate_limit_service: { transport_api_version: V3, grpc_service: { envoy_grpc: { cluster_name: weir } } }
                      rate_limits:
                        - actions: [{ request_headers: { header_name: X-User, descriptor_key: user } }]
`;
const LIMIT = filter(NAME, MESSAGE, FIELDS);
const LIMITED = GOOD.replace(BEHIND, `${LIMIT}${BEHIND}`);
const limited = (old: string, now: string): string => LIMITED.replace(LIMIT, LIMIT.replace(old, now));
const without = (field: string): string =>
  limited(new RegExp(`^ {22}${field}:.*\\n`, "m").exec(LIMIT)?.[0] ?? "", "");
const NO_ACTIONS = limited(FIELDS.slice(FIELDS.indexOf("                      rate_limits")), "");

const LATE = `${policyOf("false")}quotas:
  - id: tokens
    windows: [{ limit: 9, per: day }]
    cost: { reserve: "1", settle: 'int(metadata["llm"].tokens)' }
`;
const SECRETS = "weir: 1\nsecrets: { mac: { env: WEIR_MAC } }\n";
const SETTLING = `                      domain: weir/settle
                      timeout: 1s
                      rate_limit_service: { transport_api_version: V3, grpc_service: { envoy_grpc: { cluster_name: weir } } }
                      rate_limits:
                        - apply_on_stream_done: true
                          hits_addend: { format: "%DYNAMIC_METADATA(llm:tokens)%" }
                          actions:
                            - metadata: { descriptor_key: token, source: DYNAMIC, metadata_key: { key: envoy.filters.http.ext_authz, path: [{ key: weir }, { key: settle }] } }
                            - generic_key: { descriptor_key: quota, descriptor_value: orders/tokens }
`;
const settling = (old = "", now = ""): string =>
  GOOD.replace(BEHIND, filter("weir.settle", MESSAGE, SETTLING.replace(old, now)) + BEHIND);
const late = { policy: LATE, server: SECRETS };

/** What is found in the filters that ask about rate limits, and in that of late costs. */
export const ROWS_OF_LIMITS: readonly Row[] = [
  { what: "a domain is asked about", config: LIMITED, files: limits, codes: [] },
  { what: "a domain is not asked about", config: GOOD, files: limits, codes: ["limit-not-asked"] },
  {
    what: "filters come from elsewhere, one of which may ask about a domain",
    config: GOOD.replace(
      BEHIND,
      `                  - name: fetched\n                    config_discovery: {}\n${BEHIND}`,
    ),
    files: limits,
    codes: [],
  },
  {
    what: "another domain is asked about",
    config: limited("domain: edge", "domain: egde"),
    files: limits,
    codes: ["limit-not-asked", "limit-unknown-domain"],
  },
  { what: "a domain of no file is asked about", config: LIMITED, codes: ["limit-unknown-domain"] },
  {
    what: "a domain of another service is asked about there",
    config: limited("cluster_name: weir", "cluster_name: other"),
    codes: [],
  },
  {
    what: "a domain is asked about elsewhere",
    config: limited("cluster_name: weir", "cluster_name: other"),
    files: limits,
    codes: ["limit-elsewhere"],
  },
  {
    what: "a route has the domain, and another one that nobody knows",
    config: limited("domain: edge", "domain: unused").replace(
      ROUTE,
      `${ROUTE}                          typed_per_filter_config: { ${NAME}: { domain: edge } }
                        - match: { prefix: /b }
                          route: { cluster: upstream }
                          typed_per_filter_config: { ${NAME}: { domain: egde } }
`,
    ),
    files: limits,
    codes: ["limit-unknown-domain"],
  },
  {
    what: "limits fail open",
    config: without("failure_mode_deny"),
    files: limits,
    codes: ["limit-fails-open"],
  },
  { what: "limits have 20 ms", config: without("timeout"), files: limits, codes: ["timeout-too-short"] },
  {
    what: "limits are asked for by nobody",
    config: NO_ACTIONS,
    files: limits,
    codes: ["limit-without-actions"],
  },
  {
    what: "a route says what descriptors are made of",
    config: NO_ACTIONS.replace(
      "route: { cluster: upstream }",
      "route: { cluster: upstream, rate_limits: [{ actions: [{ remote_address: {} }] }] }",
    ),
    files: limits,
    codes: [],
  },
  {
    what: "a limit reads a header of a policy's in front of the check",
    config: GOOD.replace(BEFORE, `${LIMIT}${BEFORE}`),
    files: limits,
    codes: ["limit-too-early"],
  },
  {
    what: "a limit reads the check's metadata in front of it",
    config: GOOD.replace(
      BEFORE,
      LIMIT.replace(
        "request_headers: { header_name: X-User,",
        "metadata: { metadata_key: { key: envoy.filters.http.ext_authz },",
      ) + BEFORE,
    ),
    files: limits,
    codes: ["limit-too-early"],
  },
  {
    what: "a limit in front of the check reads what clients write anyway",
    config: GOOD.replace(BEFORE, LIMIT.replace("X-User", "x-plan") + BEFORE),
    files: limits,
    codes: [],
  },
  {
    what: "limits are asked for in an old version",
    config: limited("transport_api_version: V3", "transport_api_version: V2"),
    files: limits,
    codes: ["old-api"],
  },
  { what: "a late cost is settled", config: settling(), ...late, codes: [] },
  { what: "a late cost is settled by nobody", config: GOOD, ...late, codes: ["cost-not-settled"] },
  {
    what: "another quota's late cost is settled",
    config: settling("orders/tokens", "orders/bytes"),
    ...late,
    codes: ["cost-not-settled"],
  },
  {
    what: "a late cost is settled too early, as 1, and without a token",
    config: settling("apply_on_stream_done: true", "stage: 0")
      .replace(/ *hits_addend.*\n/, "")
      .replace("descriptor_key: token", "descriptor_key: tokens"),
    ...late,
    codes: ["cost-settled-wrong", "cost-settled-wrong", "cost-settled-wrong"],
  },
  {
    what: "the cost of a stream's end stands where Envoy does not look for it",
    config: settling(SETTLING.slice(SETTLING.indexOf("                      rate_limits"))),
    ...late,
    codes: ["cost-settled-wrong"],
  },
];
