import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";

export type Scope = "unit" | "all";

/**
 * The test files below `folder`, sorted: `all` of them, or the `unit` tests, which need no server and little time. A file
 * needs a server when it stands in `e2e/` or imports `support/need.ts`; the cases and fuzzing of `security/` take long.
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
      return files.filter((file) => !isLong(relative(folder, file), readFileSync(file, "utf8")));
  }
}

/** Whether a test file, by its path below the test folder and its text, needs a server or much time. */
export function isLong(path: string, text: string): boolean {
  const [folder = ""] = path.split(sep);
  return LONG.has(folder) || /^import .*\bfrom "[./]*\/(support\/)?need\.ts";$/m.test(text);
}

const LONG: ReadonlySet<string> = new Set(["e2e", "security"]);
