import { lstat, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { foldersOf, type Command, type ExitCode, type Invocation } from "./command.ts";
import { FIRST_FILES, SCHEMA_COPY } from "./first-files.ts";

/** The schema of weir's files, as it is committed. */
const SCHEMA = new URL("../../schema/weir.json", import.meta.url);

/** `weir init`: files to begin with. */
export const init: Command = {
  name: "init",
  summary: "writes files to begin with: weir.yaml, a policy, its test",
  help: `  weir init [folder]                                        default: policies/
  weir init --schema [folder]

Writes weir.yaml, a policy and its test, with a schema beside them that editors read, and
prints what to run next. Where one of the files is there already, nothing is written, and
the exit code is 1.

  --schema   writes the schema alone, in place of the one that is there: for folders that
             have files, and after weir was brought up to date`,
  options: { schema: { type: "boolean", default: false } },
  async run({ positionals, values, output, environment }) {
    const [folder = "", ...others] = foldersOf(positionals);
    if (others.length > 0 || folder === "") {
      output.complain("weir init: name one folder\nSee: weir help init\n");
      return 2;
    }
    const top = normalize(folder);
    const schema = await readFile(SCHEMA, "utf8");
    try {
      return values["schema"] === true
        ? await writeSchema(top, schema, output)
        : await writeFirst(top, { ...FIRST_FILES, [SCHEMA_COPY]: schema }, { output, environment });
    } catch (error) {
      output.complain(`weir init: ${error instanceof Error ? error.message : String(error)}\n`);
      return 1;
    }
  },
};

async function writeSchema(
  folder: string,
  schema: string,
  { print }: Invocation["output"],
): Promise<ExitCode> {
  const path = join(folder, SCHEMA_COPY);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, schema);
  print(`wrote ${path}; a file below ${folder} names it in its first line:\n\n`);
  print(`  # yaml-language-server: $schema=${SCHEMA_COPY}\n`);
  return 0;
}

async function writeFirst(
  folder: string,
  files: Readonly<Record<string, string>>,
  { output, environment }: Pick<Invocation, "output" | "environment">,
): Promise<ExitCode> {
  const paths = Object.keys(files).map((name) => join(folder, name));
  const there = await present(paths);
  if (there.length > 0) {
    const named = there.map((path) => `  ${path}\n`).join("");
    output.complain(`weir init: nothing is written, for this is there already:\n${named}`);
    output.complain("Name another folder, such as: weir init my-policies\n");
    return 1;
  }
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    // Whatever came here in the meantime stays.
    await writeFile(path, text, { flag: "wx" });
  }
  output.print(`wrote\n${paths.map((path) => `  ${path}\n`).join("")}`);
  output.print(next(folder, environment["WEIR_PROGRAM"] ?? "weir"));
  return 0;
}

async function present(paths: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(
    paths.map(async (path) => ((await lstat(path).catch(() => undefined)) === undefined ? [] : [path])),
  );
  return found.flat();
}

/** What to run next, each line as a shell takes it. */
function next(folder: string, program: string): string {
  const [weir, files] = [quoted(program), quoted(folder)];
  // Where weir takes it for none of its own files.
  const bootstrap = quoted(join(folder, dirname(SCHEMA_COPY), "envoy.yaml"));
  return `
next
  ${weir} validate --strict ${files}
  ${weir} test --require rules=100% ${files}
  ${weir} serve ${files}

then, where there is an Envoy (1.40), in other terminals
  ${weir} envoy ${files} --for envoy --listen 127.0.0.1:10000 > ${bootstrap}
  envoy -c ${bootstrap}
  curl -i -H 'host: hello.example.com' http://127.0.0.1:10000/hello/ann
  curl -i -H 'host: hello.example.com' http://127.0.0.1:10000/hello/nobody
`;
}

const quoted = (word: string): string =>
  /^[\w./@%+=:,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
