/**
 * Writes into the pages of docs/cookbook and docs/migration what they show: the files of their folders, and what commands
 * print. Then you read the difference.
 *
 *   node test/docs/update-pages.ts
 */
import { readFileSync, writeFileSync } from "node:fs";
import { blocksOf, pagePaths, readPage, type Block } from "./blocks.ts";
import { commandsIn, filesOn, runPageCommand } from "./commands.ts";

for (const page of pagePaths().filter((path) => /^docs\/(?:cookbook|migration)\//.test(path))) {
  let text = readPage(page);
  for (const { block, name, path } of filesOn(page)) {
    const fresh = `# ${name}\n${readFileSync(path, "utf8")}`;
    text = text.replace(block.text, () => fresh);
  }
  for (const block of blocksOf(text).filter(({ language }) => language === "console")) {
    const fresh = await withOutput(block);
    text = text.replace(block.text, () => fresh);
  }
  writeFileSync(page, text);
}

/** The block with what its commands print now; a part that leaves lines out is left as it is. */
async function withOutput(block: Block): Promise<string> {
  const parts = block.text.split(/^(?=\$ )/m);
  const fresh = parts.map(async (part) => {
    const [command] = commandsIn({ language: "console", text: part });
    if (command === undefined || /^ *…$/m.test(part)) return part;
    const { said } = await runPageCommand(command);
    const [prompt] = /^(?:.*\\\n)*.*\n/.exec(part) ?? [part];
    return `${prompt}${said.trimEnd()}\n`;
  });
  return (await Promise.all(fresh)).join("\n").replaceAll(/\n{2,}(?=\$ )/g, "\n\n");
}
