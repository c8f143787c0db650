import { createHmac, timingSafeEqual } from "node:crypto";

/** Signs what weir tells itself by way of others. */
export interface Signer {
  /** Undefined where there is no key now. */
  sign(text: string): string | undefined;
  /** Whether one of the keys has signed it. */
  isSigned(text: string, signature: string): boolean;
}

/** HMAC-SHA-256. The first key signs, all are accepted, so that keys can be changed one replica after the other. */
export function signer(keys: () => readonly string[]): Signer {
  const by = (key: string, text: string): Buffer => createHmac("sha256", key).update(text).digest();
  return {
    sign: (text) => {
      const [first] = keys();
      return first === undefined ? undefined : by(first, text).toString("base64url");
    },
    isSigned: (text, signature) => {
      const found = Buffer.from(signature, "base64url");
      return keys().some((key) => {
        const wanted = by(key, text);
        return found.length === wanted.length && timingSafeEqual(found, wanted);
      });
    },
  };
}
