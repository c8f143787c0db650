import { z } from "zod";
import { algorithmProblem, DEFAULT_ALGORITHMS } from "../identity/algorithms.ts";
import type { CredentialPlace } from "../identity/verifier.ts";
import {
  anyText,
  delegate,
  either,
  durationMs,
  filePath,
  ID_FORM,
  misplaced,
  name,
  oneOf,
  parsedText,
  refuse,
  text,
  TRUST_DOMAIN_FORM,
  VARIABLE_FORM,
  word,
} from "./fields.ts";
import { entries, list, mapping } from "./fields-of-collections.ts";
import { exactlyOne, told } from "./forms.ts";
import { CLAIMS, KEY_PATH, type WrittenClaims } from "./identity-claims.ts";
import { isMapping, Literal } from "./tree.ts";

/** How callers prove who they are: one entry of `identities:`, in a policy or a shared file. */
export type WrittenIdentity = MtlsIdentity | JwtIdentity | MetadataIdentity | ApiKeyIdentity;

/** What every identity says. Its parts stand at `["identities", name, kind, …]`, `invalid` beside the kind. */
interface AnyIdentity {
  /** What a credential does that is presented and bad: refuse with 401, or count as none. */
  readonly invalid: "refuse" | "ignore";
}

/** A SPIFFE ID of a client certificate that Envoy verified. */
export interface MtlsIdentity extends AnyIdentity {
  readonly kind: "mtls";
  readonly trustDomains: readonly string[];
}

/** A JSON Web Token (RFC 7519). Durations are undefined where the file is silent. */
export interface JwtIdentity extends AnyIdentity {
  readonly kind: "jwt";
  readonly issuer: string;
  /** At least one; a token must be for one of them. */
  readonly audiences: readonly string[];
  readonly jwks: WrittenJwks;
  /** Asymmetric all, or HMAC all. */
  readonly algorithms: readonly string[];
  /** At least one. */
  readonly from: readonly CredentialPlace[];
  readonly claims: WrittenClaims;
  readonly leewayMs: number | undefined;
  readonly refreshMs: number | undefined;
  readonly maxStaleMs: number | undefined;
}

/** The keys of an issuer. */
export type WrittenJwks =
  /** `https:`, or `http:` of this machine. It stands at `[…, "jwt", "jwks"]`. */
  | { readonly kind: "url"; readonly url: string }
  /** Relative to the file that names it. It stands at `[…, "jwt", "jwks", "file"]`. */
  | { readonly kind: "file"; readonly path: string }
  /** Public keys, as JSON Web Keys (RFC 7517). They stand at `[…, "jwt", "jwks", "keys", index]`. */
  | { readonly kind: "keys"; readonly keys: readonly WrittenJwk[] };

/** One JSON Web Key without private parts; numbers are the text that stands in the file. */
export type WrittenJwk = ReadonlyMap<string, string | boolean | readonly string[]>;

/** Claims that Envoy has verified and left in its dynamic metadata. */
export interface MetadataIdentity extends AnyIdentity {
  readonly kind: "metadata";
  /** The filter's name: `envoy.filters.http.jwt_authn`. */
  readonly namespace: string;
  /** Keys below the namespace under which the claims stand; none where they stand in it. */
  readonly path: readonly string[];
  readonly claims: WrittenClaims;
}

/** A key that callers present. */
export interface ApiKeyIdentity extends AnyIdentity {
  readonly kind: "apiKey";
  readonly place: CredentialPlace;
  readonly proof: ApiKeyProof;
}

export type ApiKeyProof =
  /** A keys file, relative to the file that names it. It stands at `[…, "apiKey", "keys"]`. */
  | { readonly kind: "keys"; readonly path: string }
  /**
   * A handler of weir.yaml, whose answer is the identity. It stands at `[…, "apiKey", "verify"]`, its inputs, each
   * as the text of the file, at `[…, "apiKey", "with", input]`.
   */
  | { readonly kind: "verify"; readonly handler: string; readonly with: ReadonlyMap<string, string> };

const DEFAULT_PLACE: CredentialPlace = { header: "authorization", scheme: "Bearer" };

const DAY_MS = 86_400_000;

/** RFC 9110, section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** The name of a header, in lower case. */
export const HEADER_NAME = parsedText("the name of a header", (found) =>
  TOKEN.test(found) ? found.toLowerCase() : undefined,
);

const COOKIE_NAME = parsedText("the name of a cookie", (found) => (TOKEN.test(found) ? found : undefined));

const SCHEME = parsedText("a scheme such as Bearer", (found) => (TOKEN.test(found) ? found : undefined));

/** The keys that say where a credential is presented. */
const PLACE_KEYS = {
  header: HEADER_NAME.optional(),
  scheme: SCHEME.optional(),
  cookie: COOKIE_NAME.optional(),
  query: text("the name of a query parameter").optional(),
};

interface WrittenPlace {
  readonly header?: string | undefined;
  readonly scheme?: string | undefined;
  readonly cookie?: string | undefined;
  readonly query?: string | undefined;
}

function placeOf(context: z.RefinementCtx, written: WrittenPlace): CredentialPlace {
  const { header, scheme, cookie, query } = written;
  const kind = oneOf(context, written, PLACE_KINDS);
  if (scheme !== undefined && kind !== "header" && kind !== undefined) {
    refuse(context, misplaced("wrong-value", "only a header has a scheme", "remove it"), ["scheme"]);
  }
  if (kind === "header" && header !== undefined)
    return scheme === undefined ? { header } : { header, scheme };
  if (kind === "cookie" && cookie !== undefined) return { cookie };
  return kind === "query" && query !== undefined ? { query } : z.NEVER;
}

const PLACE_KINDS = ["header", "cookie", "query"] as const;

const PLACE = told(exactlyOne(PLACE_KINDS), mapping(PLACE_KEYS)).transform((written, context) =>
  placeOf(context, written),
);

const JWKS_URL = parsedText("an https:// URL, `file:` or `keys:`", urlOf, (found) =>
  /^http:/.test(found)
    ? "whoever is on the way could exchange the keys: only this machine is asked without TLS"
    : undefined,
);

function urlOf(found: string): string | undefined {
  const url = URL.canParse(found) ? new URL(found) : undefined;
  if (url === undefined || url.username !== "" || url.password !== "" || url.hash !== "") return undefined;
  const isLocal = ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
  return url.protocol === "https:" || (url.protocol === "http:" && isLocal) ? url.href : undefined;
}

const JWK_TEXT = anyText();
const JWK_TEXTS = list(JWK_TEXT, "texts");

const JWK_VALUE = either([JWK_TEXT, JWK_TEXTS], (value, context): string | boolean | readonly string[] => {
  if (value instanceof Literal && typeof value.value === "boolean") return value.value;
  return Array.isArray(value) ? delegate(context, JWK_TEXTS, value) : delegate(context, JWK_TEXT, value);
});

/** What a JSON Web Key keeps secret (RFC 7518, section 6). */
const PRIVATE_PARTS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

const JWK = told(
  { required: ["kty"], propertyNames: { not: { enum: PRIVATE_PARTS } } },
  entries(JWK_VALUE),
).transform((key, context): WrittenJwk => {
  for (const part of PRIVATE_PARTS.filter((one) => key.has(one))) {
    const hint = "write the public key only; a key of HMAC goes into a file: `jwks: { file: … }`";
    refuse(context, misplaced("secret-in-plain-text", `"${part}" is the secret of the key`, hint), [part]);
  }
  if (!key.has("kty"))
    refuse(context, misplaced("missing-key", "kty is missing in the key", "it takes RSA, EC or OKP"));
  return key;
});

const LOCAL_KINDS = ["file", "keys"] as const;

const LOCAL_JWKS = told(
  exactlyOne(LOCAL_KINDS),
  mapping({ file: filePath().optional(), keys: list(JWK, "JSON Web Keys", 100).optional() }),
);

const JWKS = either([JWKS_URL, LOCAL_JWKS], (value, context): WrittenJwks => {
  if (!isMapping(value)) return { kind: "url", url: delegate(context, JWKS_URL, value) };
  const written = delegate(context, LOCAL_JWKS, value);
  if (context.issues.length > 0) return z.NEVER;
  const kind = oneOf(context, written, LOCAL_KINDS);
  if (kind === "file" && written.file !== undefined) return { kind, path: written.file };
  return kind === "keys" && written.keys !== undefined ? { kind, keys: written.keys } : z.NEVER;
});

const JWT = mapping({
  issuer: text("the issuer, as tokens name it in iss"),
  audiences: list(text("an audience"), "audiences"),
  jwks: JWKS,
  algorithms: list(text("an algorithm such as RS256"), "algorithms", 32).optional(),
  from: list(PLACE, "places", 16).optional(),
  claims: CLAIMS.optional(),
  leeway: durationMs(0, 300_000, "of at most 5m").optional(),
  refresh: durationMs(1_000, DAY_MS, "from 1s to 1d").optional(),
  maxStale: durationMs(0, 30 * DAY_MS, "of at most 30d").optional(),
}).transform(({ leeway, refresh, maxStale, ...written }, context): Omit<JwtIdentity, "invalid"> => {
  const algorithms = written.algorithms ?? DEFAULT_ALGORITHMS;
  const wrong = algorithmProblem(algorithms, written.jwks.kind === "url" ? "url" : "keys");
  if (wrong !== undefined)
    refuse(context, misplaced("wrong-value", wrong, "name those of the issuer's keys, such as RS256"), [
      "algorithms",
    ]);
  return {
    ...written,
    kind: "jwt",
    algorithms,
    from: written.from ?? [DEFAULT_PLACE],
    claims: written.claims ?? new Map(),
    leewayMs: leeway,
    refreshMs: refresh,
    maxStaleMs: maxStale,
  };
});

const METADATA = mapping({
  namespace: text("the name of a filter"),
  path: KEY_PATH.optional(),
  claims: CLAIMS,
}).transform(({ namespace, path, claims }): Omit<MetadataIdentity, "invalid"> => ({
  kind: "metadata",
  namespace,
  path: path ?? [],
  claims,
}));

const MTLS = mapping({ trustDomains: list(name(TRUST_DOMAIN_FORM), "trust domains") }).transform(
  ({ trustDomains }): Omit<MtlsIdentity, "invalid"> => ({ kind: "mtls", trustDomains }),
);

const WRITTEN_API_KEY = mapping({
  ...PLACE_KEYS,
  keys: filePath().optional(),
  verify: name(ID_FORM).optional(),
  with: entries(anyText()).optional(),
});

const API_KEY_FORM = { allOf: [exactlyOne(PLACE_KINDS), exactlyOne(["keys", "verify"])] };

const API_KEY = told(API_KEY_FORM, WRITTEN_API_KEY).transform(
  (written, context): Omit<ApiKeyIdentity, "invalid"> => {
    const place = placeOf(context, written);
    const { keys, verify } = written;
    const kind = oneOf(context, written, ["keys", "verify"]);
    if (written.with !== undefined && kind === "keys") {
      refuse(
        context,
        misplaced("wrong-value", "with is for `verify`: a keys file takes nothing", "remove it"),
        ["with"],
      );
    }
    if (kind === "keys" && keys !== undefined) return { kind: "apiKey", place, proof: { kind, path: keys } };
    if (kind !== "verify" || verify === undefined) return z.NEVER;
    return { kind: "apiKey", place, proof: { kind, handler: verify, with: written.with ?? new Map() } };
  },
);

const KINDS = ["mtls", "jwt", "metadata", "apiKey"] as const;

const WRITTEN_IDENTITY = mapping({
  mtls: MTLS.optional(),
  jwt: JWT.optional(),
  metadata: METADATA.optional(),
  apiKey: API_KEY.optional(),
  invalid: word(["refuse", "ignore"]).optional(),
});

/** The schema of one identity. */
export const IDENTITY = told(exactlyOne(KINDS), WRITTEN_IDENTITY).transform(
  (written, context): WrittenIdentity => {
    const kind = oneOf(context, written, KINDS);
    const identity = kind === undefined ? undefined : written[kind];
    return identity === undefined ? z.NEVER : { ...identity, invalid: written.invalid ?? "refuse" };
  },
);

/** The schema of `identities:`. */
export const IDENTITIES = entries(IDENTITY, name(VARIABLE_FORM, "key"));
