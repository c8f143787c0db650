import { z } from "zod";
import { didYouMean } from "./diagnostic.ts";
import {
  anyText,
  delegate,
  entries,
  flag,
  ID_FORM,
  integer,
  list,
  mapping,
  momentMs,
  name,
  notYet,
  oneOf,
  orBroken,
  plainValue,
  refuse,
  text,
  version,
  word,
  type PlainValue,
} from "./fields.ts";
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
}

/** Who asks: identities by name, which stand for what stage 1 would find, or credentials, which go through it. */
export type Principal =
  | { readonly kind: "identities"; readonly identities: ReadonlyMap<string, ReadonlyMap<string, PlainValue>> }
  | { readonly kind: "credentials"; readonly spiffe: string | undefined };

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
}

const CREDENTIALS = mapping({
  credentials: mapping({
    spiffe: text("a SPIFFE ID").optional(),
    headers: notYet("credentials in headers"),
  }),
}).transform(({ credentials }): Principal => ({ kind: "credentials", spiffe: credentials.spiffe }));

const IDENTITIES = entries(entries(plainValue())).transform((identities): Principal => ({
  kind: "identities",
  identities,
}));

const PRINCIPAL = z
  .unknown()
  .transform((value, context) =>
    isMapping(value) && value.has("credentials")
      ? delegate(context, CREDENTIALS, value)
      : delegate(context, IDENTITIES, value),
  );

/** The values of one header: several are several lines of it. */
const HEADER = z
  .unknown()
  .transform((value, context): readonly string[] =>
    Array.isArray(value)
      ? delegate(context, list(anyText(), "values"), value)
      : [delegate(context, anyText(), value)],
  );

const PEER = mapping({ address: text("an IP address").optional(), spiffe: text("a SPIFFE ID").optional() });

const REQUEST = mapping({
  method: text("a method").optional(),
  host: text("a host").optional(),
  path: text("a path").optional(),
  scheme: text("a scheme").optional(),
  headers: entries(HEADER).optional(),
  protocol: word(["http"], { words: ["tcp"] }).optional(),
  grpc: flag().optional(),
  source: PEER.optional(),
  destination: PEER.optional(),
  sni: notYet("TLS server names in tests"),
  route: text("the name of a route").optional(),
  context: entries(anyText()).optional(),
}).transform((request) => ({
  ...request,
  method: request.method ?? "GET",
  protocol: request.protocol ?? "http",
  headers: request.headers ?? new Map<string, readonly string[]>(),
  context: request.context ?? new Map<string, string>(),
}));

const EXPECTATION = mapping({
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
  times: notYet("`times`"),
  backends: notYet("stubbed back-ends"),
}).transform((written, context): Omit<Expectation, "index"> => {
  const kind = oneOf(context, written, ["allow", "deny", "error"]);
  return {
    as: written.as,
    request: written.request,
    verdict: { kind: kind ?? "error", rule: kind === undefined ? "" : (written[kind] ?? "") },
    status: written.status,
    sets: written.sets ?? new Map(),
    removes: written.removes ?? [],
    response: written.response ?? new Map(),
    body: written.body,
  };
});

/** The schema of a file of tests. */
export const TESTS_FILE = mapping({
  weir: version(),
  tests: name(ID_FORM),
  now: momentMs().optional(),
  principals: entries(PRINCIPAL),
  requests: entries(REQUEST),
  expect: list(orBroken(EXPECTATION), "expectations", 10_000),
  backends: notYet("stubbed back-ends"),
}).transform((file, context): TestsFile => {
  const expect = file.expect.flatMap((one, index) => (one === undefined ? [] : [{ ...one, index }]));
  for (const { index, as, request } of expect) {
    refuseUnknown(context, { key: "as", index, wanted: as, what: "principal" }, file.principals);
    refuseUnknown(context, { key: "request", index, wanted: request, what: "request" }, file.requests);
  }
  const { tests, now: nowMs, principals, requests } = file;
  return { tests, nowMs, principals, requests, expect };
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
