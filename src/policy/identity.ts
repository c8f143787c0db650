import type { Expression } from "../cel/expression.ts";
import type { CredentialPlace } from "../identity/verifier.ts";
import type { Text } from "./effects.ts";
import type { RecordType } from "./records.ts";

/** One identity, as callers are asked for it. A shared one is one object for all policies that use it. */
export interface Identity {
  readonly name: string;
  /** Where it is declared and its name: `platform/user`. */
  readonly id: string;
  readonly proof: Proof;
  /** What a credential does that is presented and bad. */
  readonly invalid: "refuse" | "ignore";
  /** The type that expressions see. */
  readonly type: RecordType;
  /** The value that expressions read, of verified facts. */
  readonly valueOf: (claims: ReadonlyMap<string, unknown>) => object;
  /** The value that a test describes, field by field. */
  readonly described: (fields: ReadonlyMap<string, unknown>) => object;
}

/** What proves an identity. */
export type Proof =
  | { readonly kind: "mtls"; readonly trustDomains: ReadonlySet<string> }
  | { readonly kind: "metadata"; readonly namespace: string; readonly path: readonly string[] }
  | JwtProof
  | ApiKeyProof
  /** A handler's answer, asked with the credential that is presented. */
  | VerifyProof;

export interface VerifyProof {
  readonly kind: "verify";
  readonly place: CredentialPlace;
  readonly handler: string;
  /** The input that takes the credential. */
  readonly credentialInput: string;
  readonly inputs: readonly AskInput[];
}

/** One value that a handler is asked with. */
export interface AskInput {
  readonly name: string;
  readonly value: Text | Expression;
}

export interface JwtProof {
  readonly kind: "jwt";
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly algorithms: readonly string[];
  readonly from: readonly CredentialPlace[];
  readonly leewayMs: number | undefined;
  readonly keys:
    | {
        readonly kind: "url";
        readonly url: string;
        readonly refreshMs: number | undefined;
        readonly maxStaleMs: number | undefined;
      }
    /** A JSON Web Key Set (RFC 7517), as text. */
    | { readonly kind: "keys"; readonly jwks: string };
}

export interface ApiKeyProof {
  readonly kind: "apiKey";
  readonly place: CredentialPlace;
  /** By digest in hexadecimal. */
  readonly keys: ReadonlyMap<string, ApiKey>;
}

export interface ApiKey {
  readonly id: string;
  readonly plan: string | undefined;
  readonly notAfterMs: number | undefined;
}

/** The headers in which a credential is looked for. */
export function credentialHeadersOf(proof: Proof): readonly string[] {
  const headerOf = (place: CredentialPlace) => ("header" in place ? [place.header] : []);
  switch (proof.kind) {
    case "jwt":
      return proof.from.flatMap(headerOf);
    case "apiKey":
    case "verify":
      return headerOf(proof.place);
    case "mtls":
    case "metadata":
      return [];
  }
}
