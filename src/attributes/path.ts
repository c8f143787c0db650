/**
 * The one reading of a request's path that every policy sees. Two servers may read the same path
 * differently (CVE-2021-29492, CVE-2021-31920, CVE-2019-9901, CVE-2021-32779), so what can be read in
 * two ways is not read at all: the request is refused before any policy.
 */
export type CanonicalPath =
  | {
      readonly kind: "segments";
      readonly segments: readonly string[];
      readonly query: string;
      /** The path without query, where it is in its normal form already. */
      readonly plainPath?: string;
    }
  /** `*` and the authority form of CONNECT name no resource and have no segments. */
  | { readonly kind: "opaque" }
  | { readonly kind: "ambiguous"; readonly why: string };

/** Lists that a request can make long are bounded where they are decoded. */
const MAX_SEGMENTS = 1_000;

const ambiguous = (why: string): CanonicalPath => ({ kind: "ambiguous", why });

/**
 * Splits a raw path at its query and its slashes, and decodes each segment once as UTF-8.
 * Case is kept, path parameters (`;x=1`) stay part of their segment, a trailing slash is an empty last segment.
 */
export function canonicalPath(raw: string, method: string): CanonicalPath {
  if (raw.length <= PLAIN_LENGTH && PLAIN_TARGET.test(raw)) return plainTarget(raw);
  if (raw === "*" || (method === "CONNECT" && !raw.startsWith("/"))) return { kind: "opaque" };
  if (!raw.startsWith("/")) return ambiguous("the path does not begin with a slash");
  const forbidden = FORBIDDEN.exec(raw);
  if (forbidden !== null)
    return ambiguous(forbidden[0] === "#" ? "a fragment" : "a control character or space");
  const questionMark = raw.indexOf("?");
  const path = questionMark === -1 ? raw : raw.slice(0, questionMark);
  const query = questionMark === -1 ? "" : raw.slice(questionMark + 1);
  const segments = decodedSegments(path);
  return Array.isArray(segments) ? { kind: "segments", segments, query } : segments;
}

function decodedSegments(path: string): string[] | CanonicalPath {
  if (path.includes("\\")) return ambiguous("a backslash");
  if (path.includes("//")) return ambiguous("two slashes in a row");
  const segments = path.slice(1).split("/", MAX_SEGMENTS + 1);
  if (segments.length > MAX_SEGMENTS) return ambiguous("too many segments");
  if (path.includes("%")) {
    for (const [index, segment] of segments.entries()) {
      const decoded = decodeSegment(segment);
      if (typeof decoded !== "string") return decoded;
      segments[index] = decoded;
    }
  }
  if (path.includes(";") || path.includes("%")) {
    // Servers that strip path parameters see an empty segment, so two slashes in a row.
    if (segments.some((segment) => segment.startsWith(";")))
      return ambiguous("a segment of parameters alone");
  }
  const mayHaveDots = path.includes(".") || path.includes("%");
  return mayHaveDots && segments.some(isDotSegment) ? ambiguous("a dot segment") : segments;
}

/**
 * The usual path needs no second look: unreserved characters only, no empty segment but the last, none that
 * begins with a dot, and too short for too many; behind it a query of printable ASCII.
 */
const PLAIN_TARGET = /^(?:\/[A-Za-z0-9_~-][A-Za-z0-9_~.-]*)+\/?(?:\?[!"$-~]*)?$/;
const PLAIN_LENGTH = 512;

function plainTarget(raw: string): CanonicalPath {
  const questionMark = raw.indexOf("?");
  const plainPath = questionMark === -1 ? raw : raw.slice(0, questionMark);
  const query = questionMark === -1 ? "" : raw.slice(questionMark + 1);
  return { kind: "segments", segments: plainPath.slice(1).split("/"), query, plainPath };
}

const FORBIDDEN = /[\u0000-\u0020\u007f#\ufffd]/;

function decodeSegment(segment: string): string | CanonicalPath {
  const decoded = percentDecode(segment);
  if (decoded === undefined) return ambiguous("a bad percent escape");
  if (decoded.includes("/") || decoded.includes("\\")) return ambiguous("an encoded slash");
  if (decoded.includes("\u0000")) return ambiguous("an encoded NUL");
  return decoded;
}

/** `.` and `..`, also with path parameters behind them (`..;a=b`), which some servers strip before they resolve. */
export function isDotSegment(segment: string): boolean {
  const semicolon = segment.indexOf(";");
  const name = semicolon === -1 ? segment : segment.slice(0, semicolon);
  return name === "." || name === "..";
}

/** Decodes each escape once; undefined for a bad escape and for what is then not UTF-8. */
export function percentDecode(text: string): string | undefined {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** The segments in one normal form: `request.url_path`. */
export const encodePath = (segments: readonly string[]): string =>
  "/" + segments.map((segment) => (PLAIN.test(segment) ? segment : encodeSegment(segment))).join("/");

// RFC 3986 section 3.3: pchar without escapes.
const PLAIN = /^[A-Za-z0-9\-._~!$&'()*+,;=:@]*$/;

const encodeSegment = (segment: string): string =>
  encodeURIComponent(segment.toWellFormed()).replace(/%(?:24|26|2B|2C|3B|3D|3A|40)/g, decodeURIComponent);

/** At most so many parameters are read from one query; with more, `request.query_params` has no value. */
const MAX_QUERY_PARAMETERS = 1_000;

/** Name to values in order, `+` read as a space. Undefined when an escape is bad or there are too many. */
export function queryParameters(query: string): Map<string, string[]> | undefined {
  const parameters = new Map<string, string[]>();
  if (query === "") return parameters;
  const pairs = query.split("&", MAX_QUERY_PARAMETERS + 1);
  if (pairs.length > MAX_QUERY_PARAMETERS) return undefined;
  for (const pair of pairs) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decodeParameter(equals === -1 ? pair : pair.slice(0, equals));
    const value = decodeParameter(equals === -1 ? "" : pair.slice(equals + 1));
    if (name === undefined || value === undefined) return undefined;
    const values = parameters.get(name);
    if (values === undefined) parameters.set(name, [value]);
    else values.push(value);
  }
  return parameters;
}

/** How a query writes the names of these parameters: each spelling that is read as one of them, `%74ier` for `tier`. */
export function parameterSpellings(query: string, names: ReadonlySet<string>): ReadonlySet<string> {
  const spellings = new Set<string>();
  if (names.size === 0 || query === "") return spellings;
  for (const pair of query.split("&")) {
    const written = pair.split("=", 1)[0] ?? "";
    const name = decodeParameter(written);
    if (name !== undefined && names.has(name)) spellings.add(written);
  }
  return spellings;
}

/** The one spelling that is used for the name or value of a parameter. */
export const encodeParameter = (text: string): string => encodeURIComponent(text.toWellFormed());

const decodeParameter = (text: string): string | undefined => percentDecode(text.replaceAll("+", " "));
