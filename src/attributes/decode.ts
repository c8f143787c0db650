import type { HeaderFacts, PeerFacts } from "./facts.ts";
import { readStruct } from "../std/struct.ts";
import { sanitizeUtf8 } from "../std/utf8.ts";
import {
  lengthField,
  MalformedMessage,
  varintField,
  type Range,
  type WireFields,
  type WireReader,
} from "../std/wire-reader.ts";

/** Where a field is that a message does not have. */
export const NOWHERE: Range = { start: 0, end: 0 };

/** Where the value of a field is; a field that comes twice counts as its last. */
export function lastField(reader: WireReader, range: Range, number: number): Range {
  let found = NOWHERE;
  const fields = reader.walk(range);
  while (fields.next()) if (fields.tag === lengthField(number)) found = fields.range();
  return found;
}

/** google.protobuf.Timestamp: seconds 1, nanos 2; in epoch milliseconds. */
export function readTime(reader: WireReader, range: Range): number {
  let seconds = 0n;
  let nanos = 0;
  const fields = reader.fields(range);
  while (fields.next()) {
    if (fields.tag === varintField(1)) seconds = fields.int64();
    else if (fields.tag === varintField(2)) nanos = fields.number;
  }
  return Number(seconds) * 1_000 + Math.floor(nanos / 1_000_000);
}

/** More headers than this are not read. Envoy's own bound is 100. */
const MAX_HEADERS = 1_000;
const TOO_MANY_HEADERS = new MalformedMessage("too many headers");

/**
 * HttpRequest: headers 3 holds joined values, header_map 13 every line (Envoy's `encode_raw_headers`);
 * Envoy fills one of them. Both give the same joined form.
 */
export function readHeaders(reader: WireReader, http: Range): HeaderFacts {
  const headerMap = lastField(reader, http, 13);
  if (headerMap === NOWHERE) return { joined: readTextMap(reader, http, lengthField(3)), all: undefined };
  const all = readHeaderLines(reader, headerMap);
  return { joined: new Map(Array.from(all, ([name, values]) => [name, values.join(",")])), all };
}

/** HeaderMap: headers 1. */
function readHeaderLines(reader: WireReader, range: Range): Map<string, string[]> {
  const all = new Map<string, string[]>();
  const entry = new Entry(reader, "header");
  let count = 0;
  const fields = reader.fields(range);
  while (fields.next()) {
    if (fields.tag !== lengthField(1)) continue;
    if (++count > MAX_HEADERS) throw TOO_MANY_HEADERS;
    entry.read(fields);
    const values = all.get(entry.key);
    if (values === undefined) all.set(entry.key, [entry.value]);
    else values.push(entry.value);
  }
  return all;
}

/** The entries of a `map<string, string>` among the fields of a message. */
export function readTextMap(reader: WireReader, message: Range, entryTag: number): Map<string, string> {
  const entries = new Map<string, string>();
  const entry = new Entry(reader, "map entry");
  const fields = reader.fields(message);
  while (fields.next()) {
    if (fields.tag !== entryTag) continue;
    entry.read(fields);
    entries.set(entry.key, entry.value);
    if (entries.size > MAX_HEADERS) throw TOO_MANY_HEADERS;
  }
  return entries;
}

/** Text as Envoy writes it: bytes that are not UTF-8 are replaced by `!`. */
export const headerText = (reader: WireReader, range: Range): string =>
  reader.asciiText(range) ?? sanitizeUtf8(reader.bytes(range));

/** A map entry (key 1, value 2) or a HeaderValue (key 1, value 2, raw_value 3, of which Envoy sends one). */
class Entry {
  key = "";
  value = "";
  readonly #reader: WireReader;
  readonly #fields: WireFields;
  readonly #lastValueTag: number;

  constructor(reader: WireReader, kind: "map entry" | "header") {
    this.#reader = reader;
    this.#fields = reader.fields(NOWHERE);
    this.#lastValueTag = lengthField(kind === "header" ? 3 : 2);
  }

  read(range: Range): void {
    const fields = this.#fields.enter(range);
    this.key = "";
    this.value = "";
    while (fields.next()) {
      if (fields.tag === lengthField(1)) this.key = this.#reader.text(fields);
      else if (fields.tag === lengthField(2) || fields.tag === this.#lastValueTag)
        this.value = headerText(this.#reader, fields);
    }
  }
}

/** Metadata: filter_metadata 1, a map of google.protobuf.Struct by namespace. */
export function readMetadata(reader: WireReader, range: Range): Map<string, unknown> {
  const namespaces = new Map<string, unknown>();
  const fields = reader.fields(range);
  while (fields.next()) {
    if (fields.tag !== lengthField(1)) continue;
    const name = reader.text(lastField(reader, fields, 1));
    namespaces.set(name, readStruct(reader, lastField(reader, fields, 2)));
  }
  return namespaces;
}

/** Peer: address 1, principal 4, certificate 5. */
export class PeerMessage implements PeerFacts {
  readonly address: string = "";
  readonly port: number | undefined;
  readonly principal: string = "";
  readonly #reader: WireReader;
  readonly #certificate: Range = NOWHERE;

  constructor(reader: WireReader, peer: Range) {
    this.#reader = reader;
    let address = NOWHERE;
    const fields = reader.fields(peer);
    while (fields.next()) {
      if (fields.tag === lengthField(1)) address = fields.range();
      else if (fields.tag === lengthField(4)) this.principal = reader.text(fields);
      else if (fields.tag === lengthField(5)) this.#certificate = fields.range();
    }
    // Address: socket_address 1; SocketAddress: address 2, port_value 3.
    fields.enter(lastField(reader, address, 1));
    while (fields.next()) {
      if (fields.tag === lengthField(2)) this.address = reader.text(fields);
      else if (fields.tag === varintField(3)) this.port = fields.number;
    }
  }

  get certificate(): string {
    return this.#reader.text(this.#certificate);
  }
}
