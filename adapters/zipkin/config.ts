import { z } from "zod";
import { bytes, httpUrl, mapping, personal, secret, share, word } from "../../src/adapter/config.ts";
import type { SecretSource } from "../../src/adapter/host.ts";

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

const MAX_HEADERS = 16;
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/;

/** What the sender writes itself. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  ...["connection", "content-encoding", "content-length", "content-type", "host", "transfer-encoding"],
]);

export const CONFIG: z.ZodType<ZipkinConfig> = mapping({
  url: httpUrl(),
  mode: word(MODES).default("auto"),
  sample: share().default(1),
  headers: z.record(z.string(), secret(), { error: "write a mapping of header names" }).default({}),
  personal: personal(),
  maxBatchBytes: bytes(1_024, 16 * 1_048_576).default(1_048_576),
}).transform(({ sample, headers, ...written }, context): ZipkinConfig => {
  const complain = (path: readonly string[], message: string): void =>
    context.addIssue({ code: "custom", message, path: [...path] });
  if (new URL(written.url).pathname === "/") {
    complain(["url"], "write the whole URL, such as http://zipkin.example.com:9411/api/v2/spans");
  }
  const named = new Map<string, SecretSource>();
  for (const [name, source] of Object.entries(headers)) {
    if (!HEADER_NAME.test(name)) complain(["headers", name], "this is no name of a header");
    if (OWN_HEADERS.has(name.toLowerCase()))
      complain(["headers", name], "this header is weir's own to write");
    if (named.has(name.toLowerCase())) complain(["headers", name], "this header is there twice");
    named.set(name.toLowerCase(), source);
  }
  if (named.size > MAX_HEADERS) complain(["headers"], `write at most ${MAX_HEADERS} headers`);
  return { ...written, share: sample, headers: named };
});
