import type { Fetch } from "../adapter/host.ts";
import { apiKeyVerifier } from "../identity/api-key.ts";
import type { FloodGuard } from "../identity/flood.ts";
import { keySource } from "../identity/jwks.ts";
import { jwtVerifier } from "../identity/jwt.ts";
import type { Verifier } from "../identity/verifier.ts";
import type { Identity, JwtProof } from "../policy/identity.ts";

/** What verifiers need of the rest of weir. */
export interface VerifierWorld {
  readonly fetch: Fetch;
  readonly flood: (identity: string) => FloodGuard;
  /** The pepper of API keys, undefined while it cannot be read. */
  readonly pepper: () => string | undefined;
}

/** The verifiers of one configuration, by identity. */
export type Verifiers = ReadonlyMap<Identity, Verifier>;

/** Keeps verifiers over reloads: keys that were fetched and tokens that were verified stay known. */
export class VerifierPool {
  readonly #world: VerifierWorld;
  #byKey = new Map<string, Verifier>();

  constructor(world: VerifierWorld) {
    this.#world = world;
  }

  /** The verifiers for these identities: those that have not changed as they are, and new ones, not started yet. */
  prepare(identities: readonly Identity[]): PreparedVerifiers {
    const byKey = new Map<string, Verifier>();
    const verifiers = new Map<Identity, Verifier>();
    for (const identity of identities) {
      const verifier = this.#verifierOf(identity, byKey);
      if (verifier !== undefined) verifiers.set(identity, verifier);
    }
    return { verifiers, byKey };
  }

  /** Starts what is new. Answers what is no longer used, for the caller to close when no request can use it any more. */
  use({ byKey }: PreparedVerifiers): readonly Verifier[] {
    const unused = [...this.#byKey].filter(([key, verifier]) => byKey.get(key) !== verifier);
    for (const verifier of byKey.values()) verifier.start();
    this.#byKey = new Map(byKey);
    return unused.map(([, verifier]) => verifier);
  }

  close(): void {
    for (const verifier of this.#byKey.values()) verifier.close();
    this.#byKey.clear();
  }

  #verifierOf({ proof, id }: Identity, byKey: Map<string, Verifier>): Verifier | undefined {
    switch (proof.kind) {
      case "mtls":
      case "metadata":
      case "verify":
        return undefined;
      case "apiKey":
        // It holds nothing that would be lost: the keys are those of the configuration.
        return apiKeyVerifier(
          { from: [proof.place], keys: proof.keys, pepper: this.#world.pepper },
          { flood: this.#world.flood(id) },
        );
      case "jwt": {
        const key = JSON.stringify(proof);
        const known = byKey.get(key) ?? this.#byKey.get(key) ?? this.#jwt(proof, id);
        byKey.set(key, known);
        return known;
      }
    }
  }

  #jwt({ issuer, audiences, algorithms, from, leewayMs, keys }: JwtProof, id: string): Verifier {
    const { fetch, flood } = this.#world;
    const source = keySource(
      keys.kind === "url" ? { kind: "url", url: keys.url, ...timesOf(keys) } : keysOf(keys.jwks),
      algorithms,
      { fetch },
    );
    const config = { issuer, audiences, algorithms, from, ...(leewayMs === undefined ? {} : { leewayMs }) };
    return jwtVerifier(config, { keys: source, flood: flood(id) });
  }
}

/** Verifiers of a configuration that is not live yet. */
export interface PreparedVerifiers {
  readonly verifiers: Verifiers;
  readonly byKey: ReadonlyMap<string, Verifier>;
}

const timesOf = ({ refreshMs, maxStaleMs }: Extract<JwtProof["keys"], { kind: "url" }>) => ({
  ...(refreshMs === undefined ? {} : { refreshMs }),
  ...(maxStaleMs === undefined ? {} : { maxStaleMs }),
});

const keysOf = (jwks: string) => ({ kind: "keys", jwks: JSON.parse(jwks) as unknown }) as const;
