/**
 * Writes what is generated below grafana/: the dashboards as Grafana reads them, the rules as Prometheus does, and the rules' tests.
 *
 *   node scripts/grafana.ts            writes them
 *   node scripts/grafana.ts --check    writes nothing; exits 1 when one is stale, missing, or left over
 */
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { format, resolveConfig } from "prettier";
import { dashboards } from "../grafana/src/dashboards.ts";
import { ruleFiles } from "../grafana/src/rule-files.ts";
import { ruleTests } from "../grafana/src/rule-tests.ts";

const root = join(dirname(import.meta.dirname), "grafana");

/** The folders that hold nothing else. */
const FOLDERS = ["dashboards", "rules"];

/** Every generated file, by its path below grafana/. */
export async function grafanaFiles(): Promise<ReadonlyMap<string, string>> {
  const files = [
    ...Array.from(dashboards(), ([name, dashboard]) => [
      `dashboards/${name}.json`,
      JSON.stringify(dashboard),
    ]),
    ...Array.from(new Map([...ruleFiles(), ...ruleTests()]), ([name, text]) => [`rules/${name}`, text]),
  ] as const;
  const config = await resolveConfig(join(root, "dashboards/mesh.json"));
  const formatted = files.map(async ([path = "", text = ""]) => {
    const parser = path.endsWith(".json") ? "json" : "yaml";
    return [path, await format(text, { ...config, parser })] as const;
  });
  return new Map(await Promise.all(formatted));
}

/** The files that are not as they would be written, missing and left-over ones among them. */
async function staleFiles(files: ReadonlyMap<string, string>): Promise<readonly string[]> {
  const there = await Promise.all(
    FOLDERS.map(async (folder) => {
      const names = await readdir(join(root, folder)).catch(() => []);
      return names.filter((name) => !name.startsWith(".")).map((name) => `${folder}/${name}`);
    }),
  );
  const paths = new Set([...files.keys(), ...there.flat()]);
  const stale = await Promise.all(
    Array.from(paths, async (path) => {
      const committed = await readFile(join(root, path), "utf8").catch(() => undefined);
      return committed === files.get(path) ? [] : [path];
    }),
  );
  return stale.flat();
}

async function main(mode: "write" | "check"): Promise<number> {
  const files = await grafanaFiles();
  const stale = await staleFiles(files);
  switch (mode) {
    case "write":
      for (const path of stale) await rm(join(root, path), { force: true });
      for (const [path, text] of files) {
        await mkdir(dirname(join(root, path)), { recursive: true });
        await writeFile(join(root, path), text);
      }
      console.log(`grafana: ${files.size} files, ${stale.length} changed`);
      return 0;
    case "check":
      if (stale.length === 0) return 0;
      console.error(
        `stale: ${stale.map((path) => `grafana/${path}`).join(", ")}; run \`node scripts/grafana.ts\``,
      );
      return 1;
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.includes("--check") ? "check" : "write");
