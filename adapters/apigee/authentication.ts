import type { Call } from "../../src/adapter/adapter.ts";
import type { Answered } from "../../src/adapter/remembered.ts";
import type { ApiKeys } from "./api-keys.ts";
import { readCaller, type Caller, type Claims } from "./caller.ts";
import type { Question } from "./question.ts";
import type { TokenVerifier } from "./token-verifier.ts";

/** Who calls, or why that is not known. */
export type Identified =
  | { readonly kind: "caller"; readonly caller: Caller }
  /** Nothing was shown, or something that proves nobody. */
  | { readonly kind: "missing" | "bad" | "guarded" }
  | { readonly kind: "failed"; readonly reason: string };

export interface Proofs {
  readonly keys: ApiKeys;
  readonly verifier: TokenVerifier;
  /** The claim of a token that holds an API key. */
  readonly keyClaim: string | undefined;
}

type Shown = Pick<Question, "key" | "token" | "claims">;

/**
 * The API key in a token's claims, else the key that is shown, else the claims themselves; where a key proves nobody, the claims may still.
 * Without a promise where the service has answered for the key before. Source: apigee-remote-service-golib, auth.go.
 */
export function identify(shown: Shown, proofs: Proofs, call: Call): Identified | Promise<Identified> {
  if (shown.token === undefined) return byClaims(shown, proofs, call);
  return proofs.verifier.verify(shown.token).then((verified) => {
    switch (verified.kind) {
      case "holds":
        return byClaims({ ...shown, claims: verified.claims }, proofs, call);
      case "bad":
        return { kind: "bad" };
      case "unavailable":
        return { kind: "failed", reason: verified.reason };
    }
  });
}

function byClaims(
  { key: shown, claims }: Shown,
  { keys, keyClaim }: Proofs,
  call: Call,
): Identified | Promise<Identified> {
  const claimed = keyClaim === undefined ? undefined : claims?.get(keyClaim);
  const key = typeof claimed === "string" && claimed !== "" ? claimed : shown;
  if (key === undefined) return claims === undefined ? { kind: "missing" } : ofClaims(claims);
  const answered = keys.ask(key, call);
  return answered instanceof Promise
    ? answered.then((one) => conclude(one, claims))
    : conclude(answered, claims);
}

function conclude(answered: Answered<Caller | undefined>, claims: Claims | undefined): Identified {
  if (answered.kind === "allowed" && answered.value !== undefined)
    return { kind: "caller", caller: answered.value };
  const other = claims && ofClaims(claims);
  if (other?.kind === "caller") return other;
  switch (answered.kind) {
    case "guarded":
      return { kind: "guarded" };
    case "failed":
    case "misconfigured":
    case "open":
      return { kind: "failed", reason: answered.reason };
    case "allowed":
    case "denied":
      return { kind: "bad" };
  }
}

function ofClaims(claims: Claims): Identified {
  const caller = readCaller(claims, "token");
  return typeof caller === "string" ? { kind: "bad" } : { kind: "caller", caller };
}
