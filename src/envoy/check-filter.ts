import type { ConfigNode } from "./config-node.ts";
import { finding, type Finding } from "./findings.ts";
import { matchesList } from "./matchers.ts";
import { namespacesOf, partsOf, type Need, type Needs, type Part, type Protocol } from "./needs.ts";
import { BODY_BYTES, seconds, timeoutMs } from "./target.ts";

/** What one check filter sends, and what becomes of a request when weir does not answer. */
export function checkFilterOptions(config: ConfigNode, needs: Needs, protocol: Protocol): readonly Finding[] {
  return [
    ...checkSent(config, needs, protocol),
    ...checkNamespaces(config, needs, protocol),
    ...(protocol === "http"
      ? [...checkHeaders(config, needs), ...checkStatus(config)]
      : checkOpenTcp(config)),
    ...checkTimeout(config, needs),
    ...checkShare(config),
    ...checkVersion(config),
    ...(config.get("http_service") === undefined ? [] : checkHttpService(config, needs)),
  ];
}

/** weir takes 4 MiB (src/check/service.ts, src/http/ext-authz.ts), of which headers and certificates have some. */
const MOST_BODY_BYTES = 4 * 1024 * 1024 - 256 * 1024;

/** Whether the body is sent, and how: by a filter that no route overrides. */
export function checkBody(config: ConfigNode, needs: Needs): readonly Finding[] {
  const body = config.get("with_request_body");
  const need = firstNeed(needs, "http", "body");
  if (body === undefined) {
    if (need === undefined) return [];
    const hint = `with_request_body: { max_request_bytes: ${BODY_BYTES}, pack_as_bytes: true }`;
    return [finding("body-not-sent", config.place, `no body is sent, and ${told(need)}`, hint)];
  }
  return need === undefined ? [] : checkBodyOptions(body, config.get("grpc_service") !== undefined);
}

/** The options of a body that is sent; the HTTP service sends bytes always. */
export function checkBodyOptions(body: ConfigNode, isGrpc: boolean): readonly Finding[] {
  const found: Finding[] = [];
  const partial = body.get("allow_partial_message");
  if (partial?.isTrue() === true) {
    const message = "a longer body is cut, and the policies that read it refuse the request with 400";
    found.push(finding("body-partial", partial.place, message, "false: Envoy answers 413 by itself"));
  }
  if (isGrpc && body.get("pack_as_bytes")?.isTrue() !== true) {
    const message = "bytes that are not UTF-8 are replaced before weir sees them, and not for the upstream";
    found.push(finding("body-as-text", body.place, message, "pack_as_bytes: true"));
  }
  const most = body.get("max_request_bytes");
  if ((most?.number() ?? 0) > MOST_BODY_BYTES) {
    const message =
      "weir answers checks of more than 4 MiB, headers and certificate included, with an error, about which failure_mode_allow decides";
    found.push(finding("body-too-large", most?.place ?? body.place, message, `at most ${MOST_BODY_BYTES}`));
  }
  return found;
}

const SWITCHES = [
  ["rawHeaders", "encode_raw_headers", "raw-headers-not-sent"],
  ["certificate", "include_peer_certificate", "certificate-not-sent"],
  ["tlsSession", "include_tls_session", "tls-session-not-sent"],
] as const;

function checkSent(config: ConfigNode, needs: Needs, protocol: Protocol): readonly Finding[] {
  const parts = partsOf(needs, protocol);
  return SWITCHES.flatMap(([part, option, code]) => {
    const node = config.get(option);
    const need = firstNeed(needs, protocol, part);
    if (!parts.has(part) || need === undefined || node?.isTrue() === true) return [];
    return [
      finding(
        code,
        node?.place ?? config.place,
        `${option} is not set, and ${told(need)}`,
        `${option}: true`,
      ),
    ];
  });
}

function checkNamespaces(config: ConfigNode, needs: Needs, protocol: Protocol): readonly Finding[] {
  const node = config.get("metadata_context_namespaces");
  const sent = new Set(node?.items().map((item) => item.text()));
  return namespacesOf(needs, protocol)
    .filter((name) => !sent.has(name))
    .map((name) => {
      const need = needs.all.find((one) => one.namespace === name && one.protocol === protocol);
      const message = `${name} is not sent${need === undefined ? "" : `, and ${told(need)}`}`;
      return finding(
        "metadata-not-sent",
        node?.place ?? config.place,
        message,
        `metadata_context_namespaces: [${name}]`,
      );
    });
}

/** Without a list all headers are sent over gRPC, and over HTTP few (ext_authz.proto, `allowed_headers`). */
function checkHeaders(config: ConfigNode, needs: Needs): readonly Finding[] {
  const isHttp = config.get("http_service") !== undefined;
  const allowed =
    config.get("allowed_headers") ?? config.get("http_service", "authorization_request", "allowed_headers");
  const barred = config.get("disallowed_headers");
  return needs.headersRead.flatMap((name) => {
    if (barred !== undefined && matchesList(barred, name))
      return [notSent(name, barred, `take ${name} out of disallowed_headers`)];
    if (allowed === undefined ? !isHttp || ALWAYS_SENT.has(name) : matchesList(allowed, name)) return [];
    if (isHttp && ALWAYS_SENT.has(name)) return [];
    return [notSent(name, allowed ?? config, `add { exact: ${name} } to the patterns of allowed_headers`)];
  });
}

const ALWAYS_SENT: ReadonlySet<string> = new Set(["host", "authorization", "content-length"]);

const notSent = (name: string, node: ConfigNode, hint: string): Finding =>
  finding("headers-not-sent", node.place, `${name} is not sent, and policies read it`, hint);

function checkStatus(config: ConfigNode): readonly Finding[] {
  const found: Finding[] = [];
  if (config.get("status_on_error") === undefined && config.get("failure_mode_allow")?.isTrue() !== true) {
    const message = "where weir is away Envoy answers 403, which says that the caller may not";
    found.push(finding("no-status-on-error", config.place, message, "status_on_error: { code: 503 }"));
  }
  const clear = config.get("clear_route_cache");
  if (clear?.isTrue() === true) {
    const message =
      "after an answer that changes headers the route is chosen anew, and that route was not checked";
    found.push(
      finding("route-cache-cleared", clear.place, message, "leave it out, or match no route by such headers"),
    );
  }
  return found;
}

/** A connection has no headers to guard: what passes unchecked passes whole. */
function checkOpenTcp(config: ConfigNode): readonly Finding[] {
  const mode = config.get("failure_mode_allow");
  if (mode?.isTrue() !== true) return [];
  const message = "where weir is away or cannot decide, connections pass unchecked";
  return [finding("fails-open", mode.place, message, "false, unless that is meant")];
}

/** Envoy's own, where none is written (ext_authz.proto). */
const DEFAULT_TIMEOUT_MS = 200;
/** So many times `checkTimeout` is longer than any check takes. */
const MANY_TIMES = 20;

function checkTimeout(config: ConfigNode, needs: Needs): readonly Finding[] {
  const node = config.get("grpc_service", "timeout") ?? config.get("http_service", "server_uri", "timeout");
  return checkWait(node, config, DEFAULT_TIMEOUT_MS, needs);
}

/** How long Envoy waits for an answer: as `node` says, else `defaultMs`, which is told at `owner`. */
export function checkWait(
  node: ConfigNode | undefined,
  owner: ConfigNode,
  defaultMs: number,
  needs: Needs,
): readonly Finding[] {
  const { checkTimeoutMs } = needs.settings;
  const found = node === undefined ? defaultMs : node.durationMs();
  const place = (node ?? owner).place;
  const hint = `timeout: ${seconds(timeoutMs(needs))}`;
  if (found === undefined) return [];
  if (found === 0) return [finding("timeout-too-long", place, "0s waits for ever (since Envoy 1.38)", hint)];
  if (found > checkTimeoutMs * MANY_TIMES) {
    const message = `weir answers within its checkTimeout of ${checkTimeoutMs}ms; a caller waits ${found}ms where it is away`;
    return [finding("timeout-too-long", place, message, hint)];
  }
  if (found > checkTimeoutMs) return [];
  const message = `Envoy waits ${found}ms and weir takes up to ${checkTimeoutMs}ms (checkTimeout): its answer, with reason and id, may come too late`;
  return [finding("timeout-too-short", place, message, hint)];
}

const PER: Readonly<Record<string, number>> = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 };

function checkShare(config: ConfigNode): readonly Finding[] {
  const share = config.get("filter_enabled");
  const value = share?.get("default_value");
  const isDenied = config.get("deny_at_disable", "default_value")?.isTrue() === true;
  const found: Finding[] = [];
  if (share !== undefined && value !== undefined && !isDenied) {
    const numerator = value.get("numerator")?.number() ?? 0;
    const denominator = PER[value.get("denominator")?.text() ?? "HUNDRED"] ?? 100;
    if (numerator < denominator) {
      const message = `${(numerator * 100) / denominator}% of the requests are checked, the others pass`;
      found.push(
        finding(
          "check-sampled",
          share.place,
          message,
          "leave it out; `weir serve --observe` refuses nothing",
        ),
      );
    }
  }
  const condition = config.get("filter_enabled_metadata");
  if (condition !== undefined) {
    const message = "requests without that metadata are not checked";
    found.push(
      finding(
        "check-conditional",
        condition.place,
        message,
        "see what writes it (Istio's CUSTOM policies do)",
      ),
    );
  }
  return found;
}

/** Whether a service is asked in the version that weir answers. */
export function checkVersion(config: ConfigNode): readonly Finding[] {
  const version = config.get("transport_api_version");
  if (config.get("grpc_service") === undefined || version?.text() === "V3") return [];
  const message = `transport_api_version is ${version?.text() ?? "AUTO"}, and weir answers V3`;
  return [finding("old-api", (version ?? config).place, message, "transport_api_version: V3")];
}

function checkHttpService(config: ConfigNode, needs: Needs): readonly Finding[] {
  const service = config.get("http_service");
  const { http } = needs.settings.listen;
  if (service === undefined) return [];
  if (http === undefined) {
    const message = "Envoy asks over HTTP, and weir.yaml has no http listener";
    return [
      finding(
        "http-not-served",
        service.place,
        message,
        "ask with grpc_service, or add listen.http to weir.yaml",
      ),
    ];
  }
  const found: Finding[] = [];
  const prefix = service.get("path_prefix");
  if ((prefix?.text() ?? "") !== http.pathPrefix) {
    const message = `path_prefix is ${JSON.stringify(prefix?.text() ?? "")}, and pathPrefix of weir.yaml is ${JSON.stringify(http.pathPrefix)}`;
    found.push(finding("path-prefix", (prefix ?? service).place, message, "write the same in both"));
  }
  const set = service.get("authorization_response", "allowed_upstream_headers");
  for (const name of needs.requestHeaders) {
    if (set !== undefined && matchesList(set, name)) continue;
    const message = `${name} is not taken from weir's answer, so a client's own copy passes`;
    found.push(
      finding(
        "header-not-set",
        (set ?? service).place,
        message,
        `add { exact: ${name} } to allowed_upstream_headers`,
      ),
    );
  }
  return found;
}

const firstNeed = ({ all }: Needs, protocol: Protocol, part: Part): Need | undefined =>
  all.find((one) => one.part === part && one.protocol === protocol);

/** `orders/large reads request.body (policies/orders.yaml:9:5)` */
const told = ({ policy, rule, reader, place }: Need): string =>
  `${rule === undefined ? policy : `${policy}/${rule}`} reads ${reader} (${place.file}:${place.line}:${place.column})`;
