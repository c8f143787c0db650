import type { WireBytes } from "../attributes/entry-facts.ts";
import { OTLP_ATTRIBUTES, OTLP_FAMILIES, type OtlpField } from "../attributes/otlp.ts";
import { numberOf, structureOf, textOf } from "./otlp-values.ts";

/** Attributes that begin alike, such as those of request headers. */
type Family = keyof typeof OTLP_FAMILIES;

/** The attributes of a LogRecord under the names of src/attributes/otlp.ts. What is missing, or of another type, is empty or undefined. */
export class OtlpFields {
  readonly #attributes: ReadonlyMap<string, unknown>;

  constructor(attributes: ReadonlyMap<string, unknown>) {
    this.#attributes = attributes;
  }

  /** As it came. */
  value(key: string): unknown {
    return this.#attributes.get(key);
  }

  text(field: OtlpField): string {
    return textOf(this.#attributes.get(OTLP_ATTRIBUTES[field].key));
  }

  number(field: OtlpField): number | undefined {
    return numberOf(this.text(field));
  }

  bytes(sent: OtlpField, received: OtlpField): WireBytes {
    return { sent: this.number(sent) ?? 0, received: this.number(received) ?? 0 };
  }

  member(family: Family, name: string): string | undefined {
    const text = textOf(this.#attributes.get(OTLP_FAMILIES[family].prefix + name));
    return text === "" ? undefined : text;
  }

  /** Name and text of every attribute with a prefix. */
  family(family: Family): readonly (readonly [string, string])[] {
    return this.#members(family).flatMap(([name, value]): [string, string][] => {
      const text = textOf(value);
      return text === "" ? [] : [[name, text]];
    });
  }

  structured(family: Family): Map<string, unknown> {
    const members = this.#members(family).map(([name, value]) => [name, structureOf(value)] as const);
    return new Map(members.filter(([, value]) => value !== undefined));
  }

  #members(family: Family): readonly (readonly [string, unknown])[] {
    const { prefix } = OTLP_FAMILIES[family];
    return [...this.#attributes].flatMap(([key, value]): [string, unknown][] =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [],
    );
  }
}
