import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { readdirSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { CODES } from "../src/policy/codes.ts";

/** From left to right: a folder imports what stands in a later group, never its own group or an earlier one. */
const GROUPS = [
  ["main.ts"],
  ["cli"],
  ["server.ts"],
  ["listeners.ts"],
  ["services.ts"],
  ["counting.ts", "reporting.ts"],
  ["check", "quota", "report", "http", "envoy"],
  ["runtime", "grpc", "limits"],
  ["policy", "store"],
  ["identity"],
  ["cel", "attributes", "telemetry"],
  ["host"],
  ["adapter"],
  ["std"],
] as const;

const root = normalize(join(import.meta.dirname, ".."));

const filesBelow = (folder: string, ending: string): readonly string[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !/(^|\/)(node_modules|\.servers|\.git)\//.test(path))
    .sort();

const read = (path: string): string => readFileSync(join(root, path), "utf8");

const sources = filesBelow("src", ".ts").filter((path) => !path.startsWith("src/wire/"));
const adapters = filesBelow("adapters", ".ts");
const tests = filesBelow("test", ".test.ts");

/** The files and packages that a file imports. */
function importsOf(path: string): readonly string[] {
  const names = Array.from(
    read(path).matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g),
    ([, name]) => name ?? "",
  );
  return names.map((name) => (name.startsWith(".") ? join(dirname(path), name) : name));
}

/** `check` for src/check/decide.ts, `server.ts` for src/server.ts. */
const folderOf = (path: string): string => path.split("/")[1] ?? "";

const groupOf = (path: string): number =>
  GROUPS.findIndex((group) => (group as readonly string[]).includes(folderOf(path)));

/** Those of `paths` that break a rule, each with why. */
const offenders = (paths: readonly string[], why: (path: string) => readonly string[]): readonly string[] =>
  paths.flatMap((path) => why(path).map((reason) => `${path}: ${reason}`));

/** Where that may be which a test of a folder of test/ tests. */
function placesOf(folder: string, tested: string): readonly string[] {
  switch (folder) {
    case "adapters":
      return [join("adapters", tested)];
    case "grafana":
      return [join("grafana/src", tested), join("grafana", tested.replace(/\.ts$/, ".yaml"))];
    default:
      return [join("src", folder, tested)];
  }
}

describe("the repository", () => {
  it("imports to the right only", () => {
    const wrong = offenders(sources, (path) =>
      importsOf(path)
        .filter((target) => target.startsWith("src/") && !target.startsWith("src/wire/"))
        .filter((target) => folderOf(target) !== folderOf(path) && groupOf(target) <= groupOf(path))
        .map((target) => `imports ${target}`),
    );
    assert.deepEqual(wrong, []);
  });

  it("has no folder that the map does not know", () => {
    assert.deepEqual(
      sources.filter((path) => groupOf(path) === -1),
      [],
    );
  });

  it("lets only the edges see Envoy's messages", () => {
    const wrong = offenders(sources, (path) =>
      importsOf(path)
        .filter((target) => target.startsWith("src/wire/"))
        .filter(() => folderOf(path) !== "grpc" && !/\/(attributes|response)\.ts$/.test(path))
        .map((target) => `imports ${target}`),
    );
    assert.deepEqual(wrong, []);
  });

  it("keeps each library with sharp edges behind one folder", () => {
    const owners: Readonly<Record<string, readonly string[]>> = {
      "@marcbachmann/cel-js": ["cel"],
      re2js: ["cel"],
      "@grpc/grpc-js": ["grpc"],
      "@prometheus-io/client": ["telemetry"],
      pino: ["telemetry"],
      fastify: ["http"],
      yaml: ["policy", "envoy"],
      "csv-parse": ["policy"],
      zod: ["policy", "adapter"],
      jose: ["identity"],
      "rate-limiter-flexible": ["identity", "host"],
      undici: ["host"],
      ioredis: ["store"],
    };
    const wrong = offenders(sources, (path) =>
      importsOf(path).filter((target) => {
        const library = Object.keys(owners).find((name) => target === name || target.startsWith(`${name}/`));
        return library !== undefined && owners[library]?.includes(folderOf(path)) !== true;
      }),
    );
    assert.deepEqual(wrong, []);
  });

  it("lets adapters import their contract, libraries and their own folder only, and the server alone import them", () => {
    const wrong = [
      ...offenders(adapters, (path) =>
        importsOf(path).filter((target) => {
          const isOwn = target.startsWith(`${dirname(path)}/`);
          return (
            (target.startsWith("src/") && !target.startsWith("src/adapter/")) ||
            (target.startsWith("adapters/") && !isOwn)
          );
        }),
      ),
      ...offenders(sources, (path) =>
        importsOf(path).filter((target) => target.startsWith("adapters/") && path !== "src/server.ts"),
      ),
    ];
    assert.deepEqual(wrong, []);
  });

  it("has no file that nothing reaches", () => {
    const reached = new Set<string>();
    const visit = (path: string): void => {
      if (reached.has(path)) return;
      reached.add(path);
      for (const target of importsOf(path)) if (/^(src|adapters)\//.test(target)) visit(target);
    };
    visit("src/main.ts");
    assert.deepEqual(
      [...sources, ...adapters].filter((path) => !reached.has(path)),
      [],
    );
  });

  it("has no mutable module state, no environment, and one place that ends the process", () => {
    const rules: readonly (readonly [RegExp, string, (path: string) => boolean])[] = [
      [/^(?:export )?(?:let|var) /m, "mutable module state", () => true],
      [/\bprocess\.env\b/, "reads the environment", (path) => path !== "src/main.ts"],
      [/\bprocess\.exit\b/, "ends the process", (path) => path !== "src/main.ts"],
      [/\bconsole\.\w+\(/, "prints", () => true],
      [
        /\bnew RegExp\(/,
        "builds a regular expression at run time",
        (path) => !/policy\/text\.ts$/.test(path),
      ],
    ];
    const wrong = offenders(sources, (path) =>
      rules
        .filter(([pattern, , applies]) => applies(path) && pattern.test(read(path)))
        .map(([, what]) => what),
    );
    assert.deepEqual(wrong, []);
  });

  it("mirrors src in test: every test file names the file it tests, every folder has tests", () => {
    // What is shown of a whole folder: faults as files, properties, conformance, the budget, whole expressions, reloads.
    const spanning =
      /\/(faults|property|conformance|official|differential|budget|expressions|described|reload|teams|team-folders|overrides)\.test\.ts$/;
    const own = ["e2e", "support", "servers", "bench", "docs", "fixtures", "security"];
    const strays = tests.filter((path) => {
      const [, folder = "", ...rest] = path.split("/");
      if (rest.length === 0 || own.includes(folder) || spanning.test(path)) return false;
      const tested = rest.join("/").replace(/\.test\.ts$/, ".ts");
      const places = placesOf(folder, tested);
      return folder !== "wire" && !places.some((place) => existsSync(join(root, place)));
    });
    assert.deepEqual(strays, []);
    const folders = new Set(sources.filter((path) => path.split("/").length > 2).map(folderOf));
    const untested = [...folders].filter(
      (folder) => !tests.some((path) => path.startsWith(`test/${folder}/`)),
    );
    assert.deepEqual(untested, []);
  });

  it("uses every diagnostic code, and shows each in a fault file", () => {
    const inUse = sources
      .filter((path) => path !== "src/policy/codes.ts")
      .map(read)
      .join("\n");
    const unused = Object.keys(CODES).filter((code) => !inUse.includes(`"${code}"`));
    assert.deepEqual(unused, []);
    const golden = filesBelow("test/fixtures/faults", ".txt").map(read).join("\n");
    const unshown = Object.keys(CODES).filter((code) => !new RegExp(`  ${code}  `).test(golden));
    assert.deepEqual(unshown, []);
  });

  it("documents every diagnostic code, and no other", () => {
    const documented = Array.from(
      read("docs/diagnostics.md").matchAll(/^\| `([a-z0-9-]+)`/gm),
      ([, code]) => code,
    );
    assert.deepEqual(documented.toSorted(), Object.keys(CODES).sort());
  });

  it("leaves nothing for later in code, and uses the glossary's words", () => {
    const later = /\b(TODO|FIXME|XXX|HACK)\b/;
    const words = /\b(bag|tenant|blacklist|whitelist)s?\b/i;
    const names = /(^|[-/])(util|utils|helper|helpers|manager|common|misc)([-.]|$)/;
    const all = [
      ...sources,
      ...tests,
      ...filesBelow("scripts", ".ts"),
      ...filesBelow("test", ".ts"),
      ...filesBelow("grafana", ".ts"),
    ];
    const wrong = offenders(all, (path) => [
      ...(path !== "test/tidy.test.ts" && later.test(read(path)) ? ["left for later"] : []),
      ...(path.startsWith("src/") && words.test(read(path)) ? ["a word that is not used here"] : []),
      ...(names.test(path) ? ["a name that says nothing"] : []),
    ]);
    assert.deepEqual([...new Set(wrong)], []);
  });

  it("keeps every markdown page to one title", () => {
    const pages = [...filesBelow("docs", ".md"), ...readdirSync(root).filter((name) => name.endsWith(".md"))];
    const withoutCode = (path: string): string => read(path).replace(/^```[^]*?^```/gm, "");
    const wrong = pages.filter((path) => (withoutCode(path).match(/^# /gm) ?? []).length !== 1);
    assert.deepEqual(wrong, []);
  });
});
