import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";

/** An RSA key pair of a test's own. */
export interface SigningKey {
  readonly id: string;
  readonly pem: string;
  readonly jwk: Readonly<Record<string, unknown>>;
}

export function signingKey(id: string): SigningKey {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" });
  const jwk = createPublicKey(pem).export({ format: "jwk" });
  return { id, pem, jwk: { ...jwk, kid: id, alg: "RS256" } };
}

/** A token that the key signs. */
export function signToken({ id, pem }: SigningKey, claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "RS256", kid: id })}.${part(claims)}`;
  return `${signed}.${sign("sha256", Buffer.from(signed), createPrivateKey(pem)).toString("base64url")}`;
}

/**
 * Whether it is a token of the key's for the proxy `remote-service`, good at this time: what its policy Verify-Internal-JWT checks.
 * Source: apigee-remote-service-cli, the proxy `remote-service`.
 */
export function isSignedBy({ id, pem }: SigningKey, token: string, nowMs: number): boolean {
  const [head = "", claims = "", signature = ""] = token.split(".");
  const read = (part: string): Readonly<Record<string, unknown>> =>
    JSON.parse(Buffer.from(part, "base64url").toString() || "{}") as Readonly<Record<string, unknown>>;
  const isOurs = verify(
    "sha256",
    Buffer.from(`${head}.${claims}`),
    createPublicKey(pem),
    Buffer.from(signature, "base64url"),
  );
  if (!isOurs || read(head)["alg"] !== "RS256" || read(head)["kid"] !== id) return false;
  const { iss, aud, exp, iat } = read(claims);
  const isFor = iss === "apigee-remote-service-envoy" && [aud].flat().includes("remote-service-client");
  return isFor && Number(exp) * 1_000 > nowMs && Number.isInteger(iat);
}
