import type { Read } from "../cel/expression.ts";
import { rootOf, VOCABULARY } from "../attributes/vocabulary.ts";

/** What an expression depends on, through every `let` that it reads. */
export interface Mentions {
  /** Names of identities. */
  readonly identities: ReadonlySet<string>;
  /** Names of answers: `plan`, and `auth.partner` of an identity that a handler verifies. */
  readonly answers: ReadonlySet<string>;
  /** Names of the vocabulary. */
  readonly attributes: ReadonlySet<string>;
  /** Request headers that are read by a constant name, in lower case. */
  readonly headers: ReadonlySet<string>;
  /** Namespaces of `metadata`; undefined among them where one is not read by a constant name. */
  readonly namespaces: ReadonlySet<string | undefined>;
}

/** What an expression that reads nothing depends on. */
export const NO_MENTIONS: Mentions = {
  identities: new Set(),
  answers: new Set(),
  attributes: new Set(),
  headers: new Set(),
  namespaces: new Set(),
};

/** What the names of a policy's own depend on. */
export interface MentionTable {
  readonly lets: ReadonlyMap<string, Mentions>;
  /** By shared file, by `let`. */
  readonly shared: ReadonlyMap<string, ReadonlyMap<string, Mentions>>;
  readonly answers: ReadonlySet<string>;
  /** The identities that handlers verify. */
  readonly verified: ReadonlySet<string>;
}

/** All that these reads come to. */
export function mentionsOf(reads: Iterable<Read>, table: MentionTable): Mentions {
  const found: Mentions[] = [];
  for (const read of reads) found.push(mentionsOfRead(read, table));
  return allOf(found);
}

/** The union. */
export function allOf(mentions: readonly Mentions[]): Mentions {
  const [only, second] = mentions;
  if (second === undefined) return only ?? NO_MENTIONS;
  return {
    identities: new Set(mentions.flatMap(({ identities }) => [...identities])),
    answers: new Set(mentions.flatMap(({ answers }) => [...answers])),
    attributes: new Set(mentions.flatMap(({ attributes }) => [...attributes])),
    headers: new Set(mentions.flatMap(({ headers }) => [...headers])),
    namespaces: new Set(mentions.flatMap(({ namespaces }) => [...namespaces])),
  };
}

function mentionsOfRead(read: Read, table: MentionTable): Mentions {
  const {
    root,
    steps: [step],
  } = read;
  const { lets, shared, answers, verified } = table;
  const inShared = shared.get(root);
  if (inShared !== undefined) return inShared.get(step?.name ?? "") ?? NO_MENTIONS;
  if (answers.has(root)) return { ...NO_MENTIONS, answers: new Set([root]) };
  if (root === "auth" && step !== undefined) {
    const asked = verified.has(step.name) ? [`auth.${step.name}`] : [];
    return { ...NO_MENTIONS, identities: new Set([step.name]), answers: new Set(asked) };
  }
  const attribute = WHOLE.has(root) ? root : `${root}.${step?.name ?? ""}`;
  if (NAMES.has(attribute))
    return { ...NO_MENTIONS, ...keysOf(attribute, read), attributes: new Set([attribute]) };
  return lets.get(root) ?? NO_MENTIONS;
}

/** The constant keys of the two maps of which Envoy has to be told more than that they are read. */
function keysOf(attribute: string, { steps, how }: Read): Partial<Mentions> {
  if (attribute === "metadata") {
    const namespace = steps[0]?.name;
    // `"x" in metadata` asks for no namespace; what it guards does.
    return namespace === undefined && how !== "value" ? {} : { namespaces: new Set([namespace]) };
  }
  const header = steps[1]?.name.toLowerCase();
  const isHeader = attribute === "request.headers" || attribute === "request.headers_all";
  return isHeader && header !== undefined ? { headers: new Set([header]) } : {};
}

const NAMES: ReadonlySet<string> = new Set(VOCABULARY.map(({ name }) => name));
const WHOLE: ReadonlySet<string> = new Set([...NAMES].filter((name) => rootOf(name) === name));
