/** Who calls, as verified claims say. */
export interface Caller {
  /** What he has shown: an API key, or a token whose claims are these. */
  readonly by: "key" | "token";
  readonly clientId: string;
  readonly application: string;
  readonly developerEmail: string;
  /** API products; with none, nothing is open to him. */
  readonly products: readonly string[];
  readonly scopes: readonly string[];
  readonly accessToken: string;
  readonly customAttributes: string;
}

/** Claims by name, of a token that was verified. */
export type Claims = ReadonlyMap<string, unknown>;

/**
 * Reads claims that a remote service signs, or an access token of Apigee's has; a sentence where they are not such. It never repeats one.
 * Source: apigee-remote-service-golib, auth/context.go.
 */
export function readCaller(claims: Claims, by: Caller["by"]): Caller | string {
  const products = productsOf(claims.get("api_product_list"));
  if (typeof products === "string") return products;
  const clientId = claims.get("client_id");
  const application = claims.get("application_name");
  if (typeof clientId !== "string" || clientId === "") return "the claim client_id is not a text";
  if (typeof application !== "string") return "the claim application_name is not a text";
  for (const name of ["scope", "custom_attributes"]) {
    const value = claims.get(name) ?? "";
    if (typeof value !== "string") return `the claim ${name} is not a text`;
  }
  return {
    by,
    clientId,
    application,
    developerEmail: textOf(claims, "developer_email"),
    products,
    scopes: textOf(claims, "scope")
      .split(" ")
      .filter((scope) => scope !== ""),
    accessToken: textOf(claims, "access_token"),
    customAttributes: textOf(claims, "custom_attributes"),
  };
}

const textOf = (claims: Claims, name: string): string => {
  const value = claims.get(name);
  return typeof value === "string" ? value : "";
};

/** A list, or the JSON of one. */
function productsOf(written: unknown): readonly string[] | string {
  const value = typeof written === "string" ? parsed(written) : written;
  if (value === undefined || value === null) return "the claim api_product_list is missing";
  const isList = Array.isArray(value) && value.every((name): name is string => typeof name === "string");
  if (!isList) return "the claim api_product_list is not a list of names";
  return value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
