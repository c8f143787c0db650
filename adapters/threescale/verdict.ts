import type { FetchAnswer } from "../../src/adapter/host.ts";

/** What an answer of the back-end means. */
export type BackendVerdict =
  | { readonly kind: "authorized" }
  /** It says no. `code` is 3scale's word for why, or `unknown`. */
  | { readonly kind: "denied"; readonly code: string }
  /** It refuses what we are set up to send: nothing that a caller does changes that. */
  | { readonly kind: "misconfigured"; readonly code: string }
  /** No answer of 3scale's, or one that says nothing. */
  | { readonly kind: "failed"; readonly reason: string };

/** Why a caller is refused with a status that also means faults of ours. Source: Apisonator, errors.rb. */
const OF_THE_CALLER: ReadonlySet<string> = new Set([
  "user_key_invalid",
  "application_not_found",
  // Bytes in a credential that are no text.
  "not_valid_data",
]);

/** Decisions against which no other caller can do anything: the service is set up otherwise than we ask. */
const OF_THE_SETTINGS: ReadonlySet<string> = new Set([
  "oauth_not_enabled",
  "redirect_uri_invalid",
  "redirect_url_invalid",
]);

/**
 * Reads status, header and error code, and no other text: what a caller sends stands in it unescaped, so that it can be made to say
 * anything. The code stands in front of it.
 */
export function verdictOf({ status, headers, body }: FetchAnswer): BackendVerdict {
  switch (status) {
    case 200:
      return { kind: "authorized" };
    case 409: {
      const code = known(headers.get("3scale-rejection-reason")) ?? "unknown";
      return { kind: OF_THE_SETTINGS.has(code) ? "misconfigured" : "denied", code };
    }
    case 400:
    case 401:
    case 403:
    case 404:
    case 422: {
      const code = codeOf(body);
      if (code !== undefined) return { kind: OF_THE_CALLER.has(code) ? "denied" : "misconfigured", code };
      return { kind: "misconfigured", code: `a status of ${status} without a code of 3scale's` };
    }
    default:
      return { kind: "failed", reason: `3scale answers ${status}` };
  }
}

/** `<error code="…">` at the very beginning; undefined where nothing of the kind is there. */
export const codeOf = (body: Buffer): string | undefined =>
  /^\s*(?:<\?xml[^?<>]*\?>)?\s*<error\s+code="([a-z_]{1,64})"\s*>/.exec(
    body.subarray(0, 512).toString("latin1"),
  )?.[1];

const known = (reason: string | undefined): string | undefined =>
  reason !== undefined && /^[a-z_]{1,64}$/.test(reason) ? reason : undefined;
