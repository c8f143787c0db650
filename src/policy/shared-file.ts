import { ANSWER, type WrittenAnswer } from "./answers-file.ts";
import { cel, ID_FORM, name, VARIABLE_FORM, version, type NameForm } from "./fields.ts";
import { entries, mapping } from "./fields-of-collections.ts";
import { IDENTITIES, type WrittenIdentity } from "./identity-file.ts";
import { DATA } from "./references.ts";

/** What several policies use. Its parts stand at the paths of their keys: `["let", name]`, `["answers", name, …]`. */
export interface SharedFile {
  /** The name under which expressions find what `let` defines: `platform.preflight`. */
  readonly shared: string;
  readonly identities: ReadonlyMap<string, WrittenIdentity>;
  /** Expressions by name, in the order of the file: each may use the earlier ones. */
  readonly let: ReadonlyMap<string, string>;
  /** Paths of files by name, relative to this file. */
  readonly data: ReadonlyMap<string, string>;
  readonly answers: ReadonlyMap<string, WrittenAnswer>;
}

/** Words that CEL keeps for itself (language definition, section Syntax). */
const CEL_WORDS = new Set([
  ...["as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let"],
  ...["loop", "namespace", "null", "package", "return", "true", "var", "void", "while"],
]);

const SHARED_FORM: NameForm = {
  ...VARIABLE_FORM,
  reserved(found) {
    if (found.startsWith("weir")) return "names that begin with weir are weir's own";
    return CEL_WORDS.has(found) ? `\`${found}\` is a word of CEL, and expressions use the name` : undefined;
  },
};

/** The schema of a shared file. */
export const SHARED_FILE = mapping({
  weir: version(),
  shared: name(SHARED_FORM),
  identities: IDENTITIES.optional(),
  let: entries(cel(), name(VARIABLE_FORM, "key")).optional(),
  data: DATA.optional(),
  answers: entries(ANSWER, name(ID_FORM, "key")).optional(),
}).transform((file): SharedFile => ({
  shared: file.shared,
  identities: file.identities ?? new Map(),
  let: file.let ?? new Map(),
  data: file.data ?? new Map(),
  answers: file.answers ?? new Map(),
}));
