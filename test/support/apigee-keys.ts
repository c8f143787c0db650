import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";

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
