import { createHmac, randomBytes } from "node:crypto";
import type { FloodGuard } from "./flood.ts";
import { findCredentials } from "./presented.ts";
import type { CredentialPlace, Finding, Presented, Verifier, VerifierStatus } from "./verifier.ts";

/** What a keys file says of a key, besides its digest. */
export interface ApiKey {
  readonly id: string;
  readonly plan?: string | undefined;
  /** Epoch milliseconds from which on it is not good any more. */
  readonly notAfterMs?: number | undefined;
}

export interface ApiKeyConfig {
  /** Tried in order; the first where something is presented decides. */
  readonly from: readonly CredentialPlace[];
  /** By digest, as `apiKeyDigest` writes it. */
  readonly keys: ReadonlyMap<string, ApiKey>;
  /** The present pepper, or undefined while it cannot be read. */
  readonly pepper: () => string | undefined;
}

export interface ApiKeyWorld {
  readonly flood: FloodGuard;
}

/** HMAC-SHA-256 of a key under the pepper, in lower-case hex: what a keys file holds in place of the key. */
export const apiKeyDigest = (pepper: string, key: string): string =>
  createHmac("sha256", pepper).update(key, "utf8").digest("hex");

/** A new key of 256 random bits. Its beginning lets scanners for leaked secrets find it. */
export const newApiKey = (): string => `weir_${randomBytes(32).toString("base64url")}`;

/** The shortest pepper, in bytes: a keys file that leaks must not be open to guessing. */
export const MIN_PEPPER_BYTES = 16;

/** Proves who asks by a key of a keys file. All its answers are at hand. */
export function apiKeyVerifier(config: ApiKeyConfig, { flood }: ApiKeyWorld): Verifier {
  const find = (presented: Presented, nowMs: number): Finding => {
    const found = findCredentials(presented, config.from);
    if (found.kind !== "found") return found;
    const [key] = found.credentials;
    if (key === undefined) return { kind: "absent" };
    const pepper = config.pepper();
    if (pepper === undefined) return { kind: "unavailable", reason: "the pepper of API keys cannot be read" };
    const known = config.keys.get(apiKeyDigest(pepper, key));
    if (known === undefined) return refused("the API key is not known", presented.client, flood);
    if (known.notAfterMs !== undefined && nowMs >= known.notAfterMs) {
      return { kind: "bad", reason: "the API key has expired" };
    }
    return { kind: "holds", claims: claimsOf(known) };
  };
  return { find, status: () => statusOf(config), start: nothing, close: nothing };
}

/** Known keys pass at any time; who guesses is answered more and more seldom. */
function refused(reason: string, client: string, flood: FloodGuard): Finding {
  if (flood.isSlowed(client)) return { kind: "flooded" };
  flood.noteBad(client);
  return { kind: "bad", reason };
}

const claimsOf = ({ id, plan }: ApiKey): ReadonlyMap<string, unknown> =>
  new Map(
    plan === undefined
      ? [["id", id]]
      : [
          ["id", id],
          ["plan", plan],
        ],
  );

const statusOf = ({ keys, pepper }: ApiKeyConfig): VerifierStatus =>
  pepper() === undefined
    ? { state: "failing", detail: "the pepper of API keys cannot be read" }
    : { state: "ready", detail: `keys: ${keys.size}` };

const nothing = (): void => undefined;
