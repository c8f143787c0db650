import assert from "node:assert/strict";
import type { Reading } from "../../src/attributes/attributes.ts";
import { EntryAttributes } from "../../src/attributes/entry.ts";
import { readEntries } from "../../src/report/attributes.ts";
import type { Counted } from "../../src/report/connections.ts";
import { READING } from "../attributes/fixture.ts";
import { encodeMessage, type DescribedHttp, type DescribedMessage } from "./encode.ts";

/** The only entry of a message, as it comes from the wire. */
export function entryOf(message: DescribedMessage, reading: Partial<Reading> = {}): EntryAttributes {
  const { entries, invalid } = readEntries(encodeMessage(message), undefined);
  const [entry] = entries;
  assert.ok(entry !== undefined && entries.length === 1 && invalid.length === 0, "one good entry");
  return new EntryAttributes(entry, { ...READING, ...reading });
}

/** A request's entry with other common properties. */
export const withCommon = (
  { commonProperties, ...whole }: DescribedHttp,
  over: DescribedHttp["commonProperties"],
): DescribedHttp => ({ ...whole, commonProperties: { ...commonProperties, ...over } });

/** An entry that counts its request. */
export const FINISHED: Counted = {
  observedAtMs: 1_780_000_001_000,
  request: "finished",
  connection: undefined,
  messages: undefined,
};
