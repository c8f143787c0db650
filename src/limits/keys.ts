import { hash } from "node:crypto";

/** Longer keys are digested: what a caller sends must not fill a store. */
const MAX_KEY_BYTES = 128;

/**
 * The key of a counter: `{<tag>}:<length>:<part>…`. Lengths keep parts apart, so that `a_b` and `c` are not `a` and `b_c`. What
 * stands in braces decides the slot of a Redis Cluster, so that counters of one tag are together. `hashed`: nobody can read the parts.
 */
export function counterKey(
  tag: string,
  parts: readonly string[],
  form: "plain" | "hashed" = "plain",
): string {
  const start = `{${tag.replaceAll(/[{}%]/g, encodeURIComponent)}}:`;
  const rest = parts.map((part) => `${Buffer.byteLength(part)}:${part}`).join("");
  const isShort = Buffer.byteLength(start) + Buffer.byteLength(rest) <= MAX_KEY_BYTES;
  return form === "plain" && isShort ? start + rest : `${start}#${hash("sha256", rest, "base64url")}`;
}
