import { z } from "zod";
import { bytes, durationMs, httpUrl, integer, mapping, secret, word } from "../../src/adapter/config.ts";
import type { SecretSource } from "../../src/adapter/host.ts";
import type { FailurePolicy } from "../../src/adapter/remembered.ts";

export interface ThreescaleConfig {
  /** Of the admin portal, whose API knows the services. */
  readonly system: string;
  readonly accessToken: SecretSource;
  readonly environment: "production" | "staging";
  /** Ids of services; undefined: all of the account. */
  readonly services: readonly string[] | undefined;
  readonly refreshMs: number;
  /** Instead of the back-end that the services name. */
  readonly backend: string | undefined;
  /** Where the last good configuration and undelivered reports are kept. */
  readonly folder: string;
  /** `batched`: answers are remembered and usage is reported in batches; `exact`: the back-end decides and counts each request. */
  readonly mode: "batched" | "exact";
  readonly cache: {
    readonly allowedMs: number;
    readonly deniedMs: number;
    readonly staleMs: number;
    readonly maxAgeMs: number;
    readonly entries: number;
  };
  readonly onFailure: FailurePolicy;
  /** Credentials that are not known, which may reach the back-end in one second. */
  readonly asksPerSecond: number;
  readonly timeoutMs: number;
  readonly reports: { readonly flushMs: number; readonly maxBytes: number };
  /** What usage is reported from: requests when they are checked, or entries of access logs. */
  readonly countFrom: "check" | "log";
  /** `nested`: the back-end adds usage of methods to what is above them; `flat`: weir does. */
  readonly usage: "nested" | "flat";
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const FOLDER_FORM = "write the path of a folder of this handler's own, such as /var/lib/weir/threescale";
const SERVICE_ID = /^[A-Za-z0-9_-]{1,64}$/;
const SERVICE_FORM = "write ids of services, such as 2555417794444";

const SERVICE = z.unknown().transform((id, context): string => {
  const text = typeof id === "number" ? String(id) : id;
  if (typeof text === "string" && SERVICE_ID.test(text)) return text;
  context.addIssue({ code: "custom", message: SERVICE_FORM });
  return z.NEVER;
});

const CACHE = mapping({
  allowed: durationMs(100, HOUR_MS).default(10_000),
  denied: durationMs(100, HOUR_MS).default(5_000),
  stale: durationMs(0, HOUR_MS).default(5_000),
  maxAge: durationMs(1_000, 24 * HOUR_MS).default(5 * MINUTE_MS),
  entries: integer(100, 1_000_000).default(100_000),
}).transform(({ allowed, denied, stale, maxAge, entries }) => ({
  allowedMs: allowed,
  deniedMs: denied,
  staleMs: stale,
  maxAgeMs: maxAge,
  entries,
}));

const REPORTS = mapping({
  flush: durationMs(100, HOUR_MS).default(10_000),
  maxBytes: bytes(1_048_576, 16 * 1_073_741_824).default(64 * 1_048_576),
}).transform(({ flush, maxBytes }) => ({ flushMs: flush, maxBytes }));

export const CONFIG: z.ZodType<ThreescaleConfig> = mapping({
  system: httpUrl(),
  accessToken: secret(),
  environment: word(["production", "staging"]).default("production"),
  services: z
    .array(SERVICE, { error: SERVICE_FORM })
    .min(1, { error: `${SERVICE_FORM}, or leave it out for all services` })
    .optional(),
  refresh: durationMs(1_000, 24 * HOUR_MS).default(5 * MINUTE_MS),
  backend: httpUrl().optional(),
  folder: z.string({ error: FOLDER_FORM }).min(1, { error: FOLDER_FORM }),
  mode: word(["batched", "exact"]).default("batched"),
  cache: CACHE.prefault({}),
  onFailure: word(["closed", "resilient", "open"]).default("closed"),
  asksPerSecond: integer(1, 10_000).default(100),
  timeout: durationMs(10, MINUTE_MS).default(2_000),
  reports: REPORTS.prefault({}),
  countFrom: word(["check", "log"]).default("check"),
  usage: word(["nested", "flat"]).default("nested"),
}).transform((written, context): ThreescaleConfig => {
  const { system, refresh, timeout, services, backend, ...rest } = written;
  const complain = (key: string, message: string): void =>
    context.addIssue({ code: "custom", message, path: [key] });
  if (rest.mode === "exact" && rest.countFrom === "log") {
    complain("countFrom", "in mode exact the back-end counts each check: write `countFrom: check`");
  }
  if (rest.mode === "exact" && rest.usage === "flat") {
    complain(
      "usage",
      "in mode exact weir knows nothing of what stands above a method: write `usage: nested`",
    );
  }
  if (rest.mode === "exact" && rest.onFailure !== "closed") {
    complain(
      "onFailure",
      "in mode exact nothing is remembered that could be used: the rule's onError decides",
    );
  }
  if (rest.cache.maxAgeMs < rest.cache.allowedMs) {
    complain("cache", "maxAge is the end of every answer: write at least as much as `allowed`");
  }
  const withoutSlash = (url: string): string => url.replace(/\/+$/, "");
  return {
    ...rest,
    system: withoutSlash(system),
    backend: backend && withoutSlash(backend),
    services,
    refreshMs: refresh,
    timeoutMs: timeout,
  };
});
