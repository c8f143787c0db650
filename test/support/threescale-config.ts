/** What an operator of 3scale has set of a service. */
export interface ProxySettings {
  readonly id: string;
  readonly name?: string;
  readonly version?: number;
  readonly hosts?: readonly string[];
  /** `1`, `2` or `oauth`. */
  readonly backendVersion?: string;
  readonly serviceToken: string;
  /** Parents by metric. */
  readonly metrics?: readonly (readonly [metric: string, parent: string | undefined])[];
  /** `GET /a{x} hits 1`, with ` last` behind it. */
  readonly rules?: readonly string[];
  /** Fields of `content.proxy`, such as `error_auth_failed`. */
  readonly proxy?: Readonly<Record<string, unknown>>;
}

/** A proxy configuration as the system API writes it, with much that is of no use to weir. */
export const proxyConfigOf = (settings: ProxySettings, backendUrl: string): unknown => ({
  id: 1_000 + Number(settings.id),
  version: settings.version ?? 1,
  environment: "production",
  content: {
    id: Number(settings.id),
    account_id: 2,
    name: settings.name ?? "api",
    system_name: settings.name ?? `api-${settings.id}`,
    state: "incomplete",
    backend_version: settings.backendVersion ?? "1",
    backend_authentication_type: "service_token",
    backend_authentication_value: settings.serviceToken,
    proxy: {
      hosts: settings.hosts ?? [],
      endpoint: `https://${settings.hosts?.[0] ?? "api.example.com"}:443`,
      backend: { endpoint: backendUrl, host: "backend" },
      auth_user_key: "user_key",
      credentials_location: "query",
      error_auth_failed: "Authentication failed",
      error_status_auth_failed: 403,
      error_headers_auth_failed: "text/plain; charset=us-ascii",
      policy_chain: [],
      proxy_rules: (settings.rules ?? ["GET / hits 1"]).map((rule, index) => ruleOf(rule, index)),
      ...settings.proxy,
    },
  },
});

function ruleOf(written: string, index: number): unknown {
  const [method, pattern = "", metric, delta, last] = written.split(" ");
  return {
    id: index,
    http_method: method,
    pattern,
    metric_system_name: metric,
    delta: Number(delta),
    last: last === "last",
    position: index + 1,
    owner_type: "Proxy",
    parameters: [],
    querystring_parameters: Object.fromEntries(new URLSearchParams(pattern.split("?")[1] ?? "")),
  };
}
