import { hash } from "node:crypto";
import { decodeProtectedHeader, errors, jwtVerify } from "jose";
import { claimsOf } from "./claims.ts";
import type { FloodGuard } from "./flood.ts";
import type { KeySource } from "./jwks.ts";
import type { KeySet, VerificationKey } from "./key-set.ts";
import { findCredentials } from "./presented.ts";
import { Recent } from "./recent.ts";
import type { CredentialPlace, Finding, Presented, Verifier, VerifierStatus } from "./verifier.ts";

export interface JwtConfig {
  /** Compared exactly with `iss`. */
  readonly issuer: string;
  /** One of them must be in `aud`. */
  readonly audiences: readonly string[];
  /** `algorithmProblem` finds nothing wrong with them. */
  readonly algorithms: readonly string[];
  /** Tried in order. */
  readonly from: readonly CredentialPlace[];
  /** How far the issuer's clock may be from ours. Default 5 seconds. */
  readonly leewayMs?: number;
  /** The most verified tokens that are remembered. Default 10,000. */
  readonly remembered?: number;
}

export interface JwtWorld {
  readonly keys: KeySource;
  readonly flood: FloodGuard;
}

/** Proves who asks by a JSON Web Token (RFC 7519) of one issuer, minding RFC 8725. */
export const jwtVerifier = (config: JwtConfig, world: JwtWorld): Verifier => new JwtVerifier(config, world);

const DEFAULT_LEEWAY_MS = 5_000;
const DEFAULT_REMEMBERED = 10_000;
/** The most tokens that are verified at one time: while keys are fetched, each that comes waits for them. */
const MAX_UNDER_WAY = 10_000;
/** The end of the year 9999: a token that is good for longer is one without an end. */
const MAX_TIME_S = 253_402_300_799;

const ABSENT: Finding = { kind: "absent" };
const FLOODED: Finding = { kind: "flooded" };
const BUSY: Finding = { kind: "unavailable", reason: "too many tokens are being verified" };
const bad = (reason: string): Finding => ({ kind: "bad", reason });

/** When a token may be used. */
interface Times {
  readonly notBeforeMs: number;
  readonly endMs: number;
}

interface Remembered extends Times {
  readonly holds: Finding;
  readonly keyId: string;
  /** The reading of the keys in which its key was last seen. */
  keys: KeySet;
}

type Verified = Finding | Remembered;

class JwtVerifier implements Verifier {
  readonly #config: JwtConfig;
  readonly #leewayMs: number;
  readonly #world: JwtWorld;
  /** By digest: tokens themselves are not kept. */
  readonly #remembered: Recent<Remembered>;
  /** By digest: one verification for all who present the same token meanwhile. */
  readonly #underWay = new Map<string, Promise<Verified>>();

  constructor(config: JwtConfig, world: JwtWorld) {
    this.#config = config;
    this.#leewayMs = config.leewayMs ?? DEFAULT_LEEWAY_MS;
    this.#world = world;
    this.#remembered = new Recent(config.remembered ?? DEFAULT_REMEMBERED);
  }

  start(): void {
    this.#world.keys.start();
  }

  close(): void {
    this.#world.keys.close();
  }

  status(): VerifierStatus {
    return this.#world.keys.status();
  }

  find(presented: Presented, nowMs: number): Finding | Promise<Finding> {
    const found = findCredentials(presented, this.#config.from);
    if (found.kind !== "found") return found;
    for (const token of found.credentials) {
      const digest = hash("sha256", token, "base64");
      const remembered = this.#recall(digest);
      if (remembered !== undefined) return this.#inTime(remembered, nowMs);
      const payload = unverifiedPayload(token);
      if (payload?.["iss"] === this.#config.issuer) {
        return this.#verify({ token, digest, payload, client: presented.client }, nowMs);
      }
    }
    return ABSENT;
  }

  /** A remembered verification is as good as the key that it rests on. */
  #recall(digest: string): Remembered | undefined {
    const remembered = this.#remembered.get(digest);
    const keys = this.#world.keys.current();
    if (remembered === undefined || keys === undefined || remembered.keys === keys) {
      return keys === undefined ? undefined : remembered;
    }
    if (keys.ids.has(remembered.keyId)) {
      remembered.keys = keys;
      return remembered;
    }
    this.#remembered.delete(digest);
    return undefined;
  }

  #inTime(remembered: Remembered, nowMs: number): Finding {
    const problem = timeProblem(remembered, nowMs, this.#leewayMs);
    return problem === undefined ? remembered.holds : bad(problem);
  }

  #verify({ token, digest, payload, client }: Candidate, nowMs: number): Finding | Promise<Finding> {
    const times = timesOf(payload);
    const problem = typeof times === "string" ? times : timeProblem(times, nowMs, this.#leewayMs);
    // What is out of time needs no key and no signature to be refused.
    if (problem !== undefined) return bad(problem);
    if (this.#world.flood.isSlowed(client)) return FLOODED;
    const underWay = this.#underWay.get(digest);
    if (underWay === undefined && this.#underWay.size >= MAX_UNDER_WAY) return BUSY;
    const verifying = underWay ?? this.#begin(token, digest, nowMs);
    return verifying.then((verified) => {
      if ("holds" in verified) return this.#inTime(verified, nowMs);
      if (verified.kind === "bad") this.#world.flood.noteBad(client);
      return verified;
    });
  }

  #begin(token: string, digest: string, nowMs: number): Promise<Verified> {
    const verifying = this.#check(token, nowMs)
      // Nothing below throws on purpose; what does all the same is no proof.
      .catch(() => bad("the token could not be verified"))
      .then((verified) => {
        this.#underWay.delete(digest);
        if ("holds" in verified) this.#remembered.set(digest, verified);
        return verified;
      });
    this.#underWay.set(digest, verifying);
    return verifying;
  }

  async #check(token: string, nowMs: number): Promise<Verified> {
    const header = headerOf(token, this.#config.algorithms);
    if (typeof header === "string") return bad(header);
    const answer = await this.#world.keys.find(header);
    switch (answer.kind) {
      case "unknown":
        return bad("the token's key is not one of the issuer's");
      case "unavailable":
        return answer;
      case "key":
        return this.#checkWith(token, answer, nowMs);
    }
  }

  async #checkWith(
    token: string,
    { key, set }: { readonly key: VerificationKey; readonly set: KeySet },
    nowMs: number,
  ): Promise<Verified> {
    const { issuer, audiences, algorithms } = this.#config;
    const options = {
      issuer,
      audience: [...audiences],
      algorithms: [...algorithms],
      requiredClaims: ["exp"],
      currentDate: new Date(nowMs),
      clockTolerance: this.#leewayMs / 1000,
    };
    const verified = await jwtVerify(token, key.key, options).catch(sentenceOf);
    if (typeof verified === "string") return bad(verified);
    const times = timesOf(verified.payload);
    if (typeof times === "string") return bad(times);
    const claims = claimsOf(verified.payload);
    if (claims === undefined) return bad("the token's claims nest too deeply");
    return { holds: { kind: "holds", claims }, keyId: key.id, keys: set, ...times };
  }
}

interface Candidate {
  readonly token: string;
  readonly digest: string;
  readonly payload: Claims;
  readonly client: string;
}

type Claims = Readonly<Record<string, unknown>>;

/**
 * What a token says of itself, unproved: only for telling whose token it is. Undefined for what is no JWT or cannot be read:
 * it is meant for nobody. A token that was cut after its payload still says whose it is.
 */
function unverifiedPayload(token: string): Claims | undefined {
  const parts = token.split(".", 6);
  const payload = parts[1];
  if (payload === undefined || payload === "" || parts.length > 5) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Which key a token asks for, or what is wrong with its header. `jku`, `x5u`, `jwk` and `x5c` are never looked at. */
function headerOf(
  token: string,
  algorithms: readonly string[],
): { readonly algorithm: string; readonly keyId: string | undefined } | string {
  const header = protectedHeader(token);
  if (header === undefined) return "the token cannot be read";
  const { alg, kid, crit } = header;
  if (typeof alg !== "string" || !algorithms.includes(alg)) return "the token's algorithm is not allowed";
  if (crit !== undefined) return "the token demands extensions that are not known here";
  if (kid !== undefined && typeof kid !== "string") return "the token's key id is not a text";
  if (!isCanonical(token.slice(token.lastIndexOf(".") + 1)))
    return "the token's signature is not well-formed";
  return { algorithm: alg, keyId: kid };
}

function protectedHeader(token: string): Claims | undefined {
  try {
    return token.split(".", 4).length === 3 ? { ...decodeProtectedHeader(token) } : undefined;
  } catch {
    return undefined;
  }
}

/** One signature has one text: the bits that base64url leaves over are zero. */
const isCanonical = (text: string): boolean => Buffer.from(text, "base64url").toString("base64url") === text;

/** `exp` must be there; `nbf` and `iat` may be. All are seconds (RFC 7519 section 2). */
function timesOf({ exp, nbf, iat }: Claims): Times | string {
  if (exp === undefined) return "the token has no exp";
  if (!isTime(exp)) return "the token's exp is not a time";
  if (nbf !== undefined && !isTime(nbf)) return "the token's nbf is not a time";
  if (iat !== undefined && !isTime(iat)) return "the token's iat is not a time";
  return { notBeforeMs: Math.max(nbf ?? 0, iat ?? 0) * 1000, endMs: exp * 1000 };
}

const isTime = (value: unknown): value is number =>
  typeof value === "number" && value >= 0 && value <= MAX_TIME_S;

/** By the present clock, every time: a clock that was wrong and is put right is right at once. */
function timeProblem({ notBeforeMs, endMs }: Times, nowMs: number, leewayMs: number): string | undefined {
  if (nowMs >= endMs + leewayMs) return "the token has expired";
  return nowMs < notBeforeMs - leewayMs ? "the token is not good yet" : undefined;
}

/** Our own sentences: the library's may quote the token. */
function sentenceOf(error: unknown): string {
  if (error instanceof errors.JWSSignatureVerificationFailed) return "the token's signature is wrong";
  if (error instanceof errors.JWTClaimValidationFailed && error.claim === "aud") {
    return "the token is for another audience";
  }
  if (error instanceof errors.JWTClaimValidationFailed)
    return `the token's ${claimName(error.claim)} is wrong`;
  if (error instanceof errors.JWTExpired) return "the token has expired";
  return "the token could not be verified";
}

const claimName = (claim: string): string =>
  ["iss", "exp", "nbf", "iat"].includes(claim) ? claim : "content";

const isRecord = (value: unknown): value is Claims =>
  typeof value === "object" && value !== null && !Array.isArray(value);
