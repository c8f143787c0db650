import type { z } from "zod";
import { bytes, httpUrl, mapping, personal, share, word } from "../../src/adapter/config.ts";
import type { SecretSource } from "../../src/adapter/host.ts";
import { secretHeaders } from "../../src/adapter/posting.ts";

export const MODES = ["auto", "join", "child", "correlate"] as const;

/** What the ids in a request's headers are taken for, as README.md says. */
export type Mode = (typeof MODES)[number];

export interface ZipkinConfig {
  /** Of Zipkin's API, version 2: it ends in `/api/v2/spans`. */
  readonly url: string;
  readonly mode: Mode;
  /** Of the traces about which no header decides, from 0 to 1. */
  readonly share: number;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, SecretSource>;
  /** Whether values of persons that a rule adds come as digests; whoever makes the records reads it. */
  readonly personal: "digest" | "plain";
  /** Of one request's body, before it is compressed. */
  readonly maxBatchBytes: number;
}

export const CONFIG: z.ZodType<ZipkinConfig> = mapping({
  url: httpUrl(),
  mode: word(MODES).default("auto"),
  sample: share().default(1),
  headers: secretHeaders(),
  personal: personal(),
  maxBatchBytes: bytes(1_024, 16 * 1_048_576).default(1_048_576),
}).transform(({ sample, ...written }, context): ZipkinConfig => {
  if (new URL(written.url).pathname === "/") {
    const message = "write the whole URL, such as http://zipkin.example.com:9411/api/v2/spans";
    context.addIssue({ code: "custom", message, path: ["url"] });
  }
  return { ...written, share: sample };
});
