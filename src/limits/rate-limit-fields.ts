/** One limit as callers are told of it. */
export interface ToldLimit {
  readonly name: string;
  /** Hits that it allows within so many seconds. */
  readonly limit: number;
  readonly lengthSeconds: number;
  readonly remaining: number;
  readonly resetSeconds: number;
}

/**
 * `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-11: lists of structured fields, an item a limit. `q` is what it
 * allows within `w` seconds, `r` what remains, `t` the seconds until it is more.
 */
export const rateLimitFields = (
  told: readonly ToldLimit[],
): readonly (readonly [name: string, value: string])[] => [
  [
    "ratelimit-policy",
    told.map((one) => `${quoted(one.name)};q=${one.limit};w=${one.lengthSeconds}`).join(", "),
  ],
  ["ratelimit", told.map((one) => `${quoted(one.name)};r=${one.remaining};t=${one.resetSeconds}`).join(", ")],
];

/** A string of structured fields (RFC 9651, section 3.3.3): printable ASCII. */
const quoted = (name: string): string => `"${name.replace(/[^\x20-\x7e]/g, "?").replace(/["\\]/g, "\\$&")}"`;
