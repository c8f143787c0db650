import { createHmac, randomBytes } from "node:crypto";

/**
 * Stands for a value of a person's in what is kept or written: the same value has the same digest, under a secret that the replicas share
 * where there is one, and in this process otherwise.
 */
export function personalDigest(secret: () => string | undefined): (printed: string) => string {
  const own = randomBytes(32);
  return (printed) => {
    // The purpose stands in front: under the same secret, API keys have digests of their own.
    const hmac = createHmac("sha256", secret() ?? own).update("weir personal\0");
    return `#${hmac.update(printed).digest("hex").slice(0, DIGEST_LENGTH)}`;
  };
}

const DIGEST_LENGTH = 12;
