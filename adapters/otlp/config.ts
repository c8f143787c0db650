import { z } from "zod";
import { httpUrl, mapping, personal, share, word } from "../../src/adapter/config.ts";
import type { SecretSource } from "../../src/adapter/host.ts";
import { secretHeaders } from "../../src/adapter/posting.ts";

export const SIGNALS = ["logs", "traces", "metrics"] as const;

/** One kind of OpenTelemetry's data, each with an address of its own. */
export type Signal = (typeof SIGNALS)[number];

export interface OtlpConfig {
  /** Undefined: the signal is not sent. */
  readonly urls: Readonly<Record<Signal, string | undefined>>;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, SecretSource>;
  readonly resource: ReadonlyMap<string, string>;
  /** What names of presets' metrics begin with. */
  readonly names: "istio" | "weir";
  /** Of the traces about which no header decides, from 0 to 1. */
  readonly share: number;
  /** Whoever makes the records reads it. */
  readonly personal: "digest" | "plain";
}

const attribute = z
  .string({ error: "write a text" })
  .max(1_024, { error: "write a text of at most 1024 characters" });

export const CONFIG: z.ZodType<OtlpConfig> = mapping({
  url: httpUrl().optional(),
  logs: httpUrl().optional(),
  traces: httpUrl().optional(),
  metrics: httpUrl().optional(),
  headers: secretHeaders(),
  resource: z
    .record(z.string(), attribute, { error: "write a mapping of names to texts" })
    .refine((found) => Object.keys(found).length <= 64, { error: "write at most 64 attributes" })
    .default({}),
  names: word(["istio", "weir"]).default("weir"),
  sample: share().default(1),
  personal: personal(),
}).transform((written, context): OtlpConfig => {
  const { url, logs, traces, metrics, resource, sample, ...rest } = written;
  const urls = {
    logs: logs ?? below(url, "logs"),
    traces: traces ?? below(url, "traces"),
    metrics: metrics ?? below(url, "metrics"),
  };
  if (SIGNALS.every((signal) => urls[signal] === undefined)) {
    const message = "write url, such as http://collector.example.com:4318, or one of logs, traces, metrics";
    context.addIssue({ code: "custom", message, path: [] });
  }
  if (url !== undefined && /\/v1\/(?:logs|traces|metrics)\/?$/.test(new URL(url).pathname)) {
    const message =
      "url is what comes before /v1/…: write the whole URL of one signal as logs, traces or metrics";
    context.addIssue({ code: "custom", message, path: ["url"] });
  }
  const attributes = new Map([["service.name", "weir"], ...Object.entries(resource)]);
  return { ...rest, urls, resource: attributes, share: sample };
});

/** OTLP specification, "OTLP/HTTP request": the path of each signal below the base. */
function below(base: string | undefined, signal: Signal): string | undefined {
  if (base === undefined) return undefined;
  const url = new URL(base);
  url.pathname = `${url.pathname.replace(/\/$/, "")}/v1/${signal}`;
  return url.href;
}
