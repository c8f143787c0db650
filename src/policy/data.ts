import { isUtf8 } from "node:buffer";
import { extname } from "node:path";
import { CsvError } from "csv-parse";
import { parse as parseCsv } from "csv-parse/sync";
import { readJson } from "../std/json.ts";
import { typeNameOf } from "./data-type.ts";
import { problem, type Diagnostic } from "./diagnostic.ts";
import type { Code } from "./codes.ts";
import { SourceText, type Path } from "./source.ts";
import { isList, isMapping, Literal, nearest, type Node, type Plain } from "./tree.ts";
import { celValueOf, intOf, isCelValue, scalarValue, type CelValue } from "./value.ts";
import { readDataYaml, type YamlFile } from "./yaml.ts";

/** The most of one data file that is read, in bytes; of YAML, MAX_FILE_BYTES. */
export const MAX_DATA_BYTES = 4 * 1024 * 1024;

/** How deep its lists and mappings may nest. */
export const MAX_DATA_DEPTH = 16;

/** How many values it may have, lists and mappings among them. */
export const MAX_DATA_VALUES = 100_000;

/** What a file named under `data:` stands for in expressions. */
export interface DataFile {
  readonly value: CelValue;
  /** Its CEL type: `map(string, map(string, int))`; `dyn` where the values are of several. */
  readonly type: string;
}

/** A data file, all or nothing. */
export interface DataRead {
  readonly data: DataFile | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads a file named under `data:`, by how its name ends: `.yaml` and `.yml`, `.json`, `.csv` (its first line is the
 * names of the columns), anything else is a list of its lines, without empty ones and those that begin with `#`.
 * What is wrong stands at its place in the file. Never throws.
 */
export function readData(path: string, bytes: Uint8Array): DataRead {
  const source = new SourceText(path, new TextDecoder().decode(bytes));
  const read = readFormat(source, bytes);
  if ("diagnostics" in read) return { data: undefined, diagnostics: read.diagnostics };
  if ("value" in read) {
    const { value, type = typeNameOf(value) } = read;
    return { data: { value, type }, diagnostics: [] };
  }
  const { code, message, hint, start = 0 } = read;
  const diagnostic = problem(source.place({ start, end: start + 1 }), code, message, hint);
  return { data: undefined, diagnostics: [diagnostic] };
}

/** A value, or what is wrong and at which offset of the text. */
type Read =
  /** The type is that of an empty file too, where the format has only one. */
  | { readonly value: CelValue; readonly type?: string }
  | Fault
  | { readonly diagnostics: readonly Diagnostic[] };

interface Fault {
  readonly code: Code;
  readonly message: string;
  readonly hint?: string;
  readonly start?: number;
}

function readFormat(source: SourceText, bytes: Uint8Array): Read {
  if (bytes.length > MAX_DATA_BYTES) {
    return { code: "too-large", message: `the file is larger than ${MAX_DATA_BYTES} bytes` };
  }
  const ending = extname(source.file).toLowerCase();
  if (ending === ".yaml" || ending === ".yml") return yamlValue(readDataYaml(source.file, bytes));
  if (!isUtf8(bytes)) {
    const start = Math.max(0, source.text.indexOf("\uFFFD"));
    return { code: "data-syntax", message: "the file is not UTF-8", hint: "save it as UTF-8", start };
  }
  if (ending === ".json") return jsonValue(bytes);
  return ending === ".csv" ? csvValue(source) : linesValue(source.text);
}

const tooMany = (start: number): Fault => ({
  code: "too-large",
  message: `the file has more than ${MAX_DATA_VALUES} values`,
  start,
});

function yamlValue({ root, diagnostics }: YamlFile): Read {
  if (diagnostics.length > 0) return { diagnostics };
  if (root === undefined) return { code: "data-syntax", message: "the file has nothing in it" };
  const ours = root.children.get("weir");
  if (ours !== undefined) {
    const message = "this is a file of weir's own configuration, not data";
    const hint = "name another file, or remove the key weir";
    return { code: "data-syntax", message, hint, start: ours.key.start };
  }
  const fault = new YamlCheck().fault(root.plain, []);
  if (fault !== undefined) return placed(root, fault);
  const value = celValueOf(root.plain);
  return value === undefined ? NO_VALUE : { value };
}

const NO_VALUE: Fault = { code: "data-syntax", message: "this is no value" };

/** Where the value stands that is at fault. */
const placed = (root: Node, { code, message, path }: YamlFault): Fault => ({
  code,
  message,
  start: nearest(root, path).node.range.start,
});

interface YamlFault extends Fault {
  readonly path: Path;
}

/** Looks for what expressions cannot hold. */
class YamlCheck {
  #values = 0;

  fault(plain: Plain, path: Path): YamlFault | undefined {
    if (++this.#values > MAX_DATA_VALUES) return { ...tooMany(0), path };
    if (typeof plain === "string" || plain instanceof Literal) {
      if (scalarValue(plain) !== undefined) return undefined;
      return { code: "wrong-value", message: "this number is beyond what CEL holds", path };
    }
    if (path.length >= MAX_DATA_DEPTH) {
      const message = `the values nest deeper than ${MAX_DATA_DEPTH} levels`;
      return { code: "too-deep", message, path };
    }
    const inner: Iterable<[string | number, Plain]> = isMapping(plain)
      ? plain.entries()
      : isList(plain)
        ? plain.entries()
        : [];
    for (const [step, one] of inner) {
      const fault = this.fault(one, [...path, step]);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }
}

function jsonValue(bytes: Uint8Array): Read {
  const limits = { maxBytes: MAX_DATA_BYTES, maxDepth: MAX_DATA_DEPTH, maxValues: MAX_DATA_VALUES };
  const read = readJson(bytes, { ...limits, numberOf: jsonNumber });
  if (read.kind === "value") {
    return isCelValue(read.value)
      ? { value: read.value }
      : { code: "data-syntax", message: "this is no value" };
  }
  const start = Number(/ at offset (\d+)$/.exec(read.why)?.[1] ?? 0);
  const message = read.why.replace(/ at offset \d+$/, "");
  return { code: read.kind === "malformed" ? "data-syntax" : "too-large", message, start };
}

/** Without a point or an exponent a number is whole; one that CEL's int cannot hold is undefined. */
const jsonNumber = (digits: string): bigint | number | undefined =>
  /^-?\d+$/.test(digits) ? intOf(digits) : Number(digits);

function csvValue(source: SourceText): Read {
  try {
    const records: string[][] = parseCsv(source.text, { skip_empty_lines: true });
    const [header, ...rows] = records;
    if (header === undefined) return { code: "data-syntax", message: "the file has nothing in it" };
    if (new Set(header).size < header.length || header.includes("")) {
      const hint = "the first line is the names of the columns";
      return { code: "data-syntax", message: "a column has no name, or two have the same", hint };
    }
    if (rows.length * (header.length + 1) >= MAX_DATA_VALUES) return tooMany(0);
    const value = rows.map((row) => new Map(header.map((column, at) => [column, row[at] ?? ""])));
    return { value, type: "list(map(string, string))" };
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = Reflect.get(error, "lines");
    const start = typeof line === "number" ? source.lineStart(line - 1) : 0;
    return { code: "data-syntax", message: csvMessage(error), start };
  }
}

/** The library's message without its place, which the diagnostic has. */
const csvMessage = (error: Error): string =>
  `this is no CSV: ${error.message.replace(/ (?:at|on) line \d+.*$/s, "")}`;

function linesValue(text: string): Read {
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  return lines.length >= MAX_DATA_VALUES ? tooMany(0) : { value: lines, type: "list(string)" };
}
