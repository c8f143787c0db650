import { createHash } from "node:crypto";
import type { ObjectType, TypeName } from "../cel/expression.ts";

/** Types of the fields of one kind of value, by name. */
export type Fields = Readonly<Record<string, TypeName>>;

/** A class of values with named fields. A field that is not there has no value. */
export interface RecordType extends ObjectType {
  construct(entries: Iterable<readonly [string, unknown]>): object;
}

/**
 * The classes of one configuration's records: one for each set of fields, because expressions tell types by class.
 * The names of types come of their fields, so that reloads do not bring new names for the same types.
 */
export class Records {
  readonly #byName = new Map<string, RecordType>();

  of(fields: Fields): RecordType {
    const sorted = Object.entries(fields).sort(([left], [right]) => (left < right ? -1 : 1));
    const digest = createHash("sha256").update(JSON.stringify(sorted)).digest("hex").slice(0, 12);
    const name = `Record_${digest}`;
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    class OneRecord extends Map<string, unknown> {}
    const made: RecordType = {
      name,
      constructedBy: OneRecord,
      fields: Object.fromEntries(sorted),
      construct: (entries) => new OneRecord(entries),
    };
    this.#byName.set(name, made);
    return made;
  }
}
