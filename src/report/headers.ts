import { headerText, readTextMap } from "../attributes/decode.ts";
import { lengthField, type WireReader } from "../std/wire-reader.ts";
import type { Outline } from "./outline.ts";

/** The value of one key of a `map<string, string>` that stands in a field; undefined where it is not there, or malformed. */
export function headerOf(
  reader: WireReader,
  fields: Outline,
  number: number,
  name: string,
): string | undefined {
  if (!fields.has(number)) return undefined;
  try {
    const value = reader.mapValue(fields.range(number), lengthField(number), name);
    return value && headerText(reader, value);
  } catch {
    return undefined;
  }
}

/** The whole map; empty where it is malformed. */
export function headersOf(reader: WireReader, fields: Outline, number: number): Map<string, string> {
  try {
    return readTextMap(reader, fields.range(number), lengthField(number));
  } catch {
    return new Map();
  }
}
