import { isAlias, isMap, isPair, isScalar, isSeq, parseDocument, type Document, type Node } from "yaml";
import type { Place } from "../policy/diagnostic.ts";
import { SourceText } from "../policy/source.ts";

/** The most of an Envoy's configuration that is read, in characters: dumps of large meshes have some. */
export const MAX_CONFIG_LENGTH = 16 * 1024 * 1024;

/** Where aliases lead and how deep lists and mappings are nested has an end. */
const MAX_DEPTH = 100;

interface Source {
  readonly text: SourceText;
  readonly document: Document;
}

/**
 * One value of an Envoy's configuration, with its place. YAML is read as Envoy reads it: anchors are allowed, and JSON is YAML. Names
 * are those of protobuf (`http_filters`); their JSON form (`httpFilters`) is found too (protobuf's JSON mapping).
 */
export class ConfigNode {
  readonly #source: Source;
  readonly #node: Node;
  readonly #key: Node | undefined;

  constructor(source: Source, node: Node, key?: Node) {
    this.#source = source;
    this.#node = node;
    this.#key = key;
  }

  /** The field of a mapping, through several; undefined where there is none. */
  get(...names: readonly string[]): ConfigNode | undefined {
    return names.reduce<ConfigNode | undefined>(
      (node, name) => (node === undefined ? undefined : node.#field(name)),
      this,
    );
  }

  #field(name: string): ConfigNode | undefined {
    return this.entries().find(([key]) => key === name || key === jsonName(name))?.[1];
  }

  /** The fields of a mapping; none of anything else. */
  entries(): readonly (readonly [name: string, value: ConfigNode])[] {
    if (!isMap(this.#node)) return [];
    return this.#node.items.flatMap((pair) => {
      if (!isPair(pair) || !isScalar(pair.key)) return [];
      const name: unknown = pair.key.value;
      const value = this.#resolve(pair.value);
      return value === undefined || typeof name !== "string"
        ? []
        : [[name, new ConfigNode(this.#source, value, pair.key)] as const];
    });
  }

  /** The items of a list; none of anything else. */
  items(): readonly ConfigNode[] {
    if (!isSeq(this.#node)) return [];
    return this.#node.items.flatMap((item) => {
      const node = this.#resolve(item);
      return node === undefined ? [] : [new ConfigNode(this.#source, node)];
    });
  }

  #resolve(node: unknown): Node | undefined {
    const found = isAlias(node) ? node.resolve(this.#source.document) : node;
    return isScalar(found) || isMap(found) || isSeq(found) ? found : undefined;
  }

  /** A scalar as it is written. */
  text(): string | undefined {
    const value: unknown = isScalar(this.#node) ? this.#node.value : undefined;
    if (typeof value === "string") return value;
    return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
  }

  isTrue(): boolean {
    return this.text() === "true";
  }

  /** A number; undefined where it is none. protobuf's JSON form writes large ones as text. */
  number(): number | undefined {
    const value = Number(this.text() ?? Number.NaN);
    return Number.isFinite(value) ? value : undefined;
  }

  /** A duration as protobuf's JSON form writes it, such as `0.25s`; in milliseconds. */
  durationMs(): number | undefined {
    const digits = /^(\d+(?:\.\d+)?)s$/.exec(this.text() ?? "")?.[1];
    return digits === undefined ? undefined : Number(digits) * 1000;
  }

  /** The name of the message that an `Any` holds, such as `envoy.extensions.filters.http.router.v3.Router`. */
  message(): string | undefined {
    return this.get("@type")?.text()?.replace(/^.*\//, "");
  }

  /** Where its key stands, or itself where it has none. */
  get place(): Place {
    const [start, end] = (this.#key ?? this.#node).range ?? [0, 1];
    return this.#source.text.place({ start, end });
  }

  /** Itself and everything in it, from the outside in. */
  *walk(depth = 0): Generator<ConfigNode, undefined> {
    yield this;
    if (depth > MAX_DEPTH) return;
    for (const [, inner] of this.entries()) yield* inner.walk(depth + 1);
    for (const inner of this.items()) yield* inner.walk(depth + 1);
  }
}

const jsonName = (name: string): string =>
  name.replace(/_([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());

/** Why a file is none. */
export interface Unreadable {
  readonly place: Place;
  readonly reason: string;
}

/** Envoy's configuration of a text in YAML or JSON. */
export function readConfig(file: string, text: string): ConfigNode | Unreadable {
  const source = new SourceText(file, text.replace(/^\uFEFF/, ""));
  const at = (start: number) => source.place({ start, end: start + 1 });
  if (text.length > MAX_CONFIG_LENGTH)
    return { place: at(0), reason: `it has more than ${MAX_CONFIG_LENGTH} characters` };
  try {
    const document = parseDocument(source.text, { version: "1.2", prettyErrors: false, uniqueKeys: false });
    const [error] = document.errors;
    if (error !== undefined) return { place: at(error.pos[0]), reason: error.message };
    if (isMap(document.contents)) return new ConfigNode({ text: source, document }, document.contents);
  } catch {
    return { place: at(0), reason: "it is nested too deeply" };
  }
  return { place: at(0), reason: "it is no mapping" };
}
