import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";

export type Scope = "unit" | "all";

/**
 * The test files below `folder`, sorted: `all` of them, or the `unit` tests, which need no server. A file needs a
 * server when it stands in `e2e/` or imports `support/need.ts`.
 */
export function discoverTests(folder: string, scope: Scope): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => join(folder, name))
    .sort();
  switch (scope) {
    case "all":
      return files;
    case "unit":
      return files.filter((file) => !needsServer(relative(folder, file), readFileSync(file, "utf8")));
  }
}

/** Whether a test file, by its path below the test folder and its text, needs a server. */
export function needsServer(path: string, text: string): boolean {
  return path.split(sep)[0] === "e2e" || /^import .*\bfrom "[./]*\/(support\/)?need\.ts";$/m.test(text);
}
