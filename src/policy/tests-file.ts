import type { z } from "zod";
import { didYouMean } from "./diagnostic.ts";
import {
  anyText,
  delegate,
  either,
  flag,
  ID_FORM,
  integer,
  misplaced,
  momentMs,
  name,
  oneOf,
  orBroken,
  refuse,
  text,
  version,
  word,
} from "./fields.ts";
import { ENTRY, TELEMETRY, type DescribedEntry, type ExpectedTelemetry } from "./expected-telemetry.ts";
import { entries, list, mapping, plainValue, type PlainValue } from "./fields-of-collections.ts";
import { exactlyOne, told } from "./forms.ts";
import { STUBS, type Stubs } from "./stubs-file.ts";
import { isMapping } from "./tree.ts";

/** The tests of one policy. */
export interface TestsFile {
  /** The policy that is tested. */
  readonly tests: string;
  /** What the clock says, in milliseconds since 1970; undefined: the clock. */
  readonly nowMs: number | undefined;
  readonly principals: ReadonlyMap<string, Principal>;
  readonly requests: ReadonlyMap<string, DescribedRequest>;
  readonly expect: readonly Expectation[];
  /** What handlers answer: no test calls one. */
  readonly backends: Stubs;
}

/** Who asks: identities by name, which stand for what stage 1 would find, or credentials, which go through it. */
export type Principal =
  | { readonly kind: "identities"; readonly identities: ReadonlyMap<string, ReadonlyMap<string, PlainValue>> }
  | {
      readonly kind: "credentials";
      readonly spiffe: string | undefined;
      /** Lines of headers, which are added to those of the request. */
      readonly headers: ReadonlyMap<string, readonly string[]>;
    };

/** A request as a test describes it. */
export type DescribedRequest = Readonly<z.output<typeof REQUEST>>;

/** What a pair of principal and request must get. It stands at `["expect", index]`. */
export interface Expectation {
  readonly index: number;
  readonly as: string;
  readonly request: string;
  /** `rule` is what decides: the id of a rule, or an id of weir's such as `weir/ungoverned`. */
  readonly verdict: { readonly kind: "allow" | "deny" | "error"; readonly rule: string };
  readonly status: number | undefined;
  /** Request headers that the answer sets, with their values. */
  readonly sets: ReadonlyMap<string, string>;
  /** Request headers that the answer removes. */
  readonly removes: readonly string[];
  /** Response headers of the answer. */
  readonly response: ReadonlyMap<string, string>;
  readonly body: string | undefined;
  /** Query parameters that the answer sets. */
  readonly query: ReadonlyMap<string, string>;
  /** Fields of the answer's dynamic metadata. */
  readonly metadata: ReadonlyMap<string, string>;
  /** What the answer carries to the access log for this policy's telemetry, by what is read: `auth.user.team`. */
  readonly carries: ReadonlyMap<string, string>;
  /** The access log of the request, and what telemetry rules make of it. */
  readonly entry: DescribedEntry;
  readonly telemetry: ExpectedTelemetry;
  /** What handlers answer, in place of what the file says. */
  readonly backends: Stubs;
  /** How often the request is made, one after the other at the same moment; what is expected is of the last. */
  readonly times: number;
}

/** The policy and the rule that an expectation names; `weir/…` are weir's own. */
export function subjectOf(tests: string, named: string): { readonly policy: string; readonly rule: string } {
  const [first = "", ...rest] = named.split("/");
  if (first === "weir") return { policy: "", rule: named };
  return rest.length === 0 || first === "identity"
    ? { policy: tests, rule: named }
    : { policy: first, rule: rest.join("/") };
}

const IDENTITIES = told({ not: { required: ["credentials"] } }, entries(entries(plainValue()))).transform(
  (identities): Principal => ({
    kind: "identities",
    identities,
  }),
);

const LINE = anyText();
const LINES = list(LINE, "values");

/** The values of one header: several are several lines of it. */
const HEADER = either([LINE, LINES], (value, context): readonly string[] =>
  Array.isArray(value) ? delegate(context, LINES, value) : [delegate(context, LINE, value)],
);

const CREDENTIALS = mapping({
  credentials: mapping({
    spiffe: text("a SPIFFE ID").optional(),
    headers: entries(HEADER).optional(),
  }),
}).transform(({ credentials: { spiffe, headers } }): Principal => ({
  kind: "credentials",
  spiffe,
  headers: headers ?? new Map(),
}));

/** The schema of one principal. */
export const PRINCIPAL = either([CREDENTIALS, IDENTITIES], (value, context) =>
  isMapping(value) && value.has("credentials")
    ? delegate(context, CREDENTIALS, value)
    : delegate(context, IDENTITIES, value),
);

const PEER = mapping({
  address: text("an IP address").optional(),
  port: integer(0, 65_535).optional(),
  spiffe: text("a SPIFFE ID").optional(),
  certificate: text("a certificate in PEM").optional(),
});

/** What only an HTTP request has, in a described one. */
const OF_HTTP = ["method", "host", "path", "scheme", "headers", "grpc", "body", "route", "context"] as const;

/** The schema of one described request. */
export const REQUEST = mapping({
  method: text("a method").optional(),
  host: text("a host").optional(),
  path: text("a path").optional(),
  scheme: text("a scheme").optional(),
  headers: entries(HEADER).optional(),
  protocol: word(["http", "tcp"]).optional(),
  grpc: flag().optional(),
  source: PEER.optional(),
  destination: PEER.optional(),
  sni: text("a TLS server name").optional(),
  /** Sent whole; without it Envoy sends none, as it does where it is not told to. */
  body: anyText().optional(),
  route: text("the name of a route").optional(),
  context: entries(anyText()).optional(),
}).transform((request, context) => {
  for (const key of OF_HTTP) {
    if (request.protocol !== "tcp" || request[key] === undefined) continue;
    const message = `a TCP connection has no ${key}`;
    refuse(context, misplaced("one-of", message, "remove it, or the line `protocol: tcp`"), [key]);
  }
  return {
    ...request,
    method: request.method ?? "GET",
    protocol: request.protocol ?? "http",
    headers: request.headers ?? new Map<string, readonly string[]>(),
    context: request.context ?? new Map<string, string>(),
  };
});

const VERDICTS = ["allow", "deny", "error"] as const;

const WRITTEN_EXPECTATION = mapping({
  as: text("the name of a principal"),
  request: text("the name of a request"),
  allow: text("the id of the deciding rule").optional(),
  deny: text("the id of the deciding rule").optional(),
  error: text("the id of the deciding rule").optional(),
  status: integer(100, 599).optional(),
  sets: entries(anyText()).optional(),
  removes: list(text("the name of a header"), "names of headers").optional(),
  response: entries(anyText()).optional(),
  body: anyText().optional(),
  query: entries(anyText()).optional(),
  metadata: entries(anyText()).optional(),
  carries: entries(anyText()).optional(),
  entry: ENTRY.optional(),
  telemetry: TELEMETRY.optional(),
  times: integer(1, 10_000).optional(),
  backends: STUBS.optional(),
});

const EXPECTATION = told(exactlyOne(VERDICTS), WRITTEN_EXPECTATION).transform(
  (written, context): Omit<Expectation, "index"> => {
    const kind = oneOf(context, written, VERDICTS);
    return {
      as: written.as,
      request: written.request,
      verdict: { kind: kind ?? "error", rule: kind === undefined ? "" : (written[kind] ?? "") },
      status: written.status,
      sets: written.sets ?? new Map(),
      removes: written.removes ?? [],
      response: written.response ?? new Map(),
      body: written.body,
      query: written.query ?? new Map(),
      metadata: written.metadata ?? new Map(),
      carries: written.carries ?? new Map(),
      entry: written.entry ?? {},
      telemetry: written.telemetry ?? new Map(),
      backends: written.backends ?? new Map(),
      times: written.times ?? 1,
    };
  },
);

/** The schema of a file of tests. */
export const TESTS_FILE = mapping({
  weir: version(),
  tests: name(ID_FORM),
  now: momentMs().optional(),
  principals: entries(PRINCIPAL),
  requests: entries(REQUEST),
  expect: list(orBroken(EXPECTATION), "expectations", 10_000),
  backends: STUBS.optional(),
}).transform((file, context): TestsFile => {
  const expect = file.expect.flatMap((one, index) => (one === undefined ? [] : [{ ...one, index }]));
  for (const { index, as, request } of expect) {
    refuseUnknown(context, { key: "as", index, wanted: as, what: "principal" }, file.principals);
    refuseUnknown(context, { key: "request", index, wanted: request, what: "request" }, file.requests);
  }
  const { tests, now: nowMs, principals, requests } = file;
  return { tests, nowMs, principals, requests, expect, backends: file.backends ?? new Map() };
});

/** What an expectation names must be in the same file. */
function refuseUnknown(
  context: z.RefinementCtx,
  { key, index, wanted, what }: { key: string; index: number; wanted: string | undefined; what: string },
  known: ReadonlyMap<string, unknown>,
): void {
  // A key that something else is wrong with has no value here.
  if (wanted === undefined || known.has(wanted)) return;
  const message = `no ${what} of this file has the name "${wanted}"`;
  const hint = didYouMean(wanted, known.keys());
  refuse(context, { kind: "refused", code: "unknown-name", message, hint, at: "value" }, [
    "expect",
    index,
    key,
  ]);
}
