import { randomBytes } from "node:crypto";
import { apiKeyDigest, newApiKey } from "../../src/identity/api-key.ts";
import { ecPair, encode, jwkOf, rsaPair, sign, signHmac, type Pair } from "../identity/fixture.ts";
import type { SecurityCase } from "./corpus.ts";
import { CREDENTIAL_NAMES, type CredentialName } from "./corpus-credentials.ts";

/** The keys and credentials of one run, which stand for their names in policies and requests. */
export interface World {
  readonly pepper: string;
  /** A text with what its `{{names}}` stand for. */
  readonly fill: (text: string) => string;
  readonly credential: (name: CredentialName) => string;
  /** The request with its credentials. */
  readonly present: (request: SecurityCase["request"]) => SecurityCase["request"];
}

/** Where a token says that its keys are; nobody may ask there. */
const ELSEWHERE = "https://elsewhere.example.com/certs";

/** Tokens are good for ten minutes from now. */
export function newWorld(): World {
  const [rsa, ec, stranger] = [rsaPair("rsa"), ecPair("ec"), ecPair("ec")];
  const pepper = randomBytes(32).toString("hex");
  const [acme, old, unknown] = [newApiKey(), newApiKey(), newApiKey()];
  const credentials: Readonly<Record<CredentialName, string>> = {
    ...tokensOf(rsa, ec, stranger),
    "key of acme": acme,
    "key that has expired": old,
    "key that is unknown": unknown,
  };
  const texts = new Map<string, string>([
    ...CREDENTIAL_NAMES.map((name) => [name, credentials[name]] as const),
    ["rsa key", JSON.stringify(jwkOf(rsa))],
    ["ec key", JSON.stringify(jwkOf(ec))],
    ["acme digest", apiKeyDigest(pepper, acme)],
    ["old digest", apiKeyDigest(pepper, old)],
  ]);
  const fill = (text: string): string =>
    text.replaceAll(/\{\{([^{}]+)\}\}/g, (_all, name: string) => {
      const found = texts.get(name);
      if (found === undefined) throw new Error(`nothing stands for {{${name}}}`);
      return found;
    });
  const present: World["present"] = ({ headers = [], ...request }) => ({
    ...request,
    path: fill(request.path),
    headers: headers.map(([name, value]) => [name, fill(value)] as const),
  });
  return { pepper, fill, present, credential: (name) => credentials[name] };
}

function tokensOf(rsa: Pair, ec: Pair, stranger: Pair) {
  const nowS = Math.floor(Date.now() / 1_000);
  // Longer than a run of all tests takes.
  const exp = nowS + 3_600;
  const claims = { sub: "ann", exp };
  const publicKey = rsa.publicKey.export({ type: "spki", format: "pem" });
  const unsigned = `${encode({ alg: "none", kid: "ec" })}.${encode({ iss: "https://idp.example.com", aud: "mesh", ...claims })}.`;
  return {
    "ann's token": sign(rsa, claims),
    "bob's token": sign(ec, { sub: "bob", exp }),
    "token without a signature": unsigned,
    "token signed with the public key": signHmac(publicKey, { kid: "rsa" }, claims),
    "token of an unknown key": sign(rsa, claims, { kid: "other" }),
    "token with crit": sign(ec, claims, { crit: ["exp"] }),
    "token for others": sign(ec, { ...claims, aud: "others" }),
    "token of another issuer": sign(ec, { ...claims, iss: "https://evil.example.com" }),
    "token without exp": sign(ec, { sub: "ann", exp: undefined }),
    "token that has expired": sign(ec, { sub: "ann", exp: nowS - 60 }),
    "token that brings its key": sign(stranger, claims, { jwk: jwkOf(stranger) }),
    "token that names keys elsewhere": sign(stranger, claims, { jku: ELSEWHERE, x5u: ELSEWHERE }),
    "token of the cold issuer": sign(ec, { ...claims, iss: "https://cold.example.com" }),
  };
}
