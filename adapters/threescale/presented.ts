import { firstParameter } from "./request-uri.ts";
import type { Service } from "./services.ts";

/** What a request is looked through for. */
export interface Presenting {
  /** By lower-case name. */
  readonly headers: ReadonlyMap<unknown, unknown>;
  /** The path with its query. */
  readonly path: string;
  /** The body of a form; empty where there is none. */
  readonly form: string;
}

/** What a request presents; empty where it does not. */
export interface Presented {
  /** A user key or an application's id. */
  readonly value: string;
  readonly secret: string;
}

/**
 * The credential where the proxy configuration says that applications present it, as APIcast finds it. Tokens of OpenID Connect are none: they are
 * to be verified. Source: APIcast, configuration/service.lua.
 */
export function presentedIn({ presented, pattern }: Service, request: Presenting): Presented {
  if (pattern === "openid") return NOTHING;
  const isKey = pattern === "user-key";
  const { location, userKey, appId, appKey } = presented;
  if (location === "authorization") return authorizationIn(request, pattern);
  const read = (name: string): string => {
    if (location === "headers") return headerIn(request, name);
    const [, query = ""] = /^[^?#]*\?([^#]*)/.exec(request.path) ?? [];
    return firstParameter(query, name) ?? firstParameter(request.form, name) ?? "";
  };
  return isKey ? { value: read(userKey), secret: "" } : { value: read(appId), secret: read(appKey) };
}

const NOTHING: Presented = { value: "", secret: "" };

/** nginx, where these names come from, has one for `-` and `_`. */
function headerIn({ headers }: Presenting, name: string): string {
  const lower = name.toLowerCase();
  const value = headers.get(lower.replaceAll("_", "-")) ?? headers.get(lower);
  return typeof value === "string" ? value : "";
}

/** Of `Basic`, the user is what names an application, and the password its key; of `Bearer`, the token names it. */
function authorizationIn(request: Presenting, pattern: "user-key" | "app-id"): Presented {
  const [, scheme = "", rest = ""] = /^(\w+) +(.*)$/.exec(headerIn(request, "authorization")) ?? [];
  switch (scheme.toLowerCase()) {
    case "bearer":
      return { value: rest, secret: "" };
    case "basic": {
      const [user = "", ...password] = Buffer.from(rest, "base64").toString("latin1").split(":");
      const secret = password.join(":");
      if (pattern === "user-key") return { value: user === "" ? secret : user, secret: "" };
      return { value: user, secret };
    }
    default:
      return NOTHING;
  }
}
