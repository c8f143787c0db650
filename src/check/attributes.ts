import { CheckRequest } from "../wire/envoy/service/auth/v3/external_auth.ts";
import type { CheckFacts, HeaderFacts, PeerFacts, RequestFacts } from "../attributes/facts.ts";
import { readStruct } from "../std/struct.ts";
import { sanitizeUtf8 } from "../std/utf8.ts";
import type { DescribedRequest } from "../policy/tests-file.ts";
import {
  lengthField,
  MalformedMessage,
  varintField,
  WireReader,
  type Range,
  type WireFields,
} from "../std/wire-reader.ts";

/**
 * What a CheckRequest (envoy.service.auth.v3; field numbers of external_auth.proto and
 * attribute_context.proto) says. Its outline is walked at once; what stands in it is decoded when
 * something reads it. A field that comes twice counts as its last. Throws MalformedMessage, and so do the
 * getters of what it returns.
 */
export const checkFacts = (bytes: Buffer): CheckFacts => new CheckMessage(new WireReader(bytes));

const NOWHERE: Range = { start: 0, end: 0 };

function lastField(reader: WireReader, range: Range, number: number): Range {
  let found = NOWHERE;
  const fields = reader.fields(range);
  while (fields.next()) if (fields.tag === lengthField(number)) found = fields.range();
  return found;
}

/** AttributeContext: source 1, destination 2, request 4, context_extensions 10, metadata_context 11. */
class CheckMessage implements CheckFacts {
  readonly request: RequestFacts;
  readonly #reader: WireReader;
  readonly #attributes: Range;
  readonly #source: Range = NOWHERE;
  readonly #destination: Range = NOWHERE;
  readonly #metadata: Range = NOWHERE;

  constructor(reader: WireReader) {
    this.#reader = reader;
    this.#attributes = lastField(reader, reader.whole, 1);
    let request = NOWHERE;
    const fields = reader.fields(this.#attributes);
    while (fields.next()) {
      if (fields.tag === lengthField(1)) this.#source = fields.range();
      else if (fields.tag === lengthField(2)) this.#destination = fields.range();
      else if (fields.tag === lengthField(4)) request = fields.range();
      else if (fields.tag === lengthField(11)) this.#metadata = fields.range();
    }
    this.request = new HttpMessage(reader, request);
  }

  get source(): PeerFacts {
    return readPeer(this.#reader, this.#source);
  }

  get destination(): PeerFacts {
    return readPeer(this.#reader, this.#destination);
  }

  contextExtensions(): Map<string, string> {
    return readTextMap(this.#reader, this.#attributes, lengthField(10));
  }

  metadata(): Map<string, unknown> {
    return readMetadata(this.#reader, this.#metadata);
  }
}

/** Request: time 1, http 2; HttpRequest: id 1, method 2, path 4, host 5, scheme 6, size 9, protocol 10. */
class HttpMessage implements RequestFacts {
  readonly id: string = "";
  readonly method: string = "";
  readonly path: string = "";
  readonly host: string = "";
  readonly scheme: string = "";
  readonly protocol: string = "";
  readonly sizeBytes: bigint | undefined;
  readonly #reader: WireReader;
  readonly #time: Range = NOWHERE;
  readonly #http: Range = NOWHERE;

  constructor(reader: WireReader, request: Range) {
    this.#reader = reader;
    const fields = reader.fields(request);
    while (fields.next()) {
      if (fields.tag === lengthField(1)) this.#time = fields.range();
      else if (fields.tag === lengthField(2)) this.#http = fields.range();
    }
    // Envoy writes -1 where it does not know the body's length yet; 0, the default of proto3, is never written.
    let size = this.#http === NOWHERE ? -1n : 0n;
    fields.enter(this.#http);
    while (fields.next()) {
      const { tag } = fields;
      // Headers, most of the message, come first: they are not read here.
      if (tag === lengthField(3)) continue;
      if (tag === lengthField(1)) this.id = reader.text(fields);
      else if (tag === lengthField(2)) this.method = reader.text(fields);
      else if (tag === lengthField(4)) this.path = reader.text(fields);
      else if (tag === lengthField(5)) this.host = reader.text(fields);
      else if (tag === lengthField(6)) this.scheme = reader.text(fields);
      else if (tag === varintField(9)) size = fields.int64();
      else if (tag === lengthField(10)) this.protocol = reader.text(fields);
    }
    this.sizeBytes = size < 0n ? undefined : size;
  }

  get timeMs(): number | undefined {
    return this.#time === NOWHERE ? undefined : readTime(this.#reader, this.#time);
  }

  headers(): HeaderFacts {
    return readHeaders(this.#reader, this.#http);
  }
}

/** google.protobuf.Timestamp: seconds 1, nanos 2; in epoch milliseconds. */
function readTime(reader: WireReader, range: Range): number {
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
function readHeaders(reader: WireReader, http: Range): HeaderFacts {
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
function readTextMap(reader: WireReader, message: Range, entryTag: number): Map<string, string> {
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
        this.value = this.#text(fields);
    }
  }

  #text(range: Range): string {
    return this.#reader.asciiText(range) ?? sanitizeUtf8(this.#reader.bytes(range));
  }
}

/** Metadata: filter_metadata 1, a map of google.protobuf.Struct by namespace. */
function readMetadata(reader: WireReader, range: Range): Map<string, unknown> {
  const namespaces = new Map<string, unknown>();
  const fields = reader.fields(range);
  while (fields.next()) {
    if (fields.tag !== lengthField(1)) continue;
    const name = reader.text(lastField(reader, fields, 1));
    namespaces.set(name, readStruct(reader, lastField(reader, fields, 2)));
  }
  return namespaces;
}

/** Peer: address 1, principal 4; Address: socket_address 1; SocketAddress: address 2, port_value 3. */
function readPeer(reader: WireReader, peer: Range): PeerFacts {
  let address = "";
  let port: number | undefined;
  const fields = reader.fields(lastField(reader, lastField(reader, peer, 1), 1));
  while (fields.next()) {
    if (fields.tag === lengthField(2)) address = reader.text(fields);
    else if (fields.tag === varintField(3)) port = fields.number;
  }
  return { address, port, principal: reader.text(lastField(reader, peer, 4)) };
}

/**
 * The CheckRequest that Envoy would send for a request as a test describes it, with every header line kept.
 * `principal` is what the caller's certificate says.
 */
export function encodeCheckRequest(request: DescribedRequest, principal: string, timeMs: number): Buffer {
  const { method, host = "", path = "", scheme = "http", source, destination } = request;
  const pseudo: [string, readonly string[]][] = [
    [":authority", [host]],
    [":method", [method]],
    [":path", [path]],
    [":scheme", [scheme]],
  ];
  const grpc: [string, readonly string[]][] =
    request.grpc === true ? [["content-type", ["application/grpc"]]] : [];
  const lines = [...pseudo, ...grpc, ...request.headers].flatMap(([name, values]) =>
    values.map((value) => ({ key: name.toLowerCase(), value: "", rawValue: Buffer.from(value) })),
  );
  const route: [string, string][] = request.route === undefined ? [] : [["weir.route", request.route]];
  const message = CheckRequest.fromPartial({
    attributes: {
      source: peerOf(source?.address ?? "127.0.0.1", source?.spiffe ?? principal),
      destination: peerOf(destination?.address ?? "127.0.0.1", destination?.spiffe ?? ""),
      request: {
        time: { seconds: BigInt(Math.floor(timeMs / 1_000)), nanos: (timeMs % 1_000) * 1_000_000 },
        http: { method, host, path, scheme, size: -1n, protocol: "HTTP/1.1", headerMap: { headers: lines } },
      },
    },
  });
  if (message.attributes !== undefined)
    message.attributes.contextExtensions = new Map([...route, ...request.context]);
  return Buffer.from(CheckRequest.encode(message).finish());
}

const peerOf = (address: string, principal: string) => ({
  address: { socketAddress: { address, portValue: 0 } },
  principal,
});
