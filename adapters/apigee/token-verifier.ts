import { createLocalJWKSet, decodeJwt, errors, jwtVerify } from "jose";
import { z } from "zod";
import type { Host } from "../../src/adapter/host.ts";
import type { Claims } from "./caller.ts";
import type { ApigeeConfig } from "./config.ts";
import { messageOf, readJson } from "./service.ts";

export type Verified =
  | { readonly kind: "holds"; readonly claims: Claims; /** Epoch milliseconds. */ readonly endsAtMs: number }
  | { readonly kind: "bad"; readonly reason: string }
  | { readonly kind: "unavailable"; readonly reason: string };

const JWKS = z.object({ keys: z.array(z.record(z.string(), z.unknown())).max(1_000) });

const REFRESH_MS = 5 * 60_000;
/** Tokens of a key that is not known may ask for the keys anew so often. */
const COOLDOWN_MS = 10_000;
/** Keys that cannot be had anew are good for so long. */
const MAX_STALE_MS = 24 * 3_600_000;
/** So much may clocks differ. */
const LEEWAY_S = 60;

type Keys = ReturnType<typeof createLocalJWKSet>;

/** Proves tokens that the remote service signs, by the keys that it publishes. */
export class TokenVerifier {
  readonly #config: ApigeeConfig;
  readonly #host: Host;
  #keys: { readonly find: Keys; readonly readAtMs: number } | undefined;
  #triedAtMs = Number.NEGATIVE_INFINITY;
  #failure = "they were never read";
  #reading: Promise<void> | undefined;
  readonly #closing = new AbortController();

  constructor(config: ApigeeConfig, host: Host) {
    this.#config = config;
    this.#host = host;
  }

  /** Never rejects. A token whose key is not known asks for the keys anew, once for all such tokens in ten seconds. */
  async verify(token: string): Promise<Verified> {
    // What is out of time needs no key to be refused.
    const endsAtMs = endOf(token);
    if (endsAtMs === undefined) return { kind: "bad", reason: "it is no token with an end" };
    const nowMs = this.#host.nowMs();
    if (endsAtMs + LEEWAY_S * 1_000 <= nowMs) return { kind: "bad", reason: "the token has expired" };
    if (this.#age() >= REFRESH_MS) await this.#read(this.#age() >= MAX_STALE_MS ? "now" : "cool");
    const first = await this.#check(token, endsAtMs);
    if (first !== "unknown-key") return first;
    await this.#read("cool");
    const second = await this.#check(token, endsAtMs);
    return second === "unknown-key"
      ? { kind: "bad", reason: "the token's key is not one of the service's" }
      : second;
  }

  close(): void {
    this.#closing.abort();
  }

  async #check(token: string, endsAtMs: number): Promise<Verified | "unknown-key"> {
    if (this.#keys === undefined || this.#age() >= MAX_STALE_MS)
      return { kind: "unavailable", reason: `the service's keys cannot be had: ${this.#failure}` };
    try {
      const { payload } = await jwtVerify(token, this.#keys.find, {
        algorithms: ["RS256"],
        clockTolerance: LEEWAY_S,
        currentDate: new Date(this.#host.nowMs()),
      });
      return { kind: "holds", claims: new Map(Object.entries(payload)), endsAtMs };
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) return "unknown-key";
      return { kind: "bad", reason: sentenceOf(error) };
    }
  }

  #age(): number {
    const ageMs = this.#host.nowMs() - (this.#keys?.readAtMs ?? Number.NEGATIVE_INFINITY);
    return ageMs < 0 ? 0 : ageMs;
  }

  /** `now` asks even where that has just failed, as often as once a second: without keys nothing can be proved. */
  async #read(when: "now" | "cool"): Promise<void> {
    const waitMs = when === "now" ? 1_000 : COOLDOWN_MS;
    const sinceMs = this.#host.nowMs() - this.#triedAtMs;
    if (this.#reading === undefined && sinceMs >= 0 && sinceMs < waitMs) return;
    this.#reading ??= this.#fetch().finally(() => (this.#reading = undefined));
    await this.#reading;
  }

  async #fetch(): Promise<void> {
    this.#triedAtMs = this.#host.nowMs();
    try {
      const answer = await this.#host.fetch({
        url: this.#config.certs,
        maxBytes: 1_048_576,
        timeoutMs: this.#config.timeoutMs,
        signal: this.#closing.signal,
      });
      const jwks = JWKS.safeParse(readJson(answer.body));
      if (answer.status !== 200) this.#failure = `the service answers ${answer.status}`;
      else if (!jwks.success) this.#failure = "what it answers are no keys";
      else {
        const find = createLocalJWKSet(jwks.data);
        this.#keys = { find, readAtMs: this.#host.nowMs() };
      }
    } catch (error) {
      this.#failure = messageOf(error);
    }
  }
}

/** Epoch milliseconds; undefined for what is no token with an end. */
function endOf(token: string): number | undefined {
  try {
    const { exp } = decodeJwt(token);
    return typeof exp === "number" && exp > 0 ? exp * 1_000 : undefined;
  } catch {
    return undefined;
  }
}

/** Our own sentences: the library's may quote the token. */
function sentenceOf(error: unknown): string {
  if (error instanceof errors.JWSSignatureVerificationFailed) return "the token's signature is wrong";
  if (error instanceof errors.JWTExpired) return "the token has expired";
  if (error instanceof errors.JWTClaimValidationFailed) return "the token is not good yet";
  return "the token could not be verified";
}
