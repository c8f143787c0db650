import { z } from "zod";
import { bytes, durationMs, httpUrl, mapping, secret, word } from "../../src/adapter/config.ts";
import type { SecretSource } from "../../src/adapter/host.ts";
import { REMEMBERING, type Remembering } from "../../src/adapter/remembered-config.ts";

export interface ThreescaleConfig extends Remembering {
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
  readonly reports: { readonly flushMs: number; readonly maxBytes: number };
  /** What usage is reported from: requests when they are checked, or entries of access logs. */
  readonly countFrom: "check" | "log";
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const FOLDER_FORM = "write the path of a folder of this handler's own, such as /var/lib/weir/threescale";
const SERVICE_ID = /^[A-Za-z0-9_-]{1,64}$/;
const SERVICE_FORM = "write ids of services, such as 2555417794444";

/** For editors, who cannot be told what code checks. */
const SERVICE_JSON = { anyOf: [{ type: "string", pattern: SERVICE_ID.source }, { type: "integer" }] };

const SERVICE = z
  .unknown()
  .meta(SERVICE_JSON)
  .transform((id, context): string => {
    const text = typeof id === "number" ? String(id) : id;
    if (typeof text === "string" && SERVICE_ID.test(text)) return text;
    context.addIssue({ code: "custom", message: SERVICE_FORM });
    return z.NEVER;
  });

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
  ...REMEMBERING,
  reports: REPORTS.prefault({}),
  countFrom: word(["check", "log"]).default("check"),
}).transform((written, context): ThreescaleConfig => {
  const { system, refresh, services, backend, ...rest } = written;
  const complain = (key: string, message: string): void =>
    context.addIssue({ code: "custom", message, path: [key] });
  if (rest.mode === "exact" && rest.countFrom === "log") {
    complain("countFrom", "in mode exact the back-end counts each check: write `countFrom: check`");
  }
  if (rest.mode === "exact" && rest.onFailure !== "closed") {
    complain(
      "onFailure",
      "in mode exact nothing is remembered that could be used: the rule's onError decides",
    );
  }
  const withoutSlash = (url: string): string => url.replace(/\/+$/, "");
  return {
    ...rest,
    system: withoutSlash(system),
    backend: backend && withoutSlash(backend),
    services,
    refreshMs: refresh,
  };
});
