import { readFile } from "node:fs/promises";
import type { Diagnostic } from "../policy/diagnostic.ts";
import { readAsked, type Asked } from "../policy/asked-file.ts";
import { DEFAULT_FOLDERS, type Command, type Invocation } from "./command.ts";

/** The options that describe a request. */
export const REQUEST_OPTIONS = {
  method: { type: "string", short: "X" },
  header: { type: "string", short: "H", multiple: true },
  data: { type: "string", short: "d" },
  spiffe: { type: "string" },
  source: { type: "string" },
  destination: { type: "string" },
  as: { type: "string" },
  backends: { type: "string" },
  request: { type: "string" },
} as const satisfies Command["options"];

/** A request, and the folders that decide about it. */
export interface Wanted {
  readonly asked: Asked;
  /** The same as it was written, in YAML or JSON. */
  readonly text: string | Uint8Array<ArrayBuffer>;
  readonly folders: readonly string[];
}

type Read = Wanted | { readonly diagnostics: readonly Diagnostic[] };

/**
 * What was asked for, what is wrong in a file that was named, or a sentence about the arguments. `otherwise` is the URL
 * where none is given.
 */
export async function wantedOf(
  { positionals, values }: Pick<Invocation, "positionals" | "values">,
  otherwise?: string,
): Promise<Read | string> {
  const { request: file } = values;
  const urls = positionals.filter((one) => one.includes("://"));
  const named = positionals.filter((one) => !one.includes("://"));
  const folders = named.length === 0 ? DEFAULT_FOLDERS : named;
  const read = (name: string, text: Wanted["text"]): Read => {
    const asked = readAsked(name, text);
    return "request" in asked ? { asked, text, folders } : { diagnostics: asked };
  };
  if (typeof file === "string") {
    if (urls.length > 0) return "give a URL or --request, not both";
    const text = await readText(file);
    if (text === undefined) return `cannot read ${file}`;
    return read(file, text);
  }
  const [url = otherwise, second] = urls;
  if (url === undefined) return "which request? Give a URL, or --request and a file";
  if (second !== undefined) return "one URL at a time";
  const described = textFor(url, values);
  return "wrong" in described ? described.wrong : read("the arguments", described.text);
}

const readText = (file: string): Promise<Uint8Array<ArrayBuffer> | undefined> =>
  readFile(file === "-" ? "/dev/stdin" : file).catch(() => undefined);

/** The request that a URL and options like curl's describe, as a file has it, or what is wrong with them. */
function textFor(
  url: string,
  values: Invocation["values"],
): { readonly text: string } | { readonly wrong: string } {
  const target = /^(https?):\/\/([^/?#]+)(.*)$/i.exec(url);
  if (target === null) return { wrong: `${url} is not an http or https URL` };
  const [, scheme = "", host = "", rest = ""] = target;
  const lines = listOf(values["header"]).map((line) => /^([^:\s]+):\s*(.*)$/.exec(line));
  const broken = lines.indexOf(null);
  if (broken >= 0)
    return { wrong: `${listOf(values["header"])[broken] ?? ""} is not a header line: name: value` };
  const body = textOf(values["data"]);
  const request = {
    scheme: scheme.toLowerCase(),
    host: headerOf(lines, "host") ?? host,
    // As curl sends it: what is before the path's `?` may be empty, and is a slash then.
    path: rest.startsWith("/") ? rest : `/${rest}`,
    method: textOf(values["method"]) ?? (body === undefined ? "GET" : "POST"),
    headers: headersOf(lines),
    ...(body === undefined ? {} : { body }),
    ...peerOf("source", { address: textOf(values["source"]), spiffe: textOf(values["spiffe"]) }),
    ...peerOf("destination", { spiffe: textOf(values["destination"]) }),
  };
  // The texts of --as and --backends stand last, on lines of their own, so that a finding in them has its place.
  const parts = [
    `request: ${JSON.stringify(request)}`,
    ...["as", "backends"].flatMap((name) => {
      const text = textOf(values[name]);
      return text === undefined ? [] : [`${name}: ${text}`];
    }),
  ];
  return { text: `${parts.join("\n")}\n` };
}

type Line = RegExpExecArray | null;

/** Header names and their lines, but the host, which is not one of them here. */
function headersOf(lines: readonly Line[]): Readonly<Record<string, readonly string[]>> {
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const [, name = "", value = ""] = line ?? [];
    const key = name.toLowerCase();
    if (key === "host") continue;
    headers.set(key, [...(headers.get(key) ?? []), value]);
  }
  return Object.fromEntries(headers);
}

const headerOf = (lines: readonly Line[], name: string): string | undefined =>
  lines.find((line) => line?.[1]?.toLowerCase() === name)?.[2];

function peerOf(key: string, peer: Readonly<Record<string, string | undefined>>): object {
  const known = Object.entries(peer).filter(([, value]) => value !== undefined);
  return known.length === 0 ? {} : { [key]: Object.fromEntries(known) };
}

const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

const listOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
