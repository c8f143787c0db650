/** A request as mapping rules see it. */
export interface RequestUri {
  /** The path in nginx's one form: decoded, without dot segments and double slashes, then escaped again. */
  readonly path: string;
  /** The last value of each parameter; undefined where it was given without `=`. */
  readonly query: ReadonlyMap<string, string | undefined>;
}

/**
 * Reads a path with its query as nginx does in front of APIcast; undefined where nginx refuses it (400): what does not begin with a
 * slash, bad escapes, NUL, and dot segments that lead above the root.
 * Source: nginx, ngx_http_parse_complex_uri and ngx_escape_uri (NGX_ESCAPE_URI).
 */
export function readRequestUri(raw: string): RequestUri | undefined {
  const [target = ""] = raw.split("#", 1);
  const mark = target.indexOf("?");
  const path = canonicalPath(mark === -1 ? target : target.slice(0, mark));
  if (path === undefined) return undefined;
  return { path, query: readForm(mark === -1 ? "" : target.slice(mark + 1)) };
}

/** Parameters of a query, or of a form's body; of one that is repeated, the last value. */
export function readForm(text: string): ReadonlyMap<string, string | undefined> {
  const parameters = new Map<string, string | undefined>();
  for (const part of text.split("&")) {
    const equals = part.indexOf("=");
    const name = formDecoded(equals === -1 ? part : part.slice(0, equals));
    if (name !== "") parameters.set(name, equals === -1 ? undefined : formDecoded(part.slice(equals + 1)));
  }
  return parameters;
}

/** The first value of a parameter, as nginx has it in `$arg_…`; undefined where it is not there. */
export function firstParameter(text: string, name: string): string | undefined {
  for (const part of text.split("&")) {
    const equals = part.indexOf("=");
    if (equals !== -1 && formDecoded(part.slice(0, equals)) === name)
      return formDecoded(part.slice(equals + 1));
  }
  return undefined;
}

function canonicalPath(raw: string): string | undefined {
  if (!raw.startsWith("/") || /%(?![0-9A-Fa-f]{2})/.test(raw)) return undefined;
  const bytes = Buffer.from(raw, "utf8").toString("latin1");
  const decoded = bytes.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  if (decoded.includes("\0")) return undefined;
  const segments: string[] = [];
  const parts = decoded.split("/").slice(1);
  for (const [index, part] of parts.entries()) {
    const isLast = index === parts.length - 1;
    if (part === "..") {
      if (segments.pop() === undefined) return undefined;
    } else if (part !== "." && part !== "") {
      segments.push(part);
      continue;
    }
    // What names a folder ends with a slash.
    if (isLast) segments.push("");
  }
  return `/${segments.join("/")}`.replace(ESCAPED, escaped);
}

const ESCAPED = /[^!$&-;=@-Z\[\]_a-z~]/g;

const escaped = (byte: string): string =>
  `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;

/** Escapes that are none stay as they are; bytes that are no UTF-8 become replacement characters. */
function formDecoded(text: string): string {
  const bytes = Buffer.from(text.replaceAll("+", " "), "utf8").toString("latin1");
  const decoded = bytes.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
  return Buffer.from(decoded, "latin1").toString("utf8");
}
