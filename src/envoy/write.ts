import { Document, isScalar, YAMLMap, YAMLSeq, type Node } from "yaml";

/** What is written as YAML: plain values, and among them some with a word why. */
export type Value =
  string | number | boolean | readonly Value[] | { readonly [key: string]: Value | undefined } | Said;

/** A value with a comment. */
export class Said {
  readonly value: Exclude<Value, Said>;
  readonly why: string;

  constructor(value: Exclude<Value, Said>, why: string) {
    this.value = value;
    this.why = why;
  }
}

/** A value with a word why: behind a scalar, above anything else. */
export const said = (value: Exclude<Value, Said>, why: string): Said => new Said(value, why);

/** One document, with lines above it. Keys without a value are left out. */
export interface Written {
  readonly about: readonly string[];
  readonly content: Value;
}

/** YAML 1.2, documents parted by `---`. */
export function writeYaml(documents: readonly Written[]): string {
  return documents
    .map(({ about, content }) => {
      const document = new Document(nodeOf(content));
      const lines = about.map((line) => (line === "" ? "#\n" : `# ${line}\n`)).join("");
      return `${lines}\n` + document.toString({ lineWidth: 0, indentSeq: true });
    })
    .join("---\n");
}

function nodeOf(value: Value): Node {
  if (value instanceof Said) {
    const node = nodeOf(value.value);
    if (isScalar(node)) node.comment = ` ${value.why}`;
    return node;
  }
  if (isListed(value)) {
    const list = new YAMLSeq();
    for (const item of value) {
      const node = nodeOf(item);
      if (item instanceof Said && !isScalar(node)) node.commentBefore = ` ${item.why}`;
      list.items.push(node);
    }
    return list;
  }
  const document = new Document();
  if (typeof value !== "object") return document.createNode(value);
  const map = new YAMLMap();
  for (const [name, inner] of Object.entries(value)) {
    if (inner === undefined) continue;
    const key = document.createNode(name);
    const node = nodeOf(inner);
    if (inner instanceof Said && !isScalar(node)) key.commentBefore = ` ${inner.why}`;
    map.add({ key, value: node });
  }
  return map;
}

const isListed = (value: Value): value is readonly Value[] => Array.isArray(value);
