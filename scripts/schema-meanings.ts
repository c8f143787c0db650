import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { JsonSchema } from "../src/policy/forms.ts";

const root = dirname(import.meta.dirname);

const LANGUAGE = "docs/policy-language.md";
const SERVER = "docs/server.md";

/** The tables whose rows say what keys mean, each with where these stand in the schema; a later table holds over an earlier. */
const TABLES: readonly Table[] = [
  { page: LANGUAGE, section: "A policy", heads: "Key,,What it says", meaning: 2, at: "policy" },
  { page: LANGUAGE, section: "Asks", heads: "Key,What it says,Default", meaning: 1, at: "policy.rules.*" },
  { page: LANGUAGE, section: "A policy", heads: "Key,On,What it says", meaning: 2, at: "policy.rules.*" },
  { page: LANGUAGE, section: "Effects", heads: "Key,On,What it does", meaning: 2, at: "policy.rules.*" },
  { page: LANGUAGE, section: "Telemetry", heads: "Key,What it says", meaning: 1, at: "policy.telemetry.*" },
  { page: LANGUAGE, section: "Match", heads: "Key,Compares", meaning: 1, at: "policy.match" },
  {
    page: LANGUAGE,
    section: "Shared files",
    heads: "Key,What it has,How a policy reads it",
    meaning: 1,
    at: "shared",
  },
  { page: SERVER, section: "Every key", heads: "Key,Default,Takes", meaning: 2, at: "server" },
  {
    page: "docs/store.md",
    section: "In Redis",
    heads: "Key,Default,Takes",
    meaning: 2,
    at: "server.store",
  },
  ...["decisions", "decisions.to"].map((at) => ({
    ...{ page: "docs/decisions.md", section: "", heads: "Key,What it says,Default", meaning: 1 },
    at: `server.${at}`,
  })),
  ...["grpc", "http", "admin", "metrics"].map((listener) => ({
    ...{ page: SERVER, section: "Listeners", heads: "Key,Of,Default,Takes", meaning: 3 },
    at: `server.listen.${listener}`,
  })),
];

interface Table {
  readonly page: string;
  /** Its `##` heading; empty above the first. */
  readonly section: string;
  /** The heads of its columns. */
  readonly heads: string;
  /** Which column has the meaning. */
  readonly meaning: number;
  /** The kind of file, then keys; `*` is an item of a list, or a value of a mapping from names. */
  readonly at: string;
}

/** What a page says of one key: the path of the key, and the words. */
export interface Meaning {
  readonly at: readonly string[];
  readonly words: string;
}

/** What the pages say of keys. Throws when a table is not where it was. */
export async function readMeanings(): Promise<readonly Meaning[]> {
  const read = TABLES.map(async (table) => {
    const meanings = rowsOf(table, await readFile(join(root, table.page), "utf8"));
    if (meanings.length === 0)
      throw new Error(`${table.page} has no table ${table.heads} in ${table.section}`);
    return meanings;
  });
  return (await Promise.all(read)).flat();
}

function rowsOf({ section, heads, meaning, at }: Table, page: string): readonly Meaning[] {
  const [top, ...parts] = page.split(/^## /m);
  const text = section === "" ? top : parts.find((part) => part.startsWith(`${section}\n`));
  const tables = (text ?? "").match(/(?:^\|.*\n)+/gm) ?? [];
  const [, , ...rows] =
    tables.map((table) => table.split("\n").map(cellsOf)).find(([first]) => first?.join() === heads) ?? [];
  const told = rows.filter((cells) => plainOf(cells[meaning] ?? "") !== "");
  return told.flatMap((cells) =>
    Array.from((cells[0] ?? "").matchAll(/`([\w.]+)`/g), ([, key = ""]) => ({
      at: [...at.split("."), ...key.split(".")],
      words: plainOf(cells[meaning] ?? ""),
    })),
  );
}

const cellsOf = (line: string): readonly string[] =>
  line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll("\\|", "|"));

/** Without marks, which editors show as they are, and without what refers to elsewhere on the page. */
const plainOf = (markdown: string): string =>
  markdown
    .replace(/ \(below\)/, "")
    .replace(/(?:^|[:;] )\[[A-Z][^\]]*\]\([^)]*\)$/, "")
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll("`", "");

/** The schema of one kind of file, with the meanings of its keys in place of what their values look like. */
export function withMeanings(kind: string, schema: JsonSchema, meanings: readonly Meaning[]): JsonSchema {
  return meanings.reduce(
    (described, { at: [first, ...path], words }) =>
      first === kind ? describedAt(described, path, words) : described,
    schema,
  );
}

/** A key that is not there stays out: a page may speak of keys in words of its own. */
function describedAt(schema: JsonSchema, path: readonly string[], words: string): JsonSchema {
  const [step, ...further] = path;
  if (step === undefined) return { ...schema, description: words };
  const { anyOf, properties, items, additionalProperties } = schema;
  if (anyOf !== undefined)
    return { ...schema, anyOf: anyOf.map((one) => (isSchema(one) ? describedAt(one, path, words) : one)) };
  const inner = step === "*" ? (items ?? additionalProperties) : properties?.[step];
  if (!isSchema(inner)) return schema;
  const deeper = describedAt(inner, further, words);
  if (step !== "*") return { ...schema, properties: { ...properties, [step]: deeper } };
  return items === undefined ? { ...schema, additionalProperties: deeper } : { ...schema, items: deeper };
}

/** Whether a value is a schema of more words than true or false. */
export const isSchema = (value: unknown): value is JsonSchema =>
  typeof value === "object" && value !== null && !Array.isArray(value);
