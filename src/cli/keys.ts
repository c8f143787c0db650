import type { SecretSource } from "../adapter/host.ts";
import { createSecrets } from "../host/secrets.ts";
import { apiKeyDigest, MIN_PEPPER_BYTES, newApiKey } from "../identity/api-key.ts";
import { settingsOf } from "../policy/compile-settings.ts";
import { KEY_NAME } from "../policy/keys-lines.ts";
import { loadFolders } from "../policy/load.ts";
import { parseServer } from "../policy/schema.ts";
import { MOMENT_FORM, parseMomentMs } from "../std/moment.ts";
import { foldersOf, type Command, type Invocation } from "./command.ts";

/** `weir keys new`: a new API key, and what a keys file holds in its place. */
export const keys: Command = {
  name: "keys",
  summary: "makes an API key, and the entry of a keys file for it",
  help: `  weir keys new --id NAME [--plan NAME] [--not-after MOMENT] [--pepper FILE] [folder…]

Without --pepper the pepper is what weir.yaml in the folders (default: policies/) names as secrets.pepper.

Prints a new key, which is written down nowhere else, and the entry to add to the keys file.
The entry holds a digest of the key under the pepper, not the key.

  --id NAME            whose key it is: auth.<identity>.id
  --pepper FILE        the file of the pepper
  --plan NAME          auth.<identity>.plan
  --not-after MOMENT   from then on it is not good any more, such as 2027-01-01T00:00:00Z`,
  options: {
    id: { type: "string" },
    pepper: { type: "string" },
    plan: { type: "string" },
    "not-after": { type: "string" },
  },
  async run({ positionals, values, output, environment }) {
    const wanted = readWanted(positionals, values);
    if (typeof wanted === "string") {
      output.complain(`weir keys: ${wanted}\nSee: weir help keys\n`);
      return 2;
    }
    const pepper = await readPepper(wanted, environment);
    if ("problem" in pepper) {
      output.complain(`weir keys: ${pepper.problem}\n`);
      return 1;
    }
    const key = newApiKey();
    output.print(`${key}\n\n${entryOf(wanted, apiKeyDigest(pepper.value, key))}`);
    return 0;
  },
};

interface Wanted {
  readonly id: string;
  readonly plan: string | undefined;
  readonly notAfter: string | undefined;
  readonly pepperFile: string | undefined;
  readonly folders: readonly string[];
}

/** What was asked for, or a sentence that says what is wrong with it. */
function readWanted(
  positionals: readonly string[],
  values: Readonly<Record<string, unknown>>,
): Wanted | string {
  const [verb, ...named] = positionals;
  if (verb !== "new") return `"${verb ?? ""}" is not one of: new`;
  const [id, plan, notAfter, pepperFile] = ["id", "plan", "not-after", "pepper"].map((name) =>
    textOf(values[name]),
  );
  if (id === undefined) return "--id is missing: whose key is it?";
  for (const name of [id, plan ?? id]) {
    if (!KEY_NAME.test(name)) return `${JSON.stringify(name)} is not ${KEY_NAME_FORM}`;
  }
  const folders = foldersOf(named);
  if (notAfter === undefined) return { id, plan, notAfter, pepperFile, folders };
  const endMs = parseMomentMs(notAfter);
  if (endMs === undefined) return `--not-after takes ${MOMENT_FORM}, not ${JSON.stringify(notAfter)}`;
  if (endMs <= Date.now()) return `--not-after ${notAfter} is past: the key would never be good`;
  return { id, plan, notAfter, pepperFile, folders };
}

const KEY_NAME_FORM = 'of letters, digits, ".", "_", "@" and "-", beginning with a letter or digit';

const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;

type Read = { readonly value: string } | { readonly problem: string };

async function readPepper(
  { pepperFile, folders }: Wanted,
  environment: Invocation["environment"],
): Promise<Read> {
  const source = pepperFile === undefined ? await pepperOf(folders) : { file: pepperFile };
  if (source === undefined) {
    const where = folders.join(", ");
    return { problem: `${where} has no weir.yaml with secrets.pepper; name the file with --pepper` };
  }
  try {
    const value = await createSecrets({ environment, nowMs: Date.now })(source);
    if (Buffer.byteLength(value) >= MIN_PEPPER_BYTES) return { value };
    const name = "file" in source ? source.file : source.env;
    return { problem: `the pepper in ${name} is shorter than ${MIN_PEPPER_BYTES} bytes` };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Where weir.yaml says that the pepper is. What else is wrong in the folders is not looked at: a first key has no keys file yet. */
async function pepperOf(folders: readonly string[]): Promise<SecretSource | undefined> {
  const { documents } = await loadFolders(folders);
  const document = documents.find(({ kind }) => kind === "server");
  const file = document && parseServer(document).value;
  return file && settingsOf(file, document.file).secrets.pepper;
}

/** One entry of `keys:` as YAML, one field a line. */
function entryOf({ id, plan, notAfter }: Wanted, digest: string): string {
  const fields = [
    `id: ${scalar(id)}`,
    ...(plan === undefined ? [] : [`plan: ${scalar(plan)}`]),
    `digest: ${digest}`,
  ];
  if (notAfter !== undefined) fields.push(`notAfter: ${notAfter}`);
  return fields.map((field, at) => `${at === 0 ? "  - " : "    "}${field}\n`).join("");
}

/** As it is where YAML reads it as this text; else in quotes, which JSON and YAML share. */
const scalar = (text: string): string =>
  /^[A-Za-z][\w-]*$/.test(text) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text)
    ? text
    : JSON.stringify(text);
