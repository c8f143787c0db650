import { readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";

const PAGE = join(import.meta.dirname, "../../docs/performance.md");

/** A markdown table; all columns but the first are numbers and stand to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = head.map((_, column) => (column === 0 ? "---" : "---:"));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** When and where a table was measured, and by what. */
export function provenance(command: string): string {
  const date = new Date().toISOString().slice(0, 10);
  const processors = cpus();
  const model = processors[0]?.model.trim() ?? "unknown processor";
  return `Measured ${date} on ${processors.length} cores (${model}), Node ${process.versions.node}, by \`${command}\`.`;
}

/** Replaces what stands between a section's markers in docs/performance.md. Throws where it has none. */
export async function writeSection(name: string, content: string): Promise<void> {
  const page = await readFile(PAGE, "utf8");
  const [begin, end] = [`<!-- begin ${name} -->`, `<!-- end ${name} -->`];
  const [start, stop] = [page.indexOf(begin), page.indexOf(end)];
  if (start === -1 || stop < start) throw new Error(`docs/performance.md has no section ${name}`);
  const changed = `${page.slice(0, start)}${begin}\n\n${content}\n\n${page.slice(stop)}`;
  await writeFile(PAGE, await format(changed, { ...(await resolveConfig(PAGE)), filepath: PAGE }));
}

/** The middle one of an odd number of values; of an even number the upper middle one. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
