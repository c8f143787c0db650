import { createHmac, randomBytes } from "node:crypto";

/**
 * Stands for a list of texts where it must not be kept itself, since credentials are among them: HMAC-SHA-256 under a secret that nobody
 * else has. Lengths are part of it, so that `["ab", "c"]` is not `["a", "bc"]`.
 */
export function keyDigest(): (key: readonly string[]) => string {
  const secret = randomBytes(32);
  return (key) => {
    let text = "";
    for (const part of key) text += `${part.length}:${part}`;
    // UTF-8 would make one of all texts that are no Unicode.
    return createHmac("sha256", secret).update(text, "utf16le").digest("binary");
  };
}
