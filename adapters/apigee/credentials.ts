import { importPKCS8, SignJWT } from "jose";
import { createPrivateKey } from "node:crypto";
import type { Host } from "../../src/adapter/host.ts";
import type { Credentials } from "./config.ts";

/** What a token of ours says, as the proxy `remote-service` checks it. Source: apigee-remote-service-envoy, authmanager.go. */
const ISSUER = "apigee-remote-service-envoy";
const AUDIENCE = "remote-service-client";
const LIFE_MS = 10 * 60_000;
/** A token is used for so long, so that one that is sent is good for a while yet, by another clock, too. */
const USE_MS = 5 * 60_000;

/** The `authorization` header of requests to the remote service. */
export class Authorization {
  readonly #credentials: Credentials;
  readonly #host: Host;
  #signed: { readonly token: string; readonly pem: string; readonly atMs: number } | undefined;

  constructor(credentials: Credentials, host: Host) {
    this.#credentials = credentials;
    this.#host = host;
  }

  /** Rejects with a sentence, without any secret, where there is no such credential. */
  async header(): Promise<string> {
    switch (this.#credentials.kind) {
      case "basic": {
        const { key, secret } = this.#credentials;
        const pair = `${await this.#host.secret(key)}:${await this.#host.secret(secret)}`;
        return `Basic ${Buffer.from(pair).toString("base64")}`;
      }
      case "signed": {
        const { privateKey, keyId } = this.#credentials;
        return `Bearer ${await this.#token(await this.#host.secret(privateKey), keyId)}`;
      }
    }
  }

  /** The next token is made anew: the service has refused this one. */
  renew(): void {
    this.#signed = undefined;
  }

  async #token(pem: string, keyId: string): Promise<string> {
    const nowMs = this.#host.nowMs();
    const age = this.#signed === undefined ? USE_MS : nowMs - this.#signed.atMs;
    // A clock that was set back makes a token that is not good yet.
    if (this.#signed?.pem === pem && age >= 0 && age < USE_MS) return this.#signed.token;
    const issued = Math.floor(nowMs / 1_000);
    const token = await new SignJWT()
      .setProtectedHeader({ alg: "RS256", kid: keyId })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setIssuedAt(issued)
      .setExpirationTime(issued + LIFE_MS / 1_000)
      .sign(await rsaKey(pem));
    this.#signed = { token, pem, atMs: nowMs };
    return token;
  }
}

/** An RSA key in PEM, of either form. Rejects with a sentence that does not repeat it. */
export async function rsaKey(pem: string): Promise<CryptoKey> {
  try {
    const key = createPrivateKey(pem);
    return await importPKCS8(key.export({ type: "pkcs8", format: "pem" }), "RS256");
  } catch {
    throw new Error("the private key is no RSA key in PEM");
  }
}
