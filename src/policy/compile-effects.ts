import { Unknown, UNKNOWN, type Expression } from "../cel/expression.ts";
import { printScalar } from "../cel/format.ts";
import { problem } from "./diagnostic.ts";
import type { AllowRule as WrittenAllow, HeaderTemplates, Template } from "./rule.ts";
import type { Scope } from "./scope.ts";
import type { Effects, HeaderEffect, Text } from "./snapshot.ts";
import type { Path } from "./source.ts";

/** What an allow rule does to request and response. */
export function compileEffects(
  scope: Scope,
  path: Path,
  written: WrittenAllow,
  responseSet: readonly HeaderEffect[],
): Effects {
  const removePath = [...path, "request", "remove"];
  const requestSet = compileHeaders(scope, [...path, "request", "set"], written.requestHeaders, "request");
  const isSet = (header: string): boolean => requestSet.some(({ name }) => name === header.toLowerCase());
  return {
    requestSet,
    requestRemove: written.removedHeaders.map((header, index) => {
      const reason = isSet(header) ? setHere(header) : refusedHeader(header, "request");
      if (reason !== undefined)
        scope.report(problem(scope.document.at([...removePath, index]), "bad-header", ...reason));
      return header.toLowerCase();
    }),
    responseSet,
  };
}

/** The headers of a `set`. */
export function compileHeaders(
  scope: Scope,
  path: Path,
  written: HeaderTemplates,
  side: "request" | "response",
): readonly HeaderEffect[] {
  const seen = new Set<string>();
  return Array.from(written, ([header, template]) => {
    const name = header.toLowerCase();
    const reason = seen.has(name) ? setHere(header) : refusedHeader(header, side);
    seen.add(name);
    const place = [...path, header];
    if (reason !== undefined) scope.report(problem(scope.document.keyAt(place), "bad-header", ...reason));
    const constant = template.map((part) => (part.kind === "text" ? part.value : "")).join("");
    if (/[\r\n\0]/.test(constant)) {
      const hint = "write it in one line; CR, LF and NUL never reach a header";
      scope.report(problem(scope.document.at(place), "bad-header", "a header's value is one line", hint));
    }
    return { name, value: compileText(scope, place, template) };
  });
}

/** A text whose expressions are replaced; UNKNOWN when one of them is. */
export function compileText(scope: Scope, path: Path, template: Template): Text {
  const parts = template.map((part): string | Expression | undefined =>
    part.kind === "text" ? part.value : scope.textExpression(path, part.source, part.start),
  );
  const [only] = parts;
  if (parts.length === 1 && typeof only === "string") return { render: () => only };
  return {
    render(context) {
      let text = "";
      for (const part of parts) {
        const value = typeof part === "string" ? part : part?.evaluate(context);
        if (value instanceof Unknown) return value;
        const printed = printScalar(value);
        if (printed === undefined) return UNKNOWN.request;
        text += printed;
      }
      return text;
    },
  };
}

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
