import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  Scalar,
  type Pair,
  type ParsedNode,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import type { Style } from "./scalar.ts";
import type { Range } from "./source.ts";
import { isList, isMapping, Literal, type Node, type Plain } from "./tree.ts";
import type { Slot } from "./yaml-findings.ts";

/** What the parser composed where a value may stand. */
export type Content = ParsedNode | null;

/** What a merge key brings: keys that are not there, of one mapping or of several. */
export function mergeInto(children: Map<string, Node>, { plain, children: brought }: Node): void {
  for (const [name, node] of brought) {
    if (isMapping(plain) && typeof name === "string" && !children.has(name)) children.set(name, node);
    else if (isList(plain)) mergeInto(children, node);
  }
}

export const isNothing = (content: Content): boolean =>
  content === null || (isScalar(content) && content.value === null);

/** Whether a node has a place in the file: what an anchor names always has. */
export const isParsed = (
  node: Scalar | YAMLMap | YAMLSeq,
): node is Scalar.Parsed | YAMLMap.Parsed | YAMLSeq.Parsed => node.range !== null && node.range !== undefined;

export type ParsedPair = Pair<ParsedNode, ParsedNode | null>;

/** The texts among the keys at the top of a file. */
export function topLevelKeys(content: Content): ReadonlySet<string> {
  if (!isMap(content)) return new Set();
  return new Set(
    content.items.flatMap(({ key }) => (isScalar(key) && typeof key.value === "string" ? [key.value] : [])),
  );
}

/** A quoted expression is whole, whatever follows: JSON is YAML too. */
export const isQuoted = ({ value }: ParsedPair): boolean => isScalar(value) && value.type !== Scalar.PLAIN;

/** Behind a comma in a flow mapping: no colon, or nothing that the format has as a key. */
export const isRestOfExpression = ({ key, value }: ParsedPair, name: string | undefined): boolean =>
  value === null ||
  (isScalar(key) && key.type !== Scalar.PLAIN) ||
  name === undefined ||
  !/^[A-Za-z_][\w.-]*$/.test(name);

/** Whether a pair brings the keys of other mappings (YAML 1.1, `<<`). */
export const isMergeKey = ({ key }: ParsedPair): boolean =>
  isScalar(key) && key.type === Scalar.PLAIN && key.source === "<<";

export function keyName({ key }: ParsedPair): string | undefined {
  return isScalar(key) && typeof key.value === "string" ? key.value : undefined;
}

export function keyRange(pair: ParsedPair, mapping: Range): Range {
  // The composer leaves out the key of `: value`, which the types do not say.
  const key: unknown = pair.key;
  return isNode(key) && key.range ? { start: key.range[0], end: key.range[1] } : firstOf(mapping);
}

export const firstOf = ({ start }: Range): Range => ({ start, end: start + 1 });

export const slotStyle = (content: { flow?: boolean }): Slot["style"] =>
  content.flow === true ? "flow" : "block";

export const rangeOf = (content: ParsedNode): Range => ({ start: content.range[0], end: content.range[1] });

export const startOf = (content: ParsedNode | null, fallback: number): number =>
  content?.range[0] ?? fallback;

export const endOf = (pair: ParsedPair, fallback: number): number =>
  pair.value?.range[1] ?? Math.min(fallback, pair.key.range[1]);

export const anchorOf = (content: Content): string | undefined =>
  content === null || isAlias(content) ? undefined : content.anchor;

export function plainOf(value: unknown, source: string): Plain {
  if (typeof value === "number" || typeof value === "boolean") return new Literal(source, value);
  return typeof value === "string" ? value : source;
}

export function styleOf(content: Scalar.Parsed): Style {
  switch (content.type) {
    case Scalar.QUOTE_DOUBLE:
      return "double";
    case Scalar.QUOTE_SINGLE:
      return "single";
    case Scalar.BLOCK_FOLDED:
    case Scalar.BLOCK_LITERAL:
      return "block";
    default:
      return "plain";
  }
}
