import { z } from "zod";
import {
  bytes,
  durationMs,
  httpUrl,
  integer,
  mapping,
  personal,
  secret,
  word,
} from "../../src/adapter/config.ts";
import type { SecretSource } from "../../src/adapter/host.ts";
import type { FailurePolicy } from "../../src/adapter/remembered.ts";

/** How weir shows the remote service who it is. */
export type Credentials =
  /** Apigee X and hybrid: tokens that weir signs itself. */
  | { readonly kind: "signed"; readonly privateKey: SecretSource; readonly keyId: string }
  /** Apigee Edge: the pair that provisioning has written. */
  | { readonly kind: "basic"; readonly key: SecretSource; readonly secret: SecretSource };

export interface ApigeeConfig {
  /** Of the proxy `remote-service`, without a slash at the end. */
  readonly url: string;
  /** Of the keys that tokens are signed with. */
  readonly certs: string;
  readonly organization: string;
  /** `*`: each check names its own. */
  readonly environment: string;
  readonly credentials: Credentials;
  /** The claim of a token that holds an API key. */
  readonly keyClaim: string | undefined;
  readonly refreshMs: number;
  /** Where the last good products, and analytics that are not uploaded, are kept. */
  readonly folder: string;
  readonly cache: {
    readonly allowedMs: number;
    readonly deniedMs: number;
    readonly staleMs: number;
    readonly maxAgeMs: number;
    readonly entries: number;
  };
  readonly onFailure: FailurePolicy;
  readonly asksPerSecond: number;
  readonly timeoutMs: number;
  readonly quotas: { readonly syncMs: number; readonly entries: number };
  /** Undefined: no record is made. */
  readonly analytics: Analytics | undefined;
}

export interface Analytics {
  /** Of the API that gives URLs to upload to. */
  readonly url: string;
  /** Of Google's: a service account's key file. Undefined: the credentials are those of the remote service. */
  readonly serviceAccount: SecretSource | undefined;
  readonly uploadMs: number;
  readonly maxBytes: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const NAME_FORM = "write a name of letters, digits, dots, dashes and underscores";
const FOLDER_FORM = "write the path of a folder of this handler's own, such as /var/lib/weir/apigee";
const CREDENTIALS_FORM = "write either privateKey and keyId, or key and secret";

const name = () => z.string({ error: NAME_FORM }).regex(/^[A-Za-z0-9._-]{1,128}$/, { error: NAME_FORM });

const CACHE = mapping({
  allowed: durationMs(100, HOUR_MS).default(5 * MINUTE_MS),
  denied: durationMs(100, HOUR_MS).default(10_000),
  stale: durationMs(0, HOUR_MS).default(MINUTE_MS),
  maxAge: durationMs(1_000, 24 * HOUR_MS).default(15 * MINUTE_MS),
  entries: integer(100, 1_000_000).default(100_000),
}).transform(({ allowed, denied, stale, maxAge, entries }, context) => {
  if (maxAge < allowed) {
    const message = "maxAge is the end of every answer: write at least as much as `allowed`";
    context.addIssue({ code: "custom", message });
  }
  return { allowedMs: allowed, deniedMs: denied, staleMs: stale, maxAgeMs: maxAge, entries };
});

const CREDENTIALS = mapping({
  privateKey: secret().optional(),
  keyId: name().optional(),
  key: secret().optional(),
  secret: secret().optional(),
}).transform(({ privateKey, keyId, key, secret: word }, context): Credentials => {
  const isSigned = privateKey !== undefined && keyId !== undefined;
  if (isSigned && key === undefined && word === undefined) return { kind: "signed", privateKey, keyId };
  const isBasic = key !== undefined && word !== undefined;
  if (isBasic && privateKey === undefined && keyId === undefined) return { kind: "basic", key, secret: word };
  context.addIssue({ code: "custom", message: CREDENTIALS_FORM });
  return z.NEVER;
});

const QUOTAS = mapping({
  sync: durationMs(100, MINUTE_MS).default(1_000),
  entries: integer(100, 1_000_000).default(100_000),
}).transform(({ sync, entries }) => ({ syncMs: sync, entries }));

const ANALYTICS = mapping({
  url: httpUrl(),
  serviceAccount: secret().optional(),
  upload: durationMs(1_000, HOUR_MS).default(2 * MINUTE_MS),
  maxBytes: bytes(1_048_576, 16 * 1_073_741_824).default(256 * 1_048_576),
}).transform(({ url, serviceAccount, upload, maxBytes }): Analytics => ({
  url: withoutSlash(url),
  serviceAccount,
  uploadMs: upload,
  maxBytes,
}));

const withoutSlash = (url: string): string => url.replace(/\/+$/, "");

export const CONFIG: z.ZodType<ApigeeConfig> = mapping({
  url: httpUrl(),
  certs: httpUrl().optional(),
  organization: name(),
  environment: z
    .string({ error: `${NAME_FORM}, or "*"` })
    .regex(/^(?:\*|[A-Za-z0-9._-]{1,128})$/, { error: `${NAME_FORM}, or "*"` }),
  credentials: CREDENTIALS,
  keyClaim: name().optional(),
  refresh: durationMs(1_000, 24 * HOUR_MS).default(2 * MINUTE_MS),
  folder: z.string({ error: FOLDER_FORM }).min(1, { error: FOLDER_FORM }),
  cache: CACHE.prefault({}),
  onFailure: word(["closed", "resilient"]).default("closed"),
  asksPerSecond: integer(1, 10_000).default(100),
  timeout: durationMs(10, MINUTE_MS).default(2_000),
  quotas: QUOTAS.prefault({}),
  analytics: ANALYTICS.optional(),
  personal: personal(),
}).transform((written): ApigeeConfig => {
  // Whether records show persons is whoever makes them's to read.
  const { url, certs, refresh, timeout, keyClaim, analytics } = written;
  const { organization, environment, credentials, folder, cache, onFailure, asksPerSecond, quotas } = written;
  const base = withoutSlash(url);
  return {
    ...{ organization, environment, credentials, folder, cache, onFailure, asksPerSecond, quotas },
    url: base,
    certs: certs ?? `${base.replace(/\/remote-service$/, "")}/remote-token/certs`,
    keyClaim,
    refreshMs: refresh,
    timeoutMs: timeout,
    analytics,
  };
});
