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
import type { Code } from "./codes.ts";
import { isExpression, mayBeMapping, type Claim } from "./kind.ts";
import type { Style } from "./scalar.ts";
import type { Path, Range, SourceText } from "./source.ts";
import { BROKEN, Literal, type Node, type Plain } from "./tree.ts";
import { shown, type Finding, type Slot } from "./yaml-findings.ts";

/** How deep mappings and lists may nest. */
export const MAX_DEPTH = 64;

/** The values of a file with their places, the stretches of its expressions, and what is not allowed. */
export interface Grown {
  readonly root: Node | undefined;
  readonly slots: readonly Slot[];
  readonly findings: readonly Finding[];
}

type Content = ParsedNode | null;

/** The texts among the keys at the top of a file. */
export function topLevelKeys(content: Content): ReadonlySet<string> {
  if (!isMap(content)) return new Set();
  return new Set(
    content.items.flatMap(({ key }) => (isScalar(key) && typeof key.value === "string" ? [key.value] : [])),
  );
}

/** Walks what the parser composed, once. */
export function growTree(source: SourceText, content: Content, claims: readonly Claim[]): Grown {
  const grower = new Grower(source, claims);
  if (content === null || (isScalar(content) && content.value === null)) return grower.grown(undefined);
  const [first] = isMap(content) ? content.items : [];
  const key = first === undefined ? firstOf(rangeOf(content)) : keyRange(first, rangeOf(content));
  return grower.grown(grower.grow(content, { path: [], key, end: source.text.length + 1 }));
}

/** Where the walk is: the path, the key's place, and where the next sibling's stretch begins. */
interface Spot {
  readonly path: Path;
  readonly key: Range;
  readonly end: number;
}

class Grower {
  readonly #source: SourceText;
  readonly #claims: readonly Claim[];
  readonly #slots: Slot[] = [];
  readonly #findings: Finding[] = [];

  constructor(source: SourceText, claims: readonly Claim[]) {
    this.#source = source;
    this.#claims = claims;
  }

  grown(root: Node | undefined): Grown {
    return { root, slots: this.#slots, findings: this.#findings };
  }

  grow(content: Content, spot: Spot): Node {
    const range = content === null ? spot.key : rangeOf(content);
    const broken: Node = { plain: BROKEN, range, key: spot.key, style: undefined, children: new Map() };
    // The marks themselves (tags, anchors, aliases) are found among the tokens, with their places.
    const isMarked = content?.tag !== undefined || isAlias(content) || anchorOf(content) !== undefined;
    const isTop = spot.path.length === 0;
    const node = this.#value(content, spot, broken);
    if (node !== undefined) return isMarked && !isTop ? broken : node;
    if (!isMarked) this.#refuse(spot.key, "null-value", "has no value", "write a value, or remove it");
    return broken;
  }

  #isExpression(path: Path, content: unknown): boolean {
    return isExpression(this.#claims, path) && !(isMap(content) && mayBeMapping(path));
  }

  /** Undefined where there is no value. */
  #value(content: Content, spot: Spot, broken: Node): Node | undefined {
    if (content === null || isAlias(content)) return undefined;
    if (isScalar(content)) return content.value === null ? undefined : this.#scalar(content, spot, broken);
    if (spot.path.length > 0 && this.#isExpression(spot.path, content)) {
      const as = isMap(content) ? "mapping" : "list";
      this.#findings.push({ kind: "taken", as, range: broken.range });
      return broken;
    }
    if (spot.path.length >= MAX_DEPTH) {
      const message = `the values nest deeper than ${MAX_DEPTH} levels`;
      this.#findings.push({
        kind: "refused",
        range: spot.key,
        words: ["too-deep", message, "write them flatter"],
      });
      return broken;
    }
    return isMap(content)
      ? this.#mapping(content, spot, broken.range)
      : this.#list(content, spot, broken.range);
  }

  #refuse(range: Range, code: Code, what: string, hint: string): void {
    const text = shown(this.#source.text.slice(range.start, range.end));
    this.#findings.push({ kind: "refused", range, words: [code, `${text} ${what}`, hint] });
  }

  #scalar(content: Scalar.Parsed, spot: Spot, broken: Node): Node {
    const range = rangeOf(content);
    const style = styleOf(content);
    if (style === "plain" && isExpression(this.#claims, spot.path)) {
      const comment = /^[ \t]+#[^\r\n]*/.exec(this.#source.text.slice(range.end, range.end + 1000))?.[0];
      if (comment !== undefined) {
        const start = range.end + comment.indexOf("#");
        this.#findings.push({
          kind: "taken",
          as: "comment",
          range: { start, end: range.end + comment.length },
        });
        return broken;
      }
    }
    const plain = plainOf(content.value, content.source);
    return { plain, range, key: spot.key, style, children: new Map() };
  }

  #list(content: YAMLSeq.Parsed, spot: Spot, range: Range): Node {
    const children = new Map<number, Node>();
    const plain: Plain[] = [];
    content.items.forEach((item, index) => {
      const next = content.items[index + 1];
      const end = next === undefined ? spot.end : startOf(next, spot.end);
      const path = [...spot.path, index];
      const key = rangeOf(item);
      if (isExpression(this.#claims, path)) {
        this.#slots.push({ id: key.start, start: key.start, end, key: "-", style: slotStyle(content) });
      }
      const node = this.grow(item, { path, key, end });
      children.set(index, node);
      plain.push(node.plain);
    });
    return { plain, range, key: spot.key, style: undefined, children };
  }

  #mapping(content: YAMLMap.Parsed, spot: Spot, range: Range): Node {
    const children = new Map<string, Node>();
    let cut: Slot | undefined;
    content.items.forEach((pair, index) => {
      const key = keyRange(pair, range);
      const next = content.items[index + 1];
      const end = next === undefined ? spot.end : keyRange(next, range).start;
      const name = keyName(pair);
      const before = content.items[index - 1];
      if (
        content.flow === true &&
        cut !== undefined &&
        before !== undefined &&
        !isQuoted(before) &&
        isRestOfExpression(pair, name)
      ) {
        // What follows a comma in a flow mapping and is no key is the rest of the expression before it.
        this.#slots.push({ ...cut, start: key.start, end });
        this.#findings.push({
          kind: "taken",
          as: "comma",
          range: { start: endOf(before, key.start), end: key.end },
        });
        children.set(cut.key, this.#brokenChild(children.get(cut.key), key));
        return;
      }
      const path = [...spot.path, name ?? ""];
      cut =
        name !== undefined && this.#isExpression(path, pair.value)
          ? { id: key.start, start: key.start, end, key: name, style: slotStyle(content) }
          : undefined;
      if (cut !== undefined) this.#slots.push(cut);
      this.#addChild(children, { name, pair, spot: { path, key, end } });
    });
    const plain = new Map([...children].map(([name, node]) => [name, node.plain]));
    return { plain, range, key: spot.key, style: undefined, children };
  }

  #addChild(
    children: Map<string, Node>,
    child: { name: string | undefined; pair: ParsedPair; spot: Spot },
  ): void {
    const { name, pair, spot } = child;
    const first = name === undefined ? undefined : children.get(name);
    if (name === undefined) {
      if (!isAlias(pair.key))
        this.#refuse(spot.key, "yaml-not-plain", "is not text to YAML", "quote the key");
    } else if (first !== undefined) {
      const { line } = this.#source.place(first.key);
      this.#refuse(
        spot.key,
        "duplicate-key",
        "stands twice in one mapping",
        `the first is on line ${line}: keep one`,
      );
    } else if (name === "<<") {
      this.#refuse(
        spot.key,
        "yaml-not-plain",
        "is a merge key, which the format does not have",
        "write the keys out",
      );
    } else {
      children.set(name, this.grow(pair.value, spot));
    }
  }

  #brokenChild(child: Node | undefined, key: Range): Node {
    return {
      plain: BROKEN,
      range: child?.range ?? key,
      key: child?.key ?? key,
      style: undefined,
      children: new Map(),
    };
  }
}

type ParsedPair = Pair<ParsedNode, ParsedNode | null>;

/** Behind a comma in a flow mapping: no colon, or nothing that the format has as a key. */
/** A quoted expression is whole, whatever follows: JSON is YAML too. */
const isQuoted = ({ value }: ParsedPair): boolean => isScalar(value) && value.type !== Scalar.PLAIN;

const isRestOfExpression = ({ key, value }: ParsedPair, name: string | undefined): boolean =>
  value === null ||
  (isScalar(key) && key.type !== Scalar.PLAIN) ||
  name === undefined ||
  !/^[A-Za-z_][\w.-]*$/.test(name);

function keyName({ key }: ParsedPair): string | undefined {
  return isScalar(key) && typeof key.value === "string" ? key.value : undefined;
}

function keyRange(pair: ParsedPair, mapping: Range): Range {
  // The composer leaves out the key of `: value`, which the types do not say.
  const key: unknown = pair.key;
  return isNode(key) && key.range ? { start: key.range[0], end: key.range[1] } : firstOf(mapping);
}

const firstOf = ({ start }: Range): Range => ({ start, end: start + 1 });

const slotStyle = (content: { flow?: boolean }): Slot["style"] => (content.flow === true ? "flow" : "block");

const rangeOf = (content: ParsedNode): Range => ({ start: content.range[0], end: content.range[1] });

const startOf = (content: ParsedNode | null, fallback: number): number => content?.range[0] ?? fallback;

const endOf = (pair: ParsedPair, fallback: number): number =>
  pair.value?.range[1] ?? Math.min(fallback, pair.key.range[1]);

const anchorOf = (content: Content): string | undefined =>
  content === null || isAlias(content) ? undefined : content.anchor;

function plainOf(value: unknown, source: string): Plain {
  if (typeof value === "number" || typeof value === "boolean") return new Literal(source, value);
  return typeof value === "string" ? value : source;
}

function styleOf(content: Scalar.Parsed): Style {
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
