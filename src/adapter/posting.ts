import { z } from "zod";
import { secret } from "./config.ts";
import type { SecretSource } from "./host.ts";

const MAX_HEADERS = 16;
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/;

/** What whoever posts writes itself. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  ...["connection", "content-encoding", "content-length", "content-type", "host", "transfer-encoding"],
]);

/** Headers of requests to a back-end, by lower-case name; every value is a secret. */
export const secretHeaders = () =>
  z
    .record(z.string(), secret(), { error: "write a mapping of header names" })
    .default({})
    .transform((headers, context): ReadonlyMap<string, SecretSource> => {
      const complain = (path: readonly string[], message: string): void =>
        context.addIssue({ code: "custom", message, path: [...path] });
      const named = new Map<string, SecretSource>();
      for (const [name, source] of Object.entries(headers)) {
        if (!HEADER_NAME.test(name)) complain([name], "this is no name of a header");
        if (OWN_HEADERS.has(name.toLowerCase())) complain([name], "this header is weir's own to write");
        if (named.has(name.toLowerCase())) complain([name], "this header is there twice");
        named.set(name.toLowerCase(), source);
      }
      if (named.size > MAX_HEADERS) complain([], `write at most ${MAX_HEADERS} headers`);
      return named;
    });

/** Seconds or a date. Source: RFC 9110, section 10.2.3. */
export function retryAfterMs(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d{1,9}$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - nowMs;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

/** Whether a request that `fetch` rejected can have brought nothing to the other end, because it was never sent. */
export const isUnsent = (error: unknown): boolean =>
  error instanceof Error && "sent" in error && error.sent === "no";
