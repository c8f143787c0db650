import type { Place } from "../policy/diagnostic.ts";

/** One finding about Envoy's side: where, how bad, what, and what to write. */
export interface Finding extends Place {
  /** `error`: a policy cannot work, or a refusal can be evaded. */
  readonly severity: "error" | "warning";
  readonly code: FindingCode;
  readonly message: string;
  readonly hint: string;
}

type Row = readonly [severity: Finding["severity"], meaning: string];

/** Everything that `weir envoy` can find, with what it means. docs/envoy.md has the same rows. */
export const FINDINGS = {
  "cannot-be-sent": ["error", "A policy reads what this target cannot make Envoy send."],
  "unreadable-config": [
    "error",
    "The file cannot be read, is no YAML or JSON, or has no connection manager in it.",
  ],
  "no-check": ["error", "No ext_authz filter asks weir."],
  "listener-unchecked": ["warning", "This connection manager has no ext_authz filter, while others have."],
  "check-disabled": ["error", "A route, a virtual host or the filter itself switches the check off."],
  "check-sampled": ["error", "`filter_enabled` is below 100%: the rest of the requests pass unchecked."],
  "check-conditional": ["warning", "`filter_enabled_metadata` decides which requests are checked."],
  "check-too-late": ["error", "A cache in front of the check answers what nobody checked."],
  "body-not-sent": ["error", "A policy reads the body, and Envoy is not told to send it."],
  "body-as-text": [
    "warning",
    "Without `pack_as_bytes` Envoy replaces what is not UTF-8 before weir sees it.",
  ],
  "body-partial": ["warning", "`allow_partial_message` cuts bodies; policies that read them then refuse."],
  "body-too-large": [
    "error",
    "`max_request_bytes` is beyond what weir takes: a caller can choose an error, about which the failure mode decides.",
  ],
  "raw-headers-not-sent": ["error", "A policy reads `request.headers_all` without `encode_raw_headers`."],
  "certificate-not-sent": [
    "error",
    "A policy trusts certificates without `include_peer_certificate`: one with two names passes.",
  ],
  "tls-session-not-sent": ["error", "A policy reads the TLS server name without `include_tls_session`."],
  "metadata-not-sent": [
    "error",
    "A policy reads a namespace that `metadata_context_namespaces` does not name.",
  ],
  "metadata-too-late": ["error", "The filter whose metadata policies read stands behind the check."],
  "route-not-named": ["error", "No route has the context extension `weir.route` that a policy matches."],
  "headers-not-sent": ["error", "A header that policies read is not sent: a deny on it never refuses."],
  "header-not-set": [
    "error",
    "`allowed_upstream_headers` leaves out what a policy sets: the client's copy passes.",
  ],
  "path-prefix": ["error", "`path_prefix` is not weir.yaml's `pathPrefix`: every check is answered 400."],
  "http-not-served": ["error", "Envoy asks over HTTP, and weir.yaml lists no `http` listener."],
  "fails-open": ["warning", "`failure_mode_allow` lets requests pass that nobody checked."],
  "fails-open-unguarded": ["error", "… and with them the client's own copies of headers that policies own."],
  "guard-too-late": ["error", "A header_mutation filter behind the check removes what policies set."],
  "timeout-too-short": ["warning", "Envoy gives up before weir's `checkTimeout` is over."],
  "timeout-too-long": ["warning", "Envoy waits much longer than weir ever takes."],
  "no-status-on-error": ["warning", "Where weir is away Envoy answers 403, as if the caller were at fault."],
  "route-cache-cleared": ["warning", "After the check the request may go to a route that was not checked."],
  "old-api": ["error", "`transport_api_version` is not V3, and weir answers nothing else."],
  "not-http2": ["error", "The cluster of weir speaks no HTTP/2, which gRPC needs."],
  "no-tls-to-weir": ["error", "weir's listener has TLS, and the cluster has none."],
  "certificate-not-shown": ["error", "weir's listener asks for a certificate, and the cluster shows none."],
  "client-address": [
    "error",
    "`clientAddress` reads X-Forwarded-For, to which this Envoy does not add its peer.",
  ],
  "client-hops": [
    "warning",
    "Envoy and weir trust different numbers of proxies, and so see different clients.",
  ],
  "request-id": [
    "warning",
    "`once: request` is bound to a request id that this Envoy does not make, or replaces: each hop is charged.",
  ],
  "xfcc-forwarded": ["warning", "What clients write into `x-forwarded-client-cert` reaches the upstream."],
  "http-1-0": ["warning", "HTTP/1.0 needs no Host, and weir refuses requests without one."],
  "path-not-normalized": [
    "warning",
    "Paths with dot segments or empty ones arrive as they are, and weir answers 400.",
  ],
  "path-unescaped": [
    "warning",
    "Escaped slashes are decoded before the check, so that one path has two readings.",
  ],
  "no-stat-prefix": ["warning", "Several checks of one connection manager count under one name."],
  "limit-not-asked": ["warning", "No rate-limit filter asks about a domain that weir's files have."],
  "limit-unknown-domain": [
    "error",
    "weir is asked about a domain that no file has, and limits nothing there.",
  ],
  "limit-elsewhere": [
    "warning",
    "A domain of weir's is asked about at another cluster than that of the checks.",
  ],
  "limit-without-actions": [
    "warning",
    "Neither the filter nor a route has `rate_limits`: weir is never asked.",
  ],
  "limit-too-early": [
    "error",
    "A limit in front of the check counts by what the check sets: clients choose it themselves.",
  ],
  "limit-fails-open": ["warning", "Without `failure_mode_deny` requests pass uncounted where weir is away."],
  "cost-not-settled": [
    "warning",
    "Nothing tells weir what a late cost came to: what was reserved stays as `ifLost` says.",
  ],
  "cost-settled-wrong": [
    "error",
    "The filter for late costs asks too early, without a cost, or without the check's token.",
  ],
  "log-not-sent": ["warning", "No logger sends entries to weir, and telemetry rules are about them."],
  "log-incomplete": [
    "warning",
    "The logger leaves out what telemetry rules read: it has no value, and labels say `unknown`.",
  ],
  "log-buffer-small": [
    "warning",
    "The logger's buffer, which is also all that outlives a moment without weir, holds few entries.",
  ],
  "grpc-stats-missing": [
    "warning",
    "Without `grpc_stats` and `emit_filter_state` nobody knows how many messages a gRPC call had.",
  ],
  "comes-from-elsewhere": [
    "warning",
    "Routes or filters are fetched (RDS, ECDS), or hidden in a dump, and were not looked at.",
  ],
} as const satisfies Readonly<Record<string, Row>>;

export type FindingCode = keyof typeof FINDINGS;

export const finding = (code: FindingCode, place: Place, message: string, hint: string): Finding => ({
  ...place,
  severity: FINDINGS[code][0],
  code,
  message,
  hint,
});

/** Where what an Envoy fetches can be seen. */
export const DUMP_HINT = "check what /config_dump of the running Envoy answers";
