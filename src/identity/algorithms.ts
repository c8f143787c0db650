/** Signature algorithms of tokens (RFC 7518 section 3.1, RFC 8037, RFC 9864) and the keys that they take. */
interface Algorithm {
  readonly kty: "RSA" | "EC" | "OKP" | "oct";
  readonly crv?: string;
  /** Of an `oct` key: as long as the hash at least (RFC 7518 section 3.2). */
  readonly minBytes?: number;
}

export const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
  ["RS256", { kty: "RSA" }],
  ["RS384", { kty: "RSA" }],
  ["RS512", { kty: "RSA" }],
  ["PS256", { kty: "RSA" }],
  ["PS384", { kty: "RSA" }],
  ["PS512", { kty: "RSA" }],
  ["ES256", { kty: "EC", crv: "P-256" }],
  ["ES384", { kty: "EC", crv: "P-384" }],
  ["ES512", { kty: "EC", crv: "P-521" }],
  ["EdDSA", { kty: "OKP", crv: "Ed25519" }],
  ["Ed25519", { kty: "OKP", crv: "Ed25519" }],
  ["HS256", { kty: "oct", minBytes: 32 }],
  ["HS384", { kty: "oct", minBytes: 48 }],
  ["HS512", { kty: "oct", minBytes: 64 }],
]);

/** What a JWT identity accepts where its file is silent. */
export const DEFAULT_ALGORITHMS: readonly string[] = ["RS256", "ES256"];

/**
 * What is wrong with an allow-list of algorithms, as a sentence, or undefined. `keys` says where the keys come from.
 *
 * - `none`, and what is not known, is refused: a token without a signature proves nothing.
 * - HMAC beside public keys is refused: a public key must never be taken for a shared secret (RFC 8725 section 2.1).
 * - HMAC is for keys in the file itself (`kty: oct`), never for a URL: what anyone may fetch is no secret.
 */
export function algorithmProblem(algorithms: readonly string[], keys: "url" | "keys"): string | undefined {
  if (algorithms.length === 0) return "there must be at least one algorithm";
  const unknown = algorithms.find((algorithm) => !ALGORITHMS.has(algorithm));
  if (unknown === "none") return '"none" accepts tokens that nobody signed';
  if (unknown !== undefined) {
    return `"${unknown}" is not a signature algorithm; known: ${[...ALGORITHMS.keys()].join(", ")}`;
  }
  const shared = algorithms.filter((algorithm) => ALGORITHMS.get(algorithm)?.kty === "oct");
  if (shared.length > 0 && shared.length < algorithms.length) {
    return `${shared.join(", ")} takes a shared secret and the others public keys: name one kind only`;
  }
  if (shared.length > 0 && keys === "url") {
    return `${shared.join(", ")} takes a shared secret, which must not come from a URL`;
  }
  return undefined;
}
