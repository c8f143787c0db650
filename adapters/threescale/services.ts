import { z } from "zod";
import { compileMappingRules, type MappingRules } from "./mapping-rules.ts";

/** A product of 3scale, as its newest proxy configuration describes it. */
export interface Service {
  readonly id: string;
  /** `orders`: what people call it. */
  readonly name: string;
  /** Of the proxy configuration. */
  readonly version: number;
  /** Lower case, without port. */
  readonly hosts: readonly string[];
  /** How its applications prove who they are. */
  readonly pattern: Pattern;
  /** Where its applications present that. */
  readonly presented: PresentedAt;
  readonly backend: { readonly url: string; readonly token: ProviderToken };
  readonly rules: MappingRules;
  readonly answers: Readonly<Record<AnswerKind, ServiceAnswer>>;
}

/** `user-key`: a key; `app-id`: an id, mostly with a key; `openid`: the id of an OpenID Connect client. */
export type Pattern = "user-key" | "app-id" | "openid";

/** A place of requests, and what the parts of a credential are called there. */
export interface PresentedAt {
  /** `query`: parameters of the query or of a form; `authorization`: that header, whatever the names are. */
  readonly location: "query" | "headers" | "authorization";
  readonly userKey: string;
  readonly appId: string;
  readonly appKey: string;
}

/** What weir itself is to the back-end: the name of a parameter and its value, which is a secret. */
export interface ProviderToken {
  readonly name: string;
  readonly value: string;
}

export type AnswerKind = "failed" | "missing" | "no-match" | "limits";

/** What a refused caller is told. */
export interface ServiceAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

const text = z.string().nullish();
const status = z.number().int().nullish();

/** What is read of a proxy configuration; all else is ignored. Source: 3scale/porta, proxy configs; APIcast, configuration.lua. */
const CONTENT = z.object({
  id: z.union([z.number().int(), z.string().regex(/^[\w-]{1,64}$/)]),
  system_name: text,
  backend_version: z.union([z.string(), z.number()]),
  backend_authentication_type: z.enum(["service_token", "provider_key"]),
  backend_authentication_value: z.string().min(1),
  proxy: z.object({
    hosts: z.array(z.string()).nullish(),
    backend: z.object({ endpoint: text }).nullish(),
    credentials_location: z.enum(["query", "headers", "authorization"]).nullish(),
    auth_user_key: text,
    auth_app_id: text,
    auth_app_key: text,
    error_auth_failed: text,
    error_status_auth_failed: status,
    error_headers_auth_failed: text,
    error_auth_missing: text,
    error_status_auth_missing: status,
    error_headers_auth_missing: text,
    error_no_match: text,
    error_status_no_match: status,
    error_headers_no_match: text,
    error_limits_exceeded: text,
    error_status_limits_exceeded: status,
    error_headers_limits_exceeded: text,
    proxy_rules: z.array(
      z.object({
        http_method: z.string(),
        pattern: z.string(),
        metric_system_name: z.string().min(1),
        delta: z.number().int().positive(),
        last: z.boolean().nullish(),
        position: z.number().nullish(),
        querystring_parameters: z.record(z.string(), z.string()).nullish(),
      }),
    ),
  }),
});

/** One proxy configuration as the system API writes it. */
export const PROXY_CONFIG = z.object({
  proxy_config: z.object({ version: z.number().int(), content: z.unknown() }),
});

export type ProxyConfig = z.output<typeof PROXY_CONFIG>["proxy_config"];

type Content = z.output<typeof CONTENT>;

const PATTERNS: ReadonlyMap<string, Pattern> = new Map([
  ["1", "user-key"],
  ["2", "app-id"],
  ["oauth", "openid"],
]);

/**
 * Makes a service of its proxy configuration. `backendUrl` stands above the one that the configuration names.
 * Throws a sentence, without any secret, where it cannot be used.
 */
export function serviceOf({ version, content }: ProxyConfig, backendUrl: string | undefined): Service {
  const parsed = CONTENT.safeParse(content);
  if (!parsed.success) {
    const places = parsed.error.issues.map(({ path }) => path.join("."));
    throw new Error(`its proxy configuration cannot be read: ${[...new Set(places)].slice(0, 5).join(", ")}`);
  }
  const { proxy, ...service } = parsed.data;
  const pattern = PATTERNS.get(String(service.backend_version));
  if (pattern === undefined) throw new Error(`its backend_version is ${String(service.backend_version)}`);
  const url = backendUrl ?? proxy.backend?.endpoint ?? "";
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ""))
    throw new Error("it names no back-end: set `backend`");
  return {
    id: String(service.id),
    name: service.system_name ?? String(service.id),
    version,
    hosts: (proxy.hosts ?? []).map((host) => host.toLowerCase().replace(/:\d+$/, "")),
    pattern,
    presented: {
      location: proxy.credentials_location ?? "query",
      userKey: proxy.auth_user_key ?? "user_key",
      appId: proxy.auth_app_id ?? "app_id",
      appKey: proxy.auth_app_key ?? "app_key",
    },
    backend: {
      url: url.replace(/\/+$/, ""),
      token: { name: service.backend_authentication_type, value: service.backend_authentication_value },
    },
    rules: rulesOf(proxy),
    answers: answersOf(proxy),
  };
}

function rulesOf({ proxy_rules: written }: Content["proxy"]): MappingRules {
  // They come in order; a sort that keeps equal ones where they are does no harm.
  const inOrder = written.toSorted((left, right) => (left.position ?? 0) - (right.position ?? 0));
  return compileMappingRules(
    inOrder.map((rule) => ({
      method: rule.http_method,
      pattern: rule.pattern,
      query: new Map(Object.entries(rule.querystring_parameters ?? {})),
      metric: rule.metric_system_name,
      delta: rule.delta,
      last: rule.last ?? false,
    })),
  );
}

function answersOf(proxy: Content["proxy"]): Service["answers"] {
  const { error_status_limits_exceeded: limits } = proxy;
  const answer = (code: number, type: Nullish<string>, said: string): ServiceAnswer => ({
    status: code,
    contentType: HEADER_VALUE.exec(type ?? "")?.[0] ?? "text/plain; charset=utf-8",
    text: said,
  });
  return {
    failed: answer(
      refusing(proxy.error_status_auth_failed, 403),
      proxy.error_headers_auth_failed,
      proxy.error_auth_failed ?? "Authentication failed",
    ),
    missing: answer(
      refusing(proxy.error_status_auth_missing, 401),
      proxy.error_headers_auth_missing,
      proxy.error_auth_missing ?? "Authentication parameters missing",
    ),
    "no-match": answer(
      refusing(proxy.error_status_no_match, 404),
      proxy.error_headers_no_match,
      proxy.error_no_match ?? "No Mapping Rule matched",
    ),
    limits: answer(
      refusing(limits, 429),
      proxy.error_headers_limits_exceeded,
      proxy.error_limits_exceeded ?? "Limits exceeded",
    ),
  };
}

const HEADER_VALUE = /^[\x20-\x7e]{1,200}$/;

type Nullish<T> = T | null | undefined;

/** A refusal is answered with a status that refuses. */
function refusing(code: Nullish<number>, otherwise: number): number {
  const status = code ?? otherwise;
  return status >= 400 && status <= 599 ? status : otherwise;
}
