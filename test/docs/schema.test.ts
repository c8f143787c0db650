import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { parseDocument } from "yaml";
import { schemaFile, SCHEMA_PATH } from "../../scripts/schema.ts";
import { FIRST_FILES } from "../../src/cli/first-files.ts";
import { loadFiles } from "../../src/policy/load.ts";
import { parseMomentMs } from "../../src/std/moment.ts";
import { blocksOf, pagePaths, readPage } from "./blocks.ts";
import { faultsOf, parseAny, type Stage } from "../policy/faults.ts";

const root = join(import.meta.dirname, "../..");

const ajv = new Ajv({
  allowUnionTypes: true,
  strictRequired: false,
  formats: { "date-time": (text: string) => parseMomentMs(text) !== undefined },
});
const committed = JSON.parse(readFileSync(join(root, SCHEMA_PATH), "utf8")) as Record<string, unknown>;
const validate = ajv.compile(committed);

/** A file of weir's, wherever it stands. */
interface File {
  readonly name: string;
  readonly text: string;
}

/** Editors know the adapters that weir brings along, and none of those that stand in for them. */
const isOurs = ({ text }: File): boolean =>
  /^(?:weir: 1|domain: \w+)$/m.test(text) && !/adapter: (?:lines|graphs)\b/.test(text);

function filesBelow(folder: string): readonly File[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".yaml"))
    .sort()
    .map((name) => ({ name, text: readFileSync(join(folder, name), "utf8") }));
}

const faults = (stage: Stage): readonly File[] => filesBelow(fileURLToPath(faultsOf(stage)));

const policies = [
  ...filesBelow(join(root, "policies")).filter(isOurs),
  ...Object.entries(FIRST_FILES).map(([name, text]) => ({ name: `${name} of weir init`, text })),
];

const examples = pagePaths()
  .flatMap((page) =>
    blocksOf(readPage(page)).flatMap(({ line, language, text }): readonly File[] =>
      language === "yaml" && !text.startsWith("# wrong: ") ? [{ name: `${page}:${line}`, text }] : [],
    ),
  )
  .filter(isOurs);

/** What weir finds in the form of a file, whatever it means. The files that it names are not looked for. */
function findings({ name, text }: File): readonly string[] {
  const loaded = loadFiles([{ path: name, text }]);
  const found = [...loaded.diagnostics, ...loaded.documents.flatMap((one) => parseAny(one).diagnostics)];
  return found.map(({ code }) => code).filter((code) => code !== "unreadable-file");
}

/** Whether an editor finds nothing; what is no YAML is not the schema's to see. */
function isAccepted({ text }: File): boolean | "no YAML" {
  const document = parseDocument(text);
  if (document.errors.length > 0 || document.warnings.length > 0) return "no YAML";
  try {
    return validate(document.toJS());
  } catch (error) {
    if (error instanceof ReferenceError) return "no YAML";
    throw error;
  }
}

/** The faults in the form of one file that a schema cannot see, by the reason; names, or how they begin. */
const UNSEEN: Readonly<Record<string, readonly string[]>> = {
  "it looks at one value, and here two of the file do not go together": [
    ...["duplicate-name", "insecure-listener", "one-of-answer", "one-of-client-address", "one-of-domain"],
    ...[
      "unknown-name-handler",
      "wrong-value-queue",
      "wrong-value-hmac-url",
      "wrong-value-jwt",
      "wrong-value-once",
    ],
  ],
  "it does not read expressions, the percentage or the length of a duration": [
    ...["cel-syntax-open-text", "missing-key-share", "wrong-value-check-timeout"],
  ],
  "names that are weir's or CEL's own look like others": ["reserved-name"],
  "a parser of YAML has already dropped or resolved what was written": [
    ...[
      "yaml-not-plain-",
      "yaml-swallowed-cel-comment",
      "yaml-swallowed-cel-shared-let",
      "yaml-swallowed-cel-domain",
    ],
  ],
  "it bounds neither depth nor the length of a line": ["too-deep", "too-large-line"],
};

/** Faults that weir finds when it asks the adapters, and the schema at once. */
const SEEN_EARLIER = [
  "handler-config/weir.yaml",
  "unknown-key-handler/weir.yaml",
  "unknown-name-adapter/weir.yaml",
];

/** The file with an unknown key in each of its mappings in turn. */
function misspelt({ name, text }: File): readonly File[] {
  const found: File[] = [];
  const add = (plain: unknown, path: readonly (string | number)[]): void => {
    if (typeof plain !== "object" || plain === null) return;
    // Of a handler's configuration weir leaves to its adapter what is a key.
    const isConfig = path[0] === "handlers" && path[2] === "config";
    if (!Array.isArray(plain) && !isConfig) {
      const document = parseDocument(text);
      document.setIn([...path, "xyzzy"], "x");
      found.push({ name: `${path.join(".")} of ${name}`, text: document.toString() });
    }
    for (const [key, inner] of Object.entries(plain))
      add(inner, [...path, Array.isArray(plain) ? Number(key) : key]);
  };
  add(parseDocument(text).toJS(), []);
  return found;
}

describe("the schema for editors", () => {
  it("is what the committed file says", async () => {
    assert.equal(readFileSync(join(root, SCHEMA_PATH), "utf8"), await schemaFile());
  });

  it("says what is expected of every value", () => {
    const silent: string[] = [];
    const visit = (value: unknown, path: readonly string[]): void => {
      if (typeof value !== "object" || value === null) return;
      const isValue =
        ["properties", "anyOf"].includes(path.at(-2) ?? "") ||
        ["items", "additionalProperties"].includes(path.at(-1) ?? "");
      const words = Object.keys(value).filter((word) => word !== "description");
      if (isValue && words.length === 0) silent.push(path.join("."));
      for (const [key, inner] of Object.entries(value)) visit(inner, [...path, key]);
    };
    visit(committed["definitions"], []);
    assert.deepEqual(silent, []);
  });

  it("accepts every file whose form is good: the examples, those of the pages, and those with other faults", () => {
    const good = [...policies, ...examples, ...faults("compile"), ...faults("load")].filter(
      (file) => isOurs(file) && findings(file).length === 0 && !SEEN_EARLIER.includes(file.name),
    );
    assert.ok(good.length > 100, String(good.length));
    assert.deepEqual(
      good.filter((file) => isAccepted(file) !== true).map(({ name }) => name),
      [],
    );
  });

  it("refuses every fault in the form of a file but those that it cannot see", () => {
    const faulty = faults("load").filter((file) => findings(file).length > 0);
    const accepted = faulty.filter((file) => isAccepted(file) === true).map(({ name }) => name);
    const unseen = Object.values(UNSEEN).flat();
    assert.deepEqual(
      accepted.filter((name) => !unseen.some((one) => name.startsWith(one))),
      [],
    );
    const seen = unseen.filter((one) => !accepted.some((name) => name.startsWith(one)));
    assert.deepEqual(seen, [], "these are seen");
  });

  it("refuses what adapters refuse of a handler", () => {
    const files = faults("compile").filter(({ name }) => SEEN_EARLIER.includes(name));
    assert.deepEqual(
      files.map((file) => isAccepted(file)),
      SEEN_EARLIER.map(() => false),
    );
  });

  describe("takes an unknown key where weir takes one, and nowhere else", () => {
    for (const file of [...policies, ...examples]) {
      const judged = misspelt(file).map((one) => ({ ...one, found: findings(one) }));
      // What else is found, such as a name that refers to nothing, follows from the key, and is not of the form.
      const decided = judged.filter(({ found }) => found.length === 0 || found.includes("unknown-key"));
      it(`in ${file.name}`, () => {
        assert.ok(decided.length > 0);
        for (const one of decided) {
          assert.equal(isAccepted(one), one.found.length === 0, `${one.name}: ${one.found.join()}`);
        }
      });
    }
  });
});
