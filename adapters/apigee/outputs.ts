import type { Output } from "../../src/adapter/adapter.ts";
import type { Caller } from "./caller.ts";
import type { Wanted } from "./operations.ts";

/** What a check answers with. */
export const OUTPUTS: Readonly<Record<string, Output>> = {
  client_id: { type: "string", meaning: "The client, which is the API key" },
  application: { type: "string", meaning: "The developer's application" },
  developer_email: { type: "string", meaning: "The developer; empty where the token does not say" },
  products: { type: "list(string)", meaning: "The API products of the application" },
  scopes: { type: "list(string)", meaning: "The scopes of an access token; a key has none" },
  access_token: { type: "string", meaning: "The access token's own claim of that name; empty of a key" },
  custom_attributes: {
    type: "string",
    meaning: "The custom attributes that the token has, as they are; else empty",
  },
  organization: { type: "string", meaning: "The organization of the handler" },
  environment: { type: "string", meaning: "The environment of the question" },
  api: { type: "string", meaning: "The API of the question" },
  product: { type: "string", meaning: "The first product that opens the operation; missing where none does" },
  remaining: { type: "int", meaning: "Requests left in the quota that has least; missing without one" },
  analytics: { type: "string", meaning: "What a telemetry rule hands back to this handler, for analytics" },
};

/** What is known when a question is answered. */
export interface Known {
  readonly organization: string;
  readonly caller: Caller | undefined;
  readonly wanted: Wanted | undefined;
  readonly product?: string;
  readonly remaining?: number | undefined;
}

/** The values of `OUTPUTS`. */
export function outputsOf({
  organization,
  caller,
  wanted,
  product,
  remaining,
}: Known): ReadonlyMap<string, unknown> {
  const outputs = new Map<string, unknown>([["organization", organization]]);
  if (caller !== undefined) {
    outputs.set("client_id", caller.clientId);
    outputs.set("application", caller.application);
    outputs.set("developer_email", caller.developerEmail);
    outputs.set("products", [...caller.products]);
    outputs.set("scopes", [...caller.scopes]);
    outputs.set("access_token", caller.accessToken);
    outputs.set("custom_attributes", caller.customAttributes);
  }
  if (product !== undefined) outputs.set("product", product);
  if (remaining !== undefined) outputs.set("remaining", BigInt(remaining));
  if (wanted === undefined) return outputs;
  outputs.set("environment", wanted.environment);
  outputs.set("api", wanted.api);
  outputs.set("analytics", analyticsOf(wanted, { caller, product }));
  return outputs;
}

/** A telemetry rule hands back no longer text. */
const MAX_ANALYTICS_LENGTH = 1_024;

/** The fields of an analytics record that only the check knows, under the names that they have there; the last have to fit. */
function analyticsOf(
  { api, environment }: Wanted,
  { caller, product }: { readonly caller: Caller | undefined; readonly product: string | undefined },
): string {
  const fields = {
    environment,
    apiproxy: api,
    client_id: caller?.clientId,
    api_product: product,
    developer_app: caller?.application,
    developer_email: caller?.developerEmail,
    access_token: caller?.accessToken,
  };
  const said = Object.entries(fields).filter(([, value]) => value !== undefined && value !== "");
  let text = JSON.stringify(Object.fromEntries(said));
  while (text.length > MAX_ANALYTICS_LENGTH && said.length > 0) {
    said.pop();
    text = JSON.stringify(Object.fromEntries(said));
  }
  return text;
}
