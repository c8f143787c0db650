import { compileInputs } from "./compile-asks.ts";
import type { WrittenHandlers } from "./compile-handlers.ts";
import { WORKLOAD } from "./declarations.ts";
import { didYouMean, problem, type Diagnostic } from "./diagnostic.ts";
import type { Document } from "./document.ts";
import type { Identity, Proof } from "./identity.ts";
import type { ApiKeyIdentity, JwtIdentity, WrittenIdentity } from "./identity-file.ts";
import type { WrittenClaims } from "./identity-claims.ts";
import { claimsReader, fieldsReader } from "./identity-values.ts";
import { problemOf, type NamedFiles } from "./named-files.ts";
import type { Records, RecordType } from "./records.ts";
import type { Scope } from "./scope.ts";
import { Workload } from "../attributes/peer.ts";
import { parseSpiffeId } from "../attributes/spiffe.ts";

/** What identities are compiled with. */
export interface IdentityWorld {
  readonly records: Records;
  readonly handlers: WrittenHandlers;
  readonly files: NamedFiles;
  /** Whether weir.yaml says where the pepper of API keys is. */
  readonly hasPepper: boolean;
  readonly diagnostics: Diagnostic[];
}

/**
 * The identities of one file, by name. What is at fault is reported and left out. `scope` has no names of the file's own:
 * what a handler is asked with to verify an identity reads attributes only.
 */
export function compileIdentities(
  owner: string,
  written: ReadonlyMap<string, WrittenIdentity>,
  scope: Scope,
  world: IdentityWorld,
): ReadonlyMap<string, Identity> {
  const { document } = scope;
  return new Map(
    Array.from(written).flatMap(([name, one]): [string, Identity][] => {
      const made = compileIdentity(one, { document, scope, path: ["identities", name], world });
      return made === undefined
        ? []
        : [[name, { name, id: `${owner}/${name}`, invalid: one.invalid, ...made }]];
    }),
  );
}

interface Place {
  readonly document: Document;
  readonly scope: Scope;
  readonly path: readonly string[];
  readonly world: IdentityWorld;
}

type Made = Pick<Identity, "proof" | "type" | "valueOf" | "described">;

function compileIdentity(written: WrittenIdentity, place: Place): Made | undefined {
  const { records } = place.world;
  switch (written.kind) {
    case "mtls":
      return {
        proof: { kind: "mtls", trustDomains: new Set(written.trustDomains) },
        type: { ...WORKLOAD, construct: workloadOf },
        valueOf: workloadOf,
        described: workloadOf,
      };
    case "metadata": {
      const type = records.of({ ...claimTypes(written.claims), raw: "map(string, dyn)" });
      const { namespace, path } = written;
      return { proof: { kind: "metadata", namespace, path }, ...typed(written.claims, type) };
    }
    case "jwt": {
      const type = records.of({ ...claimTypes(written.claims), raw: "map(string, dyn)" });
      const proof = jwtProof(written, place);
      return proof && { proof, ...typed(written.claims, type) };
    }
    case "apiKey":
      return apiKey(written, place);
  }
}

const typed = (claims: WrittenClaims, type: RecordType): Omit<Made, "proof"> => ({
  type,
  valueOf: claimsReader(claims, type),
  described: fieldsReader(type, claims),
});

const claimTypes = (claims: JwtIdentity["claims"]): Record<string, string> =>
  Object.fromEntries(Array.from(claims, ([name, { type }]) => [name, type]));

/** The workload that fields describe: a SPIFFE id says all; without one, or beside one, they say it singly. */
function workloadOf(fields: Iterable<readonly [string, unknown]>): Workload {
  const byName = new Map(fields);
  const text = (name: string): string | undefined => {
    const value = byName.get(name);
    return typeof value === "string" ? value : undefined;
  };
  const id = text("id") ?? "";
  const spiffeId = parseSpiffeId(id);
  return new Workload({
    id,
    trustDomain: text("trust_domain") ?? spiffeId?.trustDomain ?? "",
    namespace: text("namespace") ?? spiffeId?.namespace,
    serviceAccount: text("service_account") ?? spiffeId?.serviceAccount,
  });
}

function jwtProof(written: JwtIdentity, place: Place): Proof | undefined {
  const { issuer, audiences, algorithms, from, leewayMs, refreshMs, maxStaleMs, jwks } = written;
  const common = { kind: "jwt", issuer, audiences, algorithms, from, leewayMs } as const;
  switch (jwks.kind) {
    case "url":
      if (algorithms.some((algorithm) => algorithm.startsWith("HS"))) {
        const message = "who can read the keys of HMAC can make tokens: they cannot come from a URL";
        const at = place.document.at([...place.path, "jwt", "jwks"]);
        place.world.diagnostics.push(problem(at, "wrong-value", message, "write `jwks: { file: … }`"));
        return undefined;
      }
      return { ...common, keys: { kind: "url", url: jwks.url, refreshMs, maxStaleMs } };
    case "keys": {
      const text = JSON.stringify({ keys: jwks.keys.map((key) => Object.fromEntries(key)) });
      const why = problemOf(text, algorithms);
      if (why === undefined) return { ...common, keys: { kind: "keys", jwks: text } };
      const at = place.document.at([...place.path, "jwt", "jwks", "keys"]);
      place.world.diagnostics.push(problem(at, "wrong-value", `these keys are of no use: ${why}`));
      return undefined;
    }
    case "file": {
      const text = place.world.files.jwks(place.document, [...place.path, "jwt", "jwks", "file"], {
        path: jwks.path,
        algorithms,
      });
      return text === undefined ? undefined : { ...common, keys: { kind: "keys", jwks: text } };
    }
  }
}

function apiKey(written: ApiKeyIdentity, place: Place): Made | undefined {
  const { proof } = written;
  const { records, files, handlers, hasPepper } = place.world;
  if (proof.kind === "keys") {
    if (!hasPepper) {
      const message = "keys are digested under a pepper, and weir.yaml has none";
      const at = place.document.at([...place.path, "apiKey", "keys"]);
      const hint = "add secrets: { pepper: { file: … } } to weir.yaml";
      place.world.diagnostics.push(problem(at, "missing-key", message, hint));
    }
    const keys = files.keys(place.document, proof.path);
    const type = records.of({ id: "string", plan: "string" });
    if (keys === undefined) return undefined;
    return { proof: { kind: "apiKey", place: written.place, keys }, ...plain(type) };
  }
  const handler = handlers.get(proof.handler);
  const at = place.document.at([...place.path, "apiKey", "verify"]);
  if (handler === undefined) {
    if (handlers.has(proof.handler)) return undefined;
    const message = `there is no handler "${proof.handler}"`;
    place.world.diagnostics.push(
      problem(at, "unknown-name", message, didYouMean(proof.handler, handlers.keys())),
    );
    return undefined;
  }
  const { credentialInput } = handler.adapter;
  if (credentialInput === undefined) {
    const message = `the adapter ${handler.adapter.id} verifies no credentials`;
    place.world.diagnostics.push(problem(at, "wrong-value", message, "name a handler of another adapter"));
    return undefined;
  }
  const path = [...place.path, "apiKey", "with"];
  const inputs = compileInputs(place.scope, { path, with: proof.with, given: credentialInput }, handler);
  return {
    proof: { kind: "verify", place: written.place, handler: handler.name, credentialInput, inputs },
    ...plain(handler.outputs),
  };
}

const plain = (type: RecordType): Omit<Made, "proof"> => ({
  type,
  valueOf: (facts) => type.construct(facts),
  described: fieldsReader(type),
});
