import type { Behaviour } from "../support/apigee.ts";
import type { ApigeeRequest } from "../support/apigee-asking.ts";
import { API, claimsOf, productOf } from "../support/apigee-mesh.ts";

/** What both servers are asked. */
export interface Case {
  readonly name: string;
  readonly request: ApigeeRequest;
  /** How Apigee behaves meanwhile. */
  readonly during?: { readonly verifyApiKey: Behaviour };
  /** Of whoever calls by an answer that differs: its name in the documentation, and both statuses. */
  readonly differs?: { readonly by: string; readonly weir: number; readonly reference: number };
}

const operations = (resource: string, ...methods: readonly string[]): object => ({ resource, methods });
const quota = (limit: number): object => ({ limit: String(limit), interval: "1", timeUnit: "day" });

export const PRODUCTS: readonly object[] = [
  productOf("open"),
  productOf("counted", 1_000),
  { ...productOf("paths"), apiResources: ["/v1.0/*", "/exact", "/**/bad"] },
  { ...productOf("scoped"), scopes: ["read", "write"] },
  { ...productOf("elsewhere"), environments: ["test"] },
  {
    ...productOf("operations", 1_000),
    operationGroup: {
      operationConfigType: "remoteservice",
      operationConfigs: [
        {
          apiSource: API,
          operations: [operations("/z/<&>", "GET"), operations("/orders/*", "POST", "GET")],
          quota: quota(500),
        },
        { apiSource: API, operations: [operations("/orders/**"), { resource: "/any" }] },
        { apiSource: "other.example.com", operations: [operations("/other")] },
      ],
    },
  },
  {
    ...productOf("both"),
    operationGroup: {
      operationConfigType: "remoteservice",
      operationConfigs: [
        { apiSource: API, operations: [operations("/orders/*")], quota: quota(1) },
        { apiSource: API, operations: [operations("/orders/**")], quota: quota(100) },
      ],
    },
  },
  productOf("full", 3),
  productOf("dozen", 12),
];

export const KEYS: ReadonlyMap<string, object> = new Map([
  ["plain", claimsOf("plain-app", "open")],
  ["paths", claimsOf("paths-app", "paths")],
  ["scoped", claimsOf("scoped-app", "scoped")],
  ["elsewhere", claimsOf("elsewhere-app", "elsewhere", "gone")],
  ["operations", claimsOf("operations app", "operations", "counted")],
  ["custom", { ...claimsOf("custom-app", "open", "counted"), custom_attributes: '{"tier":"gold"}' }],
  ["nameless", { api_product_list: '["open"]', application_name: "nameless-app" }],
  ["none", claimsOf("none-app")],
  ["later", claimsOf("later-app", "open")],
  ["forged", claimsOf("forged-app", "open")],
  ...["both", "full", "fresh"].flatMap((name) =>
    ["weir", "reference"].map(
      (by) => [`${name}-${by}`, claimsOf(`${name}-${by}`, name === "fresh" ? "full" : name)] as const,
    ),
  ),
  ["dozen", claimsOf("dozen-app", "dozen")],
]);

const ofKey = (key: string): Readonly<Record<string, string>> => ({
  "x-api-key": key,
  "user-agent": "curl/8",
});
export const get = (path: string, key: string): ApigeeRequest => ({ path, headers: ofKey(key) });

const CLAIMS = { ...claimsOf("token-app", "scoped", "open"), client_id: "token-client" };

export const CASES: readonly Case[] = [
  { name: "a key in the header", request: get("/orders/1?a=1", "plain") },
  { name: "a key in the query", request: { path: "/orders/2?b=2&x-api-key=plain" } },
  { name: "a header before a query", request: get("/orders/3?x-api-key=nobody", "plain") },
  { name: "custom attributes and two products", request: get("/orders/4", "custom") },
  { name: "a list of products as a text, and no developer", request: get("/orders/5", "nameless") },
  {
    name: "a caller that proxies tell",
    request: { path: "/orders/6", headers: { ...ofKey("plain"), "x-forwarded-for": "203.0.113.9" } },
  },
  { name: "an unknown key", request: get("/orders/10", "nobody") },
  { name: "no product", request: get("/orders/11", "none") },
  { name: "another path", request: get("/closed", "plain") },
  { name: "another environment, and a product that is gone", request: get("/orders/12", "elsewhere") },
  { name: "scopes, which keys need none of", request: get("/orders/13", "scoped") },
  { name: "a star", request: get("/v1.0/a", "paths") },
  { name: "a star, further down", request: get("/v1.0/a/b", "paths") },
  { name: "a whole path", request: get("/exact", "paths") },
  { name: "a longer path", request: get("/exact/", "paths") },
  { name: "a resource that is none", request: get("/x/bad", "paths") },
  {
    name: "an operation with a quota of its own, one without, and a product",
    request: get("/orders/20", "operations"),
  },
  { name: "an operation of any method", request: { ...get("/orders/21", "operations"), method: "DELETE" } },
  { name: "an operation without methods", request: { ...get("/any", "operations"), method: "POST" } },
  { name: "an operation of another API", request: get("/other", "operations") },
  {
    name: "claims of a token in scope",
    request: { path: "/orders/30", claims: { ...CLAIMS, scope: "read openid" } },
  },
  {
    name: "claims of a token out of scope",
    request: { path: "/orders/31", claims: { ...CLAIMS, scope: "openid" } },
  },
  {
    name: "claims beside a key that nobody has",
    request: { path: "/orders/32", headers: ofKey("nobody"), claims: CLAIMS },
  },
  {
    name: "claims without products",
    request: { path: "/orders/33", claims: { api_product_list: [], client_id: "x", application_name: "y" } },
  },
  {
    name: "nothing",
    request: { path: "/orders/40", headers: { "user-agent": "curl/8" } },
    differs: { by: "Statuses", weir: 401, reference: 403 },
  },
  {
    name: "a character in place of a dot",
    request: get("/v1x0/a", "paths"),
    differs: { by: "Literals", weir: 403, reference: 200 },
  },
  {
    name: "a host with a port",
    request: { ...get("/orders/41", "plain"), host: `${API}:8080` },
    differs: { by: "Hosts", weir: 200, reference: 403 },
  },
  {
    name: "a path that may be another",
    request: get("/orders/%2e%2e/closed", "plain"),
    differs: { by: "Paths", weir: 400, reference: 200 },
  },
  {
    name: "a failure of Apigee's",
    request: get("/orders/42", "later"),
    during: { verifyApiKey: { status: 500, body: "{}" } },
    differs: { by: "Failures", weir: 503, reference: 403 },
  },
];
