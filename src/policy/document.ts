import type { Place } from "./diagnostic.ts";
import type { Kind } from "./kind.ts";
import { offsetsOf } from "./scalar.ts";
import type { Path, Range, SourceText } from "./source.ts";
import { nearest, type Node, type Plain } from "./tree.ts";

/** One file: its content, and where each part of it stands. */
export interface Document {
  readonly file: string;
  readonly kind: Kind;
  readonly plain: Plain;
  /**
   * The place of the value at `path`. With `span`, a range of the scalar's text in UTF-16 code units, the place of
   * that part in the file, through quotes, escapes and block scalars. A path that does not exist is placed at the
   * nearest key above it.
   */
  at(path: Path, span?: Range): Place;
  /** The place of the key at `path`; of an item of a list, its own. */
  keyAt(path: Path): Place;
}

/** A document over one file's tree. */
export function createDocument(source: SourceText, kind: Kind, root: Node): Document {
  return {
    file: source.file,
    kind,
    plain: root.plain,
    at(path, span) {
      const { node, isThere } = nearest(root, path);
      if (!isThere) return source.place(node.key);
      return source.place(span === undefined ? node.range : spanOf(source, node, span));
    },
    keyAt: (path) => source.place(nearest(root, path).node.key),
  };
}

/** Where `span` of the text of a scalar stands in the file. */
function spanOf(source: SourceText, node: Node, span: Range): Range {
  if (node.style === undefined) return node.range;
  const text =
    typeof node.plain === "string" ? node.plain : source.text.slice(node.range.start, node.range.end);
  const offsets = offsetsOf(source.text, node.range, node.style, text);
  if (offsets === undefined || offsets.length === 0) return node.range;
  const start = offsets[span.start]?.start ?? offsets.at(-1)?.end ?? node.range.start;
  const end = offsets[Math.max(span.start, span.end - 1)]?.end ?? start;
  return { start, end: Math.max(start, end) };
}
