import { hash } from "node:crypto";

/** What tells counters apart that have one tag. Limits are not among it: changing one keeps what is counted. */
export interface CounterIdentity {
  readonly algorithm: string;
  /** As `Window.length` is written: milliseconds, or the name of a unit of the calendar with its zone. */
  readonly lengths: readonly (number | string)[];
  /** What is counted, part by part: `["a_b", "c"]` is another counter than `["a", "b_c"]`. */
  readonly parts: readonly string[];
}

/** The longest key, in bytes: what is longer ends in a digest. */
const MAX_KEY_BYTES = 128;

/** The tag of a domain's counters. */
export const domainTag = (domain: string): string => `d/${withoutBraces(domain)}`;

/** The tag of the counters of a policy's quotas. */
export const policyTag = (policy: string): string => `q/${withoutBraces(policy)}`;

/** Redis takes what stands between the first braces for the hash tag, so it must have none of its own. */
const withoutBraces = (text: string): string =>
  /[%{}]/.test(text) ? text.replaceAll("%", "%25").replaceAll("{", "%7B").replaceAll("}", "%7D") : text;

/**
 * The key of a counter: `{d/shop}:fixed:60000:3:key5:value`. Every part stands behind its length, so no two lists of
 * parts have one key. A long key, or one whose parts nobody is to read, keeps its tag, and has a digest (SHA-256) in place of what follows.
 */
export function counterKey(
  tag: string,
  { algorithm, lengths, parts }: CounterIdentity,
  form: "plain" | "digest" = "plain",
): string {
  let counted = "";
  for (const part of parts) counted += `${part.length}:${part}`;
  const rest = `${algorithm}:${lengths.join(",")}:${counted}`;
  const key = `{${tag}}:${rest}`;
  const isShort = key.length <= MAX_KEY_BYTES && Buffer.byteLength(key) <= MAX_KEY_BYTES;
  if (form === "plain" && isShort) return key;
  return `{${tag}}:#${hash("sha256", rest, "base64url")}`;
}
