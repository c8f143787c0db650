import type { Style } from "./scalar.ts";
import type { Path, Range } from "./source.ts";

/** A number, `true` or `false` as YAML reads it, with the text that stands in the file (`1.10`, `007`). */
export class Literal {
  readonly text: string;
  readonly value: number | boolean;
  constructor(text: string, value: number | boolean) {
    this.text = text;
    this.value = value;
    Object.freeze(this);
  }
}

/** Stands where YAML already has a diagnostic, so that nothing complains of the same place again. */
export const BROKEN = Object.freeze({ broken: true });

/**
 * A file's content: texts, literals, lists, and mappings as Maps, so that keys such as `__proto__`
 * are keys like any other.
 */
export type Plain = string | Literal | readonly Plain[] | ReadonlyMap<string, Plain> | typeof BROKEN;

/** One value with the places that it and its key have in the file. */
export interface Node {
  readonly plain: Plain;
  readonly range: Range;
  /** Of its key, or of itself in a list. */
  readonly key: Range;
  /** How a scalar is written; undefined for lists and mappings. */
  readonly style: Style | undefined;
  readonly children: ReadonlyMap<string | number, Node>;
}

/** The node at `path`, or the nearest there is above it. */
export function nearest(root: Node, path: Path): { readonly node: Node; readonly isThere: boolean } {
  let node = root;
  for (const step of path) {
    const child = node.children.get(step);
    if (child === undefined) return { node, isThere: false };
    node = child;
  }
  return { node, isThere: true };
}

/** Whether `value` is a mapping of a file. */
export const isMapping = (value: unknown): value is ReadonlyMap<string, Plain> => value instanceof Map;

/** Whether `value` is a list of a file. */
export const isList = (value: unknown): value is readonly Plain[] => Array.isArray(value);
