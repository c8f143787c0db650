import { canonicalHost } from "../attributes/host.ts";
import { isDotSegment } from "../attributes/path.ts";
import type { HostPattern, PathPattern, PathSegment } from "./match.ts";

/** A pattern as weir compares it, or why the text is none. */
export type Read<T> = { readonly pattern: T } | { readonly why: string };

/** `orders.example.com` or `*.example.com`. */
export function readHostPattern(text: string): Read<HostPattern> {
  const kind = text.startsWith("*.") ? "suffix" : "exact";
  const name = kind === "suffix" ? text.slice(2) : text;
  if (name.includes("*")) return { why: "a star stands only at the beginning, as in *.example.com" };
  if (kind === "suffix" && name.startsWith("[")) return { why: "an address has no names below it" };
  if (canonicalHost(name) !== name) {
    return { why: "hosts are compared in lower case, without scheme, port, path and trailing dot" };
  }
  return { pattern: { kind, name } };
}

/** `/orders/{owner}/**`: whole segments, decoded; `{x}` one that is not empty, `**` at the end any number. */
export function readPathPattern(text: string): Read<PathPattern> {
  if (!text.startsWith("/")) return { why: "a path begins with a slash" };
  if (/[?#%\\\s\0]/.test(text) || !text.isWellFormed()) {
    return {
      why: "a pattern has no query, fragment, escape, backslash or space: write segments as they decode",
    };
  }
  const parts = text.slice(1).split("/");
  const tail = parts.at(-1) === "**" ? "any" : "none";
  if (tail === "any") parts.pop();
  const segments: PathSegment[] = [];
  const names = new Set<string>();
  for (const [index, part] of parts.entries()) {
    const segment = readSegment(part, index === parts.length - 1 && tail === "none");
    if (typeof segment === "string") return { why: segment };
    if (segment.kind === "capture") {
      if (names.has(segment.name)) return { why: `{${segment.name}} stands twice` };
      names.add(segment.name);
    }
    segments.push(segment);
  }
  return { pattern: { segments, tail } };
}

function readSegment(part: string, isLast: boolean): PathSegment | string {
  const capture = /^\{([a-z][a-z0-9_]*)\}$/.exec(part)?.[1];
  if (capture !== undefined) return { kind: "capture", name: capture };
  if (/[{}*]/.test(part)) return "a segment is literal text, {name}, or ** at the end";
  if (part === "" && !isLast) return "two slashes in a row never match";
  if (isDotSegment(part) || part.startsWith(";"))
    return "a dot segment, or one of parameters alone, never matches";
  return { kind: "literal", text: part };
}

/** `pkg.Service/Method` or `pkg.Service/*`, as the path of the HTTP/2 request that carries the call. */
export function readGrpcPattern(text: string): Read<PathPattern> {
  const [, service, method] = /^([A-Za-z_][\w.]*)\/([A-Za-z_]\w*|\*)$/.exec(text) ?? [];
  if (service === undefined || method === undefined) {
    return { why: "write package.Service/Method or package.Service/*" };
  }
  const literal = (name: string): PathSegment => ({ kind: "literal", text: name });
  return method === "*"
    ? { pattern: { segments: [literal(service), { kind: "capture", name: "method" }], tail: "none" } }
    : { pattern: { segments: [literal(service), literal(method)], tail: "none" } };
}

/** A method as HTTP writes it: a token, compared exactly. The token `*` would be meant for all methods. */
export const isMethod = (text: string): boolean =>
  text !== "*" && /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}$/.test(text);

/** `namespace/service-account` of the called workload. */
export const isDestination = (text: string): boolean =>
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?\/[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(text);
