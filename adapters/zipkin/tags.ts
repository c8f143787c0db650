import type { Exchange, FieldValue } from "../../src/adapter/report.ts";

/** Zipkin's names for facts, and where it has none, those that Envoy's own Zipkin tracer gives them: both are searched alike. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ["http.request.method", "http.method"],
  ["url.path", "http.path"],
  ["server.address", "http.host"],
  ["http.response.status_code", "http.status_code"],
  ["rpc.grpc.status_code", "grpc.status_code"],
  ["user_agent.original", "user_agent"],
  ["http.request.body.size", "request_size"],
  ["http.response.body.size", "response_size"],
  ["envoy.request_id", "guid:x-request-id"],
  ["envoy.response_flags", "response_flags"],
  ["envoy.upstream_cluster", "upstream_cluster"],
  ["envoy.node_id", "node_id"],
]);

const MAX_LENGTH = 4_096;

/** The tags of an exchange's spans: its facts, what the rule adds, and `error` where it failed, which colours it and counts in the graph. */
export function tagsOf({ attributes, added, failure }: Exchange): Readonly<Record<string, string>> {
  const tags = new Map<string, string>();
  for (const [name, value] of attributes) tags.set(NAMES.get(name) ?? name, textOf(value));
  if (failure !== undefined) tags.set("error", textOf(failure));
  for (const [name, value] of added) tags.set(name, textOf(value));
  return Object.fromEntries(tags);
}

/** What is long is cut; a tag is to be found and looked at. */
function textOf(value: FieldValue): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
}
