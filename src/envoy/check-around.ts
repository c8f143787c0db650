import { checkBody, checkBodyOptions } from "./check-filter.ts";
import type { ConfigNode } from "./config-node.ts";
import { GUARD_MESSAGE } from "./filters.ts";
import { DUMP_HINT, finding, type Finding } from "./findings.ts";
import { matchesName } from "./matchers.ts";
import { checkRequestId } from "./once.ts";
import { namespacesOf, partsOf, type Needs } from "./needs.ts";
import { isCheck, perFilter, routesOf, type FilterPart, type ManagerPart } from "./parts.ts";

/** What one connection manager does around its checks. */
export function checkAround(manager: ManagerPart, needs: Needs): readonly Finding[] {
  const checks = manager.filters.filter(isCheck);
  if (checks.length === 0) return [];
  return [
    ...checkAddresses(manager.node, checks, needs),
    ...checkProtocol(manager.node),
    ...checkRequestId(manager.node, needs),
    ...checks.flatMap((check) => [
      ...checkOrder(manager.filters, check, needs),
      ...checkFailureMode(manager, check, needs),
      ...checkRoutes(manager, check, needs),
      ...checkBodySent(manager, check, needs),
    ]),
    ...checkPrefixes(checks),
  ];
}

function checkAddresses(node: ConfigNode, checks: readonly FilterPart[], needs: Needs): readonly Finding[] {
  const { clientAddress } = needs.settings;
  const remote = node.get("use_remote_address");
  const skip = node.get("skip_xff_append");
  const hops = node.get("xff_num_trusted_hops");
  const found: Finding[] = [];
  const isHttp = checks.some(({ config }) => config?.get("http_service") !== undefined);
  if (clientAddress.from === "xff" && isHttp && (remote?.isTrue() !== true || skip?.isTrue() === true)) {
    const message =
      "the last entry of X-Forwarded-For is not this Envoy's peer but what a caller may have written, and clientAddress reads it";
    found.push(
      finding(
        "client-address",
        (skip ?? remote ?? node).place,
        message,
        "use_remote_address: true, without skip_xff_append",
      ),
    );
  }
  const expected = "trustedHops" in clientAddress ? clientAddress.trustedHops : 0;
  const trusted = hops?.number() ?? 0;
  if (hops !== undefined && !("trustedProxies" in clientAddress) && trusted !== expected) {
    const message = `Envoy trusts ${trusted} proxies in front of it, and clientAddress of weir.yaml ${expected}: the two see different clients`;
    found.push(finding("client-hops", hops.place, message, "write the same number in both"));
  }
  return found;
}

function checkProtocol(node: ConfigNode): readonly Finding[] {
  const found: Finding[] = [];
  const forward = node.get("forward_client_cert_details");
  if (forward?.text() === "ALWAYS_FORWARD_ONLY") {
    const message =
      "what a client writes into x-forwarded-client-cert goes on to the upstream; weir never reads it";
    found.push(finding("xfcc-forwarded", forward.place, message, "SANITIZE, or SANITIZE_SET"));
  }
  const old = node.get("http_protocol_options", "accept_http_10");
  if (old?.isTrue() === true) {
    const message = "requests of HTTP/1.0 may come without a Host, and are then refused";
    found.push(finding("http-1-0", old.place, message, "leave it out"));
  }
  for (const name of ["normalize_path", "merge_slashes"] as const) {
    const option = node.get(name);
    if (option?.isTrue() === true) continue;
    const what = name === "normalize_path" ? "dot segments" : "empty segments";
    const message = `paths with ${what} come as they are, and weir answers 400 (weir/ambiguous-path)`;
    found.push(finding("path-not-normalized", (option ?? node).place, message, `${name}: true`));
  }
  const escaped = node.get("path_with_escaped_slashes_action");
  if (escaped?.text() === "UNESCAPE_AND_FORWARD") {
    const message =
      "/a%2Fb is checked and routed as /a/b, while servers in front of this Envoy may have read it otherwise";
    found.push(
      finding("path-unescaped", escaped.place, message, "REJECT_REQUEST, or leave it out: weir answers 400"),
    );
  }
  return found;
}

const CACHES = ["envoy.extensions.filters.http.cache.", "envoy.extensions.filters.http.cache_v2."];
const JWT = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication";

function checkOrder(filters: readonly FilterPart[], check: FilterPart, needs: Needs): readonly Finding[] {
  const position = filters.indexOf(check);
  const before = filters.slice(0, position);
  const behind = filters.slice(position + 1);
  const namespaces = namespacesOf(needs, "http");
  return [
    ...before
      .filter(({ message }) => CACHES.some((prefix) => message?.startsWith(prefix) === true))
      .map(({ node, name }) =>
        finding(
          "check-too-late",
          node.place,
          `${name} answers from its store before weir is asked`,
          "move it behind the check",
        ),
      ),
    ...behind
      .filter(({ name, message }) =>
        namespaces.includes(message === JWT ? "envoy.filters.http.jwt_authn" : name),
      )
      .map(({ node, name }) =>
        finding(
          "metadata-too-late",
          node.place,
          `${name} has left nothing yet when weir is asked`,
          "move it in front of the check",
        ),
      ),
    ...behind.flatMap((filter) => {
      const taken = needs.requestHeaders.filter((name) => removes(filter, name));
      if (taken.length === 0) return [];
      const message = `it removes ${taken.join(", ")}, which policies have set`;
      return [finding("guard-too-late", filter.node.place, message, "move it in front of the check")];
    }),
  ];
}

/** Whether a filter surely removes a header, for each request. */
function removes({ message, config }: FilterPart, header: string): boolean {
  if (message !== GUARD_MESSAGE) return false;
  const mutations = config?.get("mutations", "request_mutations")?.items() ?? [];
  return mutations.some((mutation) => {
    const matcher = mutation.get("remove_on_match", "key_matcher");
    return (
      mutation.get("remove")?.text()?.toLowerCase() === header ||
      (matcher !== undefined && matchesName(matcher, header))
    );
  });
}

function checkFailureMode(
  { node, filters }: ManagerPart,
  { config, node: place, ...check }: FilterPart,
  needs: Needs,
): readonly Finding[] {
  const mode = config?.get("failure_mode_allow");
  if (mode?.isTrue() !== true) return [];
  const early = node.get("early_header_mutation_extensions") === undefined ? [] : [...node.walk()];
  const before = filters.slice(
    0,
    filters.findIndex((one) => one.name === check.name && one.node === place),
  );
  const bare = needs.guarded.filter(
    (header) =>
      !before.some((filter) => removes(filter, header)) &&
      !early.some((one) => one.get("remove")?.text()?.toLowerCase() === header),
  );
  const open = [...bare, ...needs.unguarded.keys()];
  if (open.length === 0) {
    const message = "where weir is away or cannot decide, requests pass unchecked";
    return [finding("fails-open", mode.place, message, "false, unless that is meant")];
  }
  const message = `where weir is away, a client's own ${open.join(", ")} reaches the upstream as if a policy had set it`;
  const hint =
    needs.unguarded.size > 0
      ? "failure_mode_allow: false: other policies read what one sets, so no filter may remove it"
      : "failure_mode_allow: false, or the header_mutation filter in front that weir envoy --for envoy prints";
  return [finding("fails-open-unguarded", mode.place, message, hint)];
}

function checkRoutes(
  { node, virtualHosts }: ManagerPart,
  check: FilterPart,
  needs: Needs,
): readonly Finding[] {
  if (virtualHosts === undefined) {
    const message = "its routes come from elsewhere, so what they say of the check is not known";
    return [finding("comes-from-elsewhere", node.place, message, DUMP_HINT)];
  }
  const isOff = check.node.get("disabled")?.isTrue() === true;
  const found: Finding[] = [];
  const named = new Set<string>();
  for (const host of virtualHosts) {
    const ofHost = perFilter(host, check.name);
    for (const place of [host, ...routesOf(host), ...routesOf(host).flatMap(weighted)]) {
      const said = perFilter(place, check.name);
      found.push(...checkRoute(said, needs));
      const route = settingsOf(said)?.get("context_extensions", "weir.route")?.text();
      if (route !== undefined) named.add(route);
      if (isOff && place !== host && said === undefined && ofHost === undefined)
        found.push(
          finding(
            "check-disabled",
            place.place,
            "the filter is disabled, and this route does not enable it",
            SWITCHED_OFF,
          ),
        );
    }
  }
  return [...found, ...checkNames(check.node, named, needs)];
}

/** What Envoy's dumps have in place of the values of context extensions, which are marked as sensitive. */
const REDACTED = "[redacted]";

function checkNames(node: ConfigNode, named: ReadonlySet<string>, { routes }: Needs): readonly Finding[] {
  const missing = routes.filter((route) => !named.has(route));
  if (missing.length > 0 && named.has(REDACTED)) {
    const message = `the dump hides what routes are called, so ${missing.join(", ")} of match.routes was not compared`;
    return [
      finding("comes-from-elsewhere", node.place, message, "check the file that this Envoy was started with"),
    ];
  }
  return missing.map((route) => {
    const message = `no route says that it is ${route}, so what match.routes says of it never matches`;
    const hint = `typed_per_filter_config: check_settings: { context_extensions: { weir.route: ${route} } }`;
    return finding("route-not-named", node.place, message, hint);
  });
}

/** What each route says of the body stands in place of what the filter says; Envoy Gateway writes it there alone. */
function checkBodySent(
  { virtualHosts = [] }: ManagerPart,
  { name, config }: FilterPart,
  needs: Needs,
): readonly Finding[] {
  if (config === undefined) return [];
  const routes = virtualHosts.flatMap(routesOf);
  const isSent = routes.every(
    (route) => settingsOf(perFilter(route, name))?.get("with_request_body") !== undefined,
  );
  return routes.length > 0 && isSent ? [] : checkBody(config, needs);
}

const weighted = (route: ConfigNode): readonly ConfigNode[] =>
  route.get("route", "weighted_clusters", "clusters")?.items() ?? [];

const SWITCHED_OFF = "let weir decide: a policy with `default: allow` grants it, and it is counted";

/** What a route says to the check itself, perhaps wrapped (`envoy.config.route.v3.FilterConfig`). */
const settingsOf = (said: ConfigNode | undefined): ConfigNode | undefined =>
  said?.get("check_settings") ?? said?.get("config", "check_settings");

function checkRoute(said: ConfigNode | undefined, needs: Needs): readonly Finding[] {
  if (said === undefined) return [];
  const disabled = said.get("disabled") ?? said.get("config", "disabled");
  if (disabled?.isTrue() === true)
    return [finding("check-disabled", disabled.place, "what comes in here is not checked", SWITCHED_OFF)];
  const settings = settingsOf(said);
  if (!partsOf(needs, "http").has("body") || settings === undefined) return [];
  const unbuffered = settings.get("disable_request_body_buffering");
  if (unbuffered?.isTrue() === true) {
    const message = "no body is sent for this route, and policies read it";
    return [finding("body-not-sent", unbuffered.place, message, "leave it out")];
  }
  const body = settings.get("with_request_body");
  return body === undefined ? [] : checkBodyOptions(body, true);
}

function checkPrefixes(checks: readonly FilterPart[]): readonly Finding[] {
  if (checks.length < 2) return [];
  return checks
    .filter(({ config }) => config !== undefined && config.get("stat_prefix") === undefined)
    .map(({ node }) =>
      finding(
        "no-stat-prefix",
        node.place,
        "its counters are those of the other checks too",
        "stat_prefix: weir",
      ),
    );
}
