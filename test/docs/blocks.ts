import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

const root = join(import.meta.dirname, "../..");

/** A fenced block of a page. */
export interface Block {
  /** Of its first line, in the page. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
  /** The `##` heading that it stands below; empty above the first. */
  readonly section: string;
}

/** The text of a page, by its path in the repository. */
export const readPage = (path: string): string => readFileSync(join(root, path), "utf8");

/** Every page that is written or generated here, by its path in the repository. */
export function pagePaths(): readonly string[] {
  const below = (folder: string): readonly string[] =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith(".md"))
      .map((entry) => relative(root, join(entry.parentPath, entry.name)));
  const top = readdirSync(root).filter((name) => name.endsWith(".md"));
  return [...top, ...below("adapters"), ...below("docs"), ...below("grafana"), ...below("protos")].sort();
}

/** The fenced blocks of a page, those in lists among them. */
export function blocksOf(page: string): readonly Block[] {
  return Array.from(
    page.matchAll(/^( *)```(\w*)\n([^]*?)^\1```$/gm),
    ({ index, 1: indent = "", 2: language = "", 3: text = "" }) => ({
      line: page.slice(0, index).split("\n").length + 1,
      language,
      text: text.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
      section: sectionAt(page, index),
    }),
  );
}

const sectionAt = (page: string, index: number): string =>
  Array.from(proseOf(page.slice(0, index)).matchAll(/^## (.*)$/gm), ([, heading]) => heading ?? "").at(-1) ??
  "";

/** The page without its fenced blocks, lines kept. */
export const proseOf = (page: string): string =>
  page.replace(/^( *)```[^]*?^\1```$/gm, (block) => block.replace(/[^\n]/g, ""));
