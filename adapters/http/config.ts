import { z } from "zod";
import { bytes, cel, httpUrl, mapping, template, word } from "../../src/adapter/config.ts";
import type { SecretSource } from "../../src/adapter/host.ts";
import { headersOf, secretHeaders } from "../../src/adapter/posting.ts";
import { REMEMBERING, type Remembering } from "../../src/adapter/remembered-config.ts";
import { outputsOf, valueType } from "../../src/adapter/typed-values.ts";

/** What a rule can give. */
export const INPUT_TYPES = ["string", "int", "double", "bool", "list(string)"] as const;

export type BodyConfig =
  | { readonly kind: "json"; readonly source: string }
  | { readonly kind: "form"; readonly fields: Readonly<Record<string, string>> }
  | { readonly kind: "none" };

/** Texts are CEL, or have CEL in them, and are compiled by `program.ts`. */
export interface HttpConfig extends Remembering {
  readonly url: string;
  readonly inputs: Readonly<Record<string, (typeof INPUT_TYPES)[number]>>;
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: ReadonlyMap<string, string>;
  readonly secretHeaders: ReadonlyMap<string, SecretSource>;
  readonly body: BodyConfig;
  readonly failed: string;
  readonly misconfigured: string;
  readonly allow: string;
  readonly deny: { readonly status?: string | undefined; readonly message?: string | undefined };
  readonly outputs: Readonly<Record<string, { readonly type: string; readonly value: string }>>;
  readonly freshness: "own" | "cache-control";
  readonly retry: "safe" | "never";
  readonly maxBytes: number;
}

const templates = () =>
  z.record(z.string().min(1), template(), { error: "write a mapping of names" }).default({});

const PATH_FORM = "write a path that begins with / and has no ?, # or dot segments";

const REQUEST = {
  url: httpUrl(),
  inputs: outputsOf(word(INPUT_TYPES)),
  method: word(["GET", "POST"]).default("GET"),
  path: template().default("/"),
  query: templates(),
  headers: headersOf(template()),
  secretHeaders: secretHeaders(),
  json: cel().optional(),
  form: z.record(z.string().min(1), template(), { error: "write a mapping of names" }).optional(),
  retry: word(["safe", "never"]).optional(),
} satisfies z.ZodRawShape;

const ANSWER = {
  failed: cel().default("response.status >= 500 || response.status == 429"),
  misconfigured: cel().default("false"),
  allow: cel(),
  deny: mapping({ status: cel().optional(), message: cel().optional() }).default({}),
  outputs: outputsOf(mapping({ type: valueType(), value: cel() })),
  freshness: word(["own", "cache-control"]).default("own"),
  maxBytes: bytes(1, 4 * 1_048_576).default(65_536),
} satisfies z.ZodRawShape;

export const CONFIG: z.ZodType<HttpConfig> = mapping({ ...REQUEST, ...ANSWER, ...REMEMBERING }).transform(
  ({ json, form, retry, ...written }, context): HttpConfig => {
    const complain = (path: readonly string[], message: string): void =>
      context.addIssue({ code: "custom", message, path: [...path] });
    const url = new URL(written.url);
    if (url.search !== "") complain(["url"], "write the URL without a query: query has that");
    if (!isPath(written.path)) complain(["path"], PATH_FORM);
    if (json !== undefined && form !== undefined) complain(["form"], "write one of json and form");
    if (written.method === "GET" && (json !== undefined || form !== undefined)) {
      complain(["method"], "a GET has no body: write method: POST");
    }
    for (const name of written.headers.keys()) {
      if (written.secretHeaders.has(name)) complain(["headers", name], "secretHeaders has this header, too");
    }
    const body: BodyConfig =
      json !== undefined
        ? { kind: "json", source: json }
        : form !== undefined
          ? { kind: "form", fields: form }
          : { kind: "none" };
    return {
      ...written,
      url: written.url.replace(/\/+$/, ""),
      body,
      retry: retry ?? (written.method === "GET" ? "safe" : "never"),
    };
  },
);

/** What stands in expressions is escaped when it is known. */
function isPath(path: string): boolean {
  const plain = path.replace(/\$\{[^}]*\}/g, "x");
  const segments = plain.split("/");
  return /^\/[^?#\s]*$/.test(plain) && !segments.some((one) => /^(\.|%2e){1,2}$/i.test(one));
}
