import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** What is generated and committed: `check` fails where the committed files are stale, `refresh` writes them anew. */
const generated = [
  { name: "wire code", check: ["scripts/generate.ts", "--check"], refresh: "npm run generate" },
  { name: "tables in docs", check: ["scripts/docs.ts", "--check"], refresh: "node scripts/docs.ts" },
  {
    name: "dashboards and rules",
    check: ["scripts/grafana.ts", "--check"],
    refresh: "node scripts/grafana.ts",
  },
  { name: "schema for editors", check: ["scripts/schema.ts", "--check"], refresh: "node scripts/schema.ts" },
];

const root = join(import.meta.dirname, "..");
const stale = generated.filter(({ name, check }) => {
  const ended = spawnSync(process.execPath, check, { cwd: root, encoding: "utf8" });
  if (ended.status === 0) return false;
  console.error(`stale: ${name}\n${ended.stdout}${ended.stderr}`.trimEnd());
  return true;
});

for (const { name, refresh } of stale) console.error(`to refresh the ${name}: ${refresh}`);
process.exitCode = stale.length === 0 ? 0 : 1;
