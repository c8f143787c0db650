import assert from "node:assert/strict";
import { join } from "node:path";
import { run } from "../cli/fixture.ts";
import { blocksOf, readPage, type Block } from "./blocks.ts";

/** A command of weir that a page shows. */
export interface PageCommand {
  /** As it stands there, without prompt, comment and line breaks. */
  readonly written: string;
  /** What stands behind `weir`. */
  readonly args: readonly string[];
  /** What the page says that it prints; undefined where it does not. A line `…` stands for any lines. */
  readonly shown: string | undefined;
}

/** Something that a command names and that is not in the repository, by its name there: the path of what stands for it. */
export type ReadersOwn = ReadonlyMap<string, string>;

const PROMPT = /^\$ (?=(?:bin\/)?weir )/;
const COMMAND = /^(?:bin\/)?weir (.*?)(?: +#.*)?$/;

/**
 * The commands of weir in a block: of `sh` each line; of `console` each line with a prompt, and below it what it prints.
 * A backslash at the end of a line joins the next.
 */
export function commandsIn({ language, text }: Pick<Block, "language" | "text">): readonly PageCommand[] {
  const lines = text.replaceAll(/ *\\\n */g, " ");
  if (language === "console")
    return lines
      .split(/^(?=\$ )/m)
      .filter((one) => PROMPT.test(one))
      .flatMap((one) => {
        const [first = "", ...shown] = one.split("\n");
        return commandOf(first.replace(PROMPT, ""), shown.join("\n"));
      });
  return language === "sh" ? lines.split("\n").flatMap((line) => commandOf(line, undefined)) : [];
}

function commandOf(line: string, shown: string | undefined): readonly PageCommand[] {
  const rest = COMMAND.exec(line)?.[1];
  if (rest === undefined) return [];
  const written = line.replace(/ +#.*$/, "");
  return [{ written, args: wordsOf(rest), shown }];
}

/** A command line's words, quoted ones without their quotes. */
function wordsOf(line: string): readonly string[] {
  const words = Array.from(line.matchAll(/'([^']*)'|"([^"\\$`]*)"|([^\s'"]+)/g), ([, one, two, three]) => {
    assert.doesNotMatch(three ?? "", /[|<>&;$`\\]/, `weir alone is run, without a shell: ${line}`);
    return one ?? two ?? three ?? "";
  });
  return words;
}

/** What a command says, on both of its outputs, and how it ends. */
export interface Said {
  readonly code: number;
  readonly said: string;
}

/** Runs a page's command in the folder of the repository. */
export async function runPageCommand({ args }: PageCommand, own: ReadersOwn = new Map()): Promise<Said> {
  const { code, printed, complained } = await run(args.map((one) => own.get(one) ?? one));
  const said = Array.from(own).reduce(
    (text, [name, path]) => text.replaceAll(path, name),
    printed + complained,
  );
  return { code, said };
}

/** Whether a page shows what a command says: the same lines, or the parts between lines `…` in their order. */
export function shows(shown: string, said: string): boolean {
  const parts = shown.trimEnd().split(/^ *…\n?/m);
  if (parts.length === 1) return shown.trimEnd() === said.trimEnd();
  let rest = `${said.trimEnd()}\n`;
  return parts.every((part, index) => {
    const isLast = index === parts.length - 1;
    const at = isLast && part !== "" ? rest.lastIndexOf(part) : rest.indexOf(part);
    const isWhole = at === 0 || (index > 0 && at > 0 && (part === "" || rest[at - 1] === "\n"));
    if (!isWhole || (isLast && part !== "" && rest.slice(at).trimEnd() !== part)) return false;
    rest = rest.slice(at + part.length);
    return true;
  });
}

/** A file of the repository that a page shows. */
export interface PageFile {
  readonly block: Block;
  /** In the page's folder. */
  readonly name: string;
  readonly path: string;
}

/** The folder whose files a page is about: its own, or for `a/b.md` the folder `a/b`. */
export const folderOf = (page: string): string => page.replace(/\/README\.md$/, "").replace(/\.md$/, "");

/** The blocks of a page that show a file of its folder: their first line says its name, as `# tests.yaml`. */
export const filesOn = (page: string): readonly PageFile[] =>
  blocksOf(readPage(page)).flatMap((block) => {
    const name = /^# ([\w./-]*[./][\w./-]*)\n/.exec(block.text)?.[1];
    return name === undefined ? [] : [{ block, name, path: join(folderOf(page), name) }];
  });
