import { createPublicKey, createSecretKey, hash, type KeyObject } from "node:crypto";
import { ALGORITHMS } from "./algorithms.ts";

/** The keys of one reading of a JWKS. Never changes. */
export interface KeySet {
  /** What each key is, whatever it is called: a remembered verification lives as long as its key is here. */
  readonly ids: ReadonlySet<string>;
  /** The one key for an algorithm and key id; without an id, the only one that fits the algorithm. */
  find(wanted: WantedKey): VerificationKey | undefined;
}

export interface WantedKey {
  readonly algorithm: string;
  /** The token's `kid`. */
  readonly keyId: string | undefined;
}

export interface VerificationKey {
  /** A digest of the key itself. */
  readonly id: string;
  readonly key: KeyObject;
}

/** Which keys of a JWKS are of use. */
export interface KeyTerms {
  readonly algorithms: readonly string[];
  /** Shared secrets are taken from the configuration itself only. */
  readonly source: "url" | "keys";
}

/** The most keys that a JWKS may have. */
const MAX_KEYS = 1_000;
const MIN_RSA_BITS = 2_048;
/** Larger ones make each verification dear. */
const MAX_RSA_BITS = 8_192;

/**
 * Reads a JSON Web Key Set (RFC 7517 section 5): a set, or a sentence that says why it is none. Keys that are of no use
 * here (other algorithms, for encryption, private, too short) are passed over, as section 5 asks; one at least must be of use.
 */
export function readKeySet(jwks: unknown, terms: KeyTerms): KeySet | string {
  if (!isRecord(jwks) || !Array.isArray(jwks["keys"])) return "it is not a JWKS: it has no list `keys`";
  const jwkList: readonly unknown[] = jwks["keys"];
  if (jwkList.length > MAX_KEYS) return `it has more than ${MAX_KEYS} keys`;
  const entries = jwkList.flatMap((jwk) => entriesOf(jwk, terms));
  if (entries.length === 0)
    return `none of its ${jwkList.length} keys is of use for ${terms.algorithms.join(", ")}`;
  return keySetOf(entries);
}

interface Entry extends VerificationKey {
  readonly algorithm: string;
  readonly keyId: string | undefined;
}

function keySetOf(entries: readonly Entry[]): KeySet {
  const named = new Map<string, Entry[]>();
  const byAlgorithm = new Map<string, Entry[]>();
  for (const entry of entries) {
    append(byAlgorithm, entry.algorithm, entry);
    if (entry.keyId !== undefined) append(named, nameOf(entry), entry);
  }
  return {
    ids: new Set(entries.map(({ id }) => id)),
    find: (wanted) =>
      wanted.keyId === undefined
        ? onlyOne(byAlgorithm.get(wanted.algorithm))
        : onlyOne(named.get(nameOf(wanted))),
  };
}

/** Undefined where two different keys fit: to guess which one was meant is not our part. */
function onlyOne(entries: readonly Entry[] | undefined): Entry | undefined {
  const [first] = entries ?? [];
  return entries?.every(({ id }) => id === first?.id) === true ? first : undefined;
}

const nameOf = ({ algorithm, keyId }: WantedKey): string => `${algorithm}\0${keyId ?? ""}`;

function append<T>(lists: Map<string, T[]>, name: string, value: T): void {
  const list = lists.get(name);
  if (list === undefined) lists.set(name, [value]);
  else list.push(value);
}

/** One entry for each allowed algorithm that the key fits. */
function entriesOf(jwk: unknown, { algorithms, source }: KeyTerms): readonly Entry[] {
  if (!isRecord(jwk) || !isForVerifying(jwk)) return [];
  const { kty, crv, alg, kid } = jwk;
  if (kty === "oct" && source === "url") return [];
  const fitting = algorithms.filter((name) => {
    const wanted = ALGORITHMS.get(name);
    return wanted?.kty === kty && wanted?.crv === (kty === "RSA" || kty === "oct" ? undefined : crv);
  });
  const own = fitting.filter((name) => alg === undefined || alg === name);
  const key = own.length === 0 ? undefined : importKey(jwk);
  if (key === undefined || (kid !== undefined && typeof kid !== "string")) return [];
  const id = idOf(key);
  return own
    .filter((name) => (key.symmetricKeySize ?? 0) >= (ALGORITHMS.get(name)?.minBytes ?? 0))
    .map((algorithm) => ({ algorithm, keyId: kid, id, key }));
}

/** RFC 7517 sections 4.2 and 4.3; and a private key that was published is no one's signature any more. */
const isForVerifying = ({ use, key_ops: operations, d }: Jwk): boolean =>
  (use === undefined || use === "sig") &&
  (operations === undefined || (Array.isArray(operations) && operations.includes("verify"))) &&
  d === undefined;

function importKey(jwk: Jwk): KeyObject | undefined {
  try {
    if (jwk["kty"] === "oct") {
      return typeof jwk["k"] === "string" ? createSecretKey(Buffer.from(jwk["k"], "base64url")) : undefined;
    }
    const key = createPublicKey({ key: jwk, format: "jwk" });
    const bits = key.asymmetricKeyDetails?.modulusLength;
    return bits === undefined || (bits >= MIN_RSA_BITS && bits <= MAX_RSA_BITS) ? key : undefined;
  } catch {
    return undefined;
  }
}

const idOf = (key: KeyObject): string =>
  hash(
    "sha256",
    key.type === "secret" ? key.export() : key.export({ type: "spki", format: "der" }),
    "base64url",
  );

type Jwk = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Jwk =>
  typeof value === "object" && value !== null && !Array.isArray(value);
