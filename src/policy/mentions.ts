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
}

/** What an expression that reads nothing depends on. */
export const NO_MENTIONS: Mentions = { identities: new Set(), answers: new Set(), attributes: new Set() };

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
  };
}

function mentionsOfRead({ root, steps: [step] }: Read, table: MentionTable): Mentions {
  const { lets, shared, answers, verified } = table;
  const inShared = shared.get(root);
  if (inShared !== undefined) return inShared.get(step?.name ?? "") ?? NO_MENTIONS;
  if (answers.has(root)) return { ...NO_MENTIONS, answers: new Set([root]) };
  if (root === "auth" && step !== undefined) {
    const asked = verified.has(step.name) ? [`auth.${step.name}`] : [];
    return { ...NO_MENTIONS, identities: new Set([step.name]), answers: new Set(asked) };
  }
  const attribute = WHOLE.has(root) ? root : `${root}.${step?.name ?? ""}`;
  if (NAMES.has(attribute)) return { ...NO_MENTIONS, attributes: new Set([attribute]) };
  return lets.get(root) ?? NO_MENTIONS;
}

const NAMES: ReadonlySet<string> = new Set(VOCABULARY.map(({ name }) => name));
const WHOLE: ReadonlySet<string> = new Set([...NAMES].filter((name) => rootOf(name) === name));
