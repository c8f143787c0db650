/** A name and its value; names are lower case. */
export type HeaderLine = readonly [name: string, value: string];

/** What a check came to, in the shape that the check path gives it. */
export type HttpVerdict = HttpAllowed | HttpDenied | { readonly kind: "error" };

export interface HttpAllowed {
  readonly kind: "allow";
  readonly requestSet: readonly HeaderLine[];
  readonly requestRemove: readonly string[];
  readonly responseSet: readonly HeaderLine[];
  /** The rest has no place in an HTTP answer. */
  readonly requestAppend?: readonly HeaderLine[];
  readonly responseAppend?: readonly HeaderLine[];
  readonly querySet?: readonly HeaderLine[];
  readonly queryRemove?: readonly string[];
}

export interface HttpDenied {
  readonly kind: "deny";
  readonly status: number;
  readonly body: string;
  readonly contentType: string;
  /** Location of a redirect is one of them. */
  readonly headers: readonly HeaderLine[];
}

/** An answer as it goes on the wire. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: readonly HeaderLine[];
  readonly body: string;
}

/**
 * A verdict for Envoy's HTTP ext_authz, which takes 200 for an allow, 5xx for an error, about which its failure mode decides, and
 * the rest for a denial. Denials with 5xx become 403, with the status that was meant in `x-weir-status`: no caller may choose an
 * error. Only `error`, a back-end of ours that failed, is one.
 */
export function httpAnswer(verdict: HttpVerdict, decisionId: string): HttpAnswer {
  const decision: HeaderLine = ["x-weir-decision", decisionId];
  switch (verdict.kind) {
    case "allow":
      return allowed(verdict, decision);
    case "deny":
      return denied(verdict, decision);
    case "error":
      return { status: 503, headers: [decision], body: "" };
  }
}

/**
 * Envoy copies what its `allowed_upstream_headers` name to the request, and what its `allowed_client_headers_on_success` name to
 * the response: both stand side by side here.
 */
function allowed(verdict: HttpAllowed, decision: HeaderLine): HttpAnswer {
  const { requestSet, requestRemove, responseSet } = verdict;
  if (!isCarried(verdict)) return denied(NOT_CARRIED, decision);
  const removed: readonly HeaderLine[] =
    requestRemove.length === 0 ? [] : [["x-envoy-auth-headers-to-remove", requestRemove.join(",")]];
  return { status: 200, headers: [decision, ...requestSet, ...responseSet, ...removed], body: "" };
}

/** An effect that were lost on the way could be the one that makes the grant safe. */
function isCarried(verdict: HttpAllowed): boolean {
  const { requestSet, responseSet, requestAppend = [], responseAppend = [] } = verdict;
  const { querySet = [], queryRemove = [] } = verdict;
  const lost = requestAppend.length + responseAppend.length + querySet.length + queryRemove.length;
  const names = new Set(requestSet.map(([name]) => name));
  return lost === 0 && responseSet.every(([name]) => !names.has(name) && name !== REMOVE);
}

const REMOVE = "x-envoy-auth-headers-to-remove";

const NOT_CARRIED: HttpDenied = {
  kind: "deny",
  status: 500,
  body: "Internal Server Error\n",
  contentType: "text/plain; charset=utf-8",
  headers: [],
};

function denied({ status, body, contentType, headers }: HttpDenied, decision: HeaderLine): HttpAnswer {
  const isDenial = status >= 300 && status < 500;
  const lines: HeaderLine[] = [["content-type", contentType], decision, ...headers];
  if (!isDenial) lines.push(["x-weir-status", String(status)]);
  return { status: isDenial ? status : 403, headers: lines, body };
}
