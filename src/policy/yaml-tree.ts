import {
  isAlias,
  isMap,
  isScalar,
  type Scalar,
  type YAMLMap,
  type Alias,
  type Document,
  type YAMLSeq,
} from "yaml";
import type { Code } from "./codes.ts";
import { isExpression, isForeign, mayBeMapping, type Claim } from "./kind.ts";
import type { Path, Range, SourceText } from "./source.ts";
import { BROKEN, type Node, type Plain } from "./tree.ts";
import {
  anchorOf,
  endOf,
  firstOf,
  isMergeKey,
  isQuoted,
  isRestOfExpression,
  keyName,
  keyRange,
  plainOf,
  rangeOf,
  slotStyle,
  startOf,
  styleOf,
  type Content,
  type ParsedPair,
  mergeInto,
  isNothing,
  isParsed,
} from "./yaml-content.ts";
import { shown, type Finding, type Slot } from "./yaml-findings.ts";

/** How deep mappings and lists may nest. */
export const MAX_DEPTH = 64;

/** The most values that all aliases of a file may stand for. */
const MAX_COPIED = 100_000;

/** The values of a file with their places, the stretches of its expressions, and what is not allowed. */
export interface Grown {
  readonly root: Node | undefined;
  readonly slots: readonly Slot[];
  readonly findings: readonly Finding[];
}

/** Walks what the parser composed, once. */
export function growTree(source: SourceText, document: Document.Parsed, claims: readonly Claim[]): Grown {
  const content: Content = document.contents;
  const grower = new Grower(source, document, claims);
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
  readonly #document: Document.Parsed;
  readonly #isForeign: boolean;
  /** How many aliases the walk is in. */
  #copying = 0;
  /** Values that were walked through within aliases. */
  #copied = 0;

  constructor(source: SourceText, document: Document.Parsed, claims: readonly Claim[]) {
    this.#source = source;
    this.#document = document;
    this.#isForeign = isForeign(claims);
    this.#claims = claims;
  }

  grown(root: Node | undefined): Grown {
    return { root, slots: this.#slots, findings: this.#findings };
  }

  grow(content: Content, spot: Spot): Node {
    if (this.#copying > 0) this.#copied++;
    if (this.#isForeign && isAlias(content)) return this.#copy(content, spot);
    const range = content === null ? spot.key : rangeOf(content);
    const broken: Node = { plain: BROKEN, range, key: spot.key, style: undefined, children: new Map() };
    // The marks themselves (tags, anchors, aliases) are found among the tokens, with their places.
    const isMarked =
      content?.tag !== undefined || isAlias(content) || (!this.#isForeign && anchorOf(content) !== undefined);
    const isTop = spot.path.length === 0;
    const node = this.#value(content, spot, broken);
    if (node !== undefined) return isMarked && !isTop ? broken : node;
    if (!isMarked) this.#refuse(spot.key, "null-value", "has no value", "write a value, or remove it");
    return broken;
  }

  #isExpression(path: Path, content: unknown): boolean {
    return isExpression(this.#claims, path) && !(isMap(content) && mayBeMapping(path));
  }

  /** What an alias stands for, as if it were written here. */
  #copy(alias: Alias.Parsed, spot: Spot): Node {
    const range = rangeOf(alias);
    const content = this.#copied > MAX_COPIED ? undefined : alias.resolve(this.#document);
    if (content !== undefined && isParsed(content)) {
      this.#copying++;
      const node = this.grow(content, spot);
      this.#copying--;
      return node;
    }
    if (this.#copied > MAX_COPIED) {
      // Said once: all aliases that follow are too many.
      if (this.#copied < Infinity)
        this.#refuse(range, "too-large", `makes more than ${MAX_COPIED} values of aliases`, "use fewer");
      this.#copied = Infinity;
    } else this.#refuse(range, "yaml-not-plain", "has no anchor before it", "write the value out");
    return { plain: BROKEN, range, key: spot.key, style: undefined, children: new Map() };
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
    const merged: Node[] = [];
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
      if (this.#isForeign && isMergeKey(pair)) merged.push(this.grow(pair.value, { ...spot, key, end }));
      else if (!this.#isForeign || !isNothing(pair.value))
        this.#addChild(children, { name, pair, spot: { path, key, end } });
    });
    for (const node of merged) mergeInto(children, node);
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
