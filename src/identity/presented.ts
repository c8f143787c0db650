import type { CredentialPlace, Presented } from "./verifier.ts";

/** What was found where credentials are looked for. */
export type Found =
  /** In the order of the places; empty where nothing was presented. */
  | { readonly kind: "found"; readonly credentials: readonly string[] }
  /** Two values, or one that another reader may take for two. */
  | { readonly kind: "ambiguous"; readonly reason: string }
  /** Not looked at: longer than any credential. */
  | { readonly kind: "bad"; readonly reason: string };

/** The longest credential that is looked at, in UTF-16 code units. */
export const MAX_CREDENTIAL_LENGTH = 16_384;

/** The credentials that a request presents at some places. Reasons name places, never what stands there. */
export function findCredentials(presented: Presented, places: readonly CredentialPlace[]): Found {
  const credentials: string[] = [];
  let tooLong: string | undefined;
  for (const place of places) {
    const values = valuesAt(presented, place);
    if (values.length > 1) return { kind: "ambiguous", reason: `more than one value in ${nameOf(place)}` };
    const [value = ""] = values;
    if (value.length > MAX_CREDENTIAL_LENGTH) tooLong ??= nameOf(place);
    else if (value !== "") credentials.push(value);
  }
  if (tooLong === undefined) return { kind: "found", credentials };
  const reason = `what is in ${tooLong} is longer than ${MAX_CREDENTIAL_LENGTH} characters`;
  return { kind: "bad", reason };
}

/** The same, held against nobody: what is bad in it slows no client. */
export const withoutClient = ({ headers, headersAll, query }: Presented): Presented => ({
  headers,
  headersAll,
  query,
  client: "",
});

/** As reasons and documents call a place: `header authorization`. */
function nameOf(place: CredentialPlace): string {
  if ("header" in place) return `header ${place.header}`;
  return "cookie" in place ? `cookie ${place.cookie}` : `query parameter ${place.query}`;
}

/** Every credential that some reader may see there: none, one, or two and more. */
function valuesAt(presented: Presented, place: CredentialPlace): readonly string[] {
  if ("query" in place) return presented.query?.get(place.query) ?? [];
  return "cookie" in place ? cookiesOf(presented, place.cookie) : headerValues(presented, place);
}

function headerValues(
  { headers, headersAll }: Presented,
  { header, scheme }: { readonly header: string; readonly scheme?: string },
): readonly string[] {
  const lines = headersAll?.get(header) ?? [];
  if (lines.length > 1) return lines;
  const value = headers.get(header);
  if (value === undefined) return [];
  if (scheme === undefined) return value.includes(",") ? value.split(",") : [value.trim()];
  const second = hasSecondCredential(value);
  const credential = afterScheme(value, scheme);
  // A token has no comma (RFC 9110 section 11.2, token68): what follows one is another value.
  if (second || credential?.includes(",") === true) return value.split(",");
  return credential === undefined ? [] : [credential];
}

/** `Bearer  x` is `x` for the scheme `bearer`; undefined for another scheme. */
function afterScheme(value: string, scheme: string): string | undefined {
  const trimmed = value.trim();
  const end = scheme.length;
  if (trimmed.slice(0, end).toLowerCase() !== scheme.toLowerCase()) return undefined;
  const rest = trimmed.slice(end);
  return rest === "" || rest.startsWith(" ") ? rest.trim() : undefined;
}

/** `name=value` as a scheme such as Digest lists them, without the blanks that RFC 9110 section 11.2 calls bad. */
const PARAMETER = /^[\w!#$%&'*+.^`|~-]+=(?:[\w!#$%&'*+.^`|~-]+|"[^"\\]*(?:\\.[^"\\]*)*")$/;

/**
 * Whether a joined Authorization value holds more than one credential. `Digest a="b", c="d"` is one, because what
 * follows its first comma are parameters; `Digest a="b", Bearer x` is two, and so is what has a quote without its end.
 */
function hasSecondCredential(value: string): boolean {
  if (!value.includes(",")) return false;
  const elements = elementsOf(value);
  if (elements === undefined) return true;
  return elements.slice(1).some((element) => element !== "" && !PARAMETER.test(element));
}

/** The parts between the commas that stand outside quotes; undefined when a quote does not end. */
function elementsOf(value: string): readonly string[] | undefined {
  const elements: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < value.length; at++) {
    const character = value[at];
    if (character === '"') quoted = !quoted;
    else if (quoted && character === "\\") at++;
    else if (!quoted && character === ",") {
      elements.push(value.slice(start, at).trim());
      start = at + 1;
    }
  }
  elements.push(value.slice(start).trim());
  return quoted ? undefined : elements;
}

/**
 * The values of a cookie, over every Cookie line (HTTP/2 splits them, RFC 9113 section 8.2.3). RFC 6265 ends a cookie
 * at `;`, but lines may have been joined with commas: where the two readings differ, both are given.
 */
function cookiesOf({ headers, headersAll }: Presented, name: string): readonly string[] {
  const header = headers.get("cookie");
  const lines = headersAll?.get("cookie") ?? (header === undefined ? [] : [header]);
  const values = lines.flatMap((line) => cookiesIn(line.split(";"), name));
  if (!lines.some((line) => line.includes(","))) return values;
  const split = lines.flatMap((line) => cookiesIn(line.split(/[;,]/), name));
  const agree = values.length === split.length && values.every((value, index) => value === split[index]);
  return agree ? values : [...values, ...split, ""];
}

function cookiesIn(pairs: readonly string[], name: string): readonly string[] {
  return pairs.flatMap((pair) => {
    const equals = pair.indexOf("=");
    if (equals === -1 || pair.slice(0, equals).trim() !== name) return [];
    return [unquoted(pair.slice(equals + 1).trim())];
  });
}

/** Without the quotes that RFC 6265 section 4.1.1 allows around a whole value. */
const unquoted = (value: string): string =>
  value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
