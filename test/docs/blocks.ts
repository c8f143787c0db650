import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

const root = join(import.meta.dirname, "../..");

/** A fenced block of a page. */
export interface Block {
  /** Of its first line, in the page. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
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
  return [...top, ...below("docs"), ...below("protos")].sort();
}

/** The fenced blocks of a page. */
export function blocksOf(page: string): readonly Block[] {
  return Array.from(
    page.matchAll(/^```(\w*)\n([^]*?)^```$/gm),
    ({ index, 1: language = "", 2: text = "" }) => ({
      line: page.slice(0, index).split("\n").length + 1,
      language,
      text,
    }),
  );
}

/** The page without its fenced blocks, lines kept. */
export const proseOf = (page: string): string =>
  page.replace(/^```[^]*?^```$/gm, (block) => block.replace(/[^\n]/g, ""));
