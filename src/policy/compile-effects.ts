import type { Template, WrittenAnswer } from "./answers-file.ts";
import { refuseSecrets } from "./compile-asks.ts";
import { isPrintable } from "../std/printable.ts";
import { compileText, compileTexts, constantPart } from "./compile-text.ts";
import { problem, type Place } from "./diagnostic.ts";
import type { Answer, Effects, NamedText } from "./effects.ts";
import type { AllowRule, RequestChanges } from "./rule.ts";
import type { Scope } from "./scope.ts";
import type { Path } from "./source.ts";

/** What an allow rule at `path` does to request and response. */
export const compileEffects = (scope: Scope, path: Path, written: AllowRule): Effects => ({
  ...compileRequest(scope, [...path, "request"], written.request),
  responseSet: compileHeaders(scope, [...path, "response", "set"], written.responseSet, "response"),
  responseAppend: compileHeaders(scope, [...path, "response", "append"], written.responseAppend, "response"),
  metadata: compileMetadata(scope, [...path, "metadata"], written.metadata),
});

/** What a rule does to the request on its way up, and nothing else. */
export function compileRequest(scope: Scope, path: Path, written: RequestChanges): Effects {
  const requestSet = compileHeaders(scope, [...path, "set"], written.set, "request");
  const requestAppend = compileHeaders(scope, [...path, "append"], written.append, "request");
  const changed = new Set([...requestSet, ...requestAppend].map(({ name }) => name));
  const set = new Set(requestSet.map(({ name }) => name));
  for (const header of written.append.keys()) {
    if (set.has(header.toLowerCase()))
      report(scope, scope.document.keyAt([...path, "append", header]), "bad-header", setHere(header));
  }
  const querySet = oneLined(scope, [...path, "query", "set"], written.querySet);
  written.queryRemove.forEach((name, index) => {
    if (!written.querySet.has(name)) return;
    const reason: Reason = [`${name} is set by this rule already`, "keep one of them"];
    report(scope, scope.document.at([...path, "query", "remove", index]), "wrong-value", reason);
  });
  return {
    requestSet,
    requestAppend,
    requestRemove: written.remove.map((header, index) => {
      const reason = changed.has(header.toLowerCase()) ? setHere(header) : refusedHeader(header, "request");
      if (reason !== undefined)
        report(scope, scope.document.at([...path, "remove", index]), "bad-header", reason);
      return header.toLowerCase();
    }),
    querySet,
    queryRemove: written.queryRemove,
    responseSet: [],
    responseAppend: [],
    metadata: [],
  };
}

/** What a refused caller is told. `path` is that of the rule, or of the shared answer. */
export function compileAnswer(scope: Scope, path: Path, written: WrittenAnswer): Answer {
  const { denial, redirect } = written;
  return {
    status: written.status,
    body: denial && compileText(scope, [...path, denial.key], denial.content),
    contentType: denial?.type && compileText(scope, [...path, "type"], denial.type),
    set: compileHeaders(scope, [...path, "response", "set"], written.responseSet, "response"),
    append: compileHeaders(scope, [...path, "response", "append"], written.responseAppend, "response"),
    redirect: redirect && compileText(scope, [...path, "redirect"], redirect),
    metadata: compileMetadata(scope, [...path, "metadata"], written.metadata),
  };
}

/** Parameters or fields. */
function oneLined(scope: Scope, path: Path, written: ReadonlyMap<string, Template>): readonly NamedText[] {
  for (const [name, template] of written) refuseUnprintable(scope, [...path, name], "wrong-value", template);
  return compileTexts(scope, path, written);
}

/** Fields of the dynamic metadata. They are logged, so they have no secrets. */
function compileMetadata(
  scope: Scope,
  path: Path,
  written: ReadonlyMap<string, Template>,
): readonly NamedText[] {
  const texts = oneLined(scope, path, written);
  for (const { name, value } of texts)
    refuseSecrets(scope, [...path, name], scope.mentions(value), "metadata is logged");
  return texts;
}

/** The headers of a `set` or an `append`. */
function compileHeaders(
  scope: Scope,
  path: Path,
  written: ReadonlyMap<string, Template>,
  side: "request" | "response",
): readonly NamedText[] {
  const seen = new Set<string>();
  return Array.from(written, ([header, template]) => {
    const name = header.toLowerCase();
    const reason = seen.has(name) ? setHere(header) : refusedHeader(header, side);
    seen.add(name);
    const place = [...path, header];
    if (reason !== undefined) report(scope, scope.document.keyAt(place), "bad-header", reason);
    refuseUnprintable(scope, place, "bad-header", template);
    return { name, value: compileText(scope, place, template) };
  });
}

/** What is written around expressions can always be sent; whether their values can, is seen request by request. */
function refuseUnprintable(
  scope: Scope,
  place: Path,
  code: "bad-header" | "wrong-value",
  template: Template,
): void {
  if (isPrintable(constantPart(template))) return;
  const hint = "write it in one line; CR, LF, NUL and their like are never sent";
  const what = code === "bad-header" ? "a header's value is one line" : "the value is one line";
  report(scope, scope.document.at(place), code, [what, hint]);
}

const report = (
  scope: Scope,
  place: Place,
  code: "bad-header" | "wrong-value",
  [message, hint]: Reason,
): void => scope.report(problem(place, code, message, hint));

type Reason = readonly [message: string, hint: string];

const setHere = (header: string): Reason => [
  `${header} is set by this rule already`,
  "keep one of them; the names of headers have no case",
];

/** Why a header may not be set or removed by a policy. */
function refusedHeader(header: string, side: "request" | "response"): Reason | undefined {
  const name = header.toLowerCase();
  if (header.startsWith(":")) return [`${header} is a pseudo header`, "set ordinary headers only"];
  if (!TOKEN.test(header))
    return [`${JSON.stringify(header)} is not the name of a header`, "letters, digits and - . _"];
  if (name.startsWith("x-weir-")) return [`${header} is weir's own`, "choose another name"];
  if (/^grpc-(?:status|message)$/.test(name))
    return [`${header} comes from the status of a denial`, "write `status:` in a deny or require"];
  if (UNTOUCHABLE.has(name))
    return [`${header} frames the message or belongs to one hop`, "Envoy sets it; a policy cannot"];
  if (side === "request" && name === "host")
    return ["Envoy routes by host before it is changed", "set another header"];
  return undefined;
}

// RFC 9110 section 5.6.2.
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}$/;

/** Headers that frame a message or belong to one hop (RFC 9110 section 7.6.1). */
const UNTOUCHABLE: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
