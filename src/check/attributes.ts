import { CheckRequest } from "../wire/envoy/service/auth/v3/external_auth.ts";
import type { CheckFacts, HeaderFacts, PeerFacts, RequestFacts } from "../attributes/facts.ts";
import { readStruct } from "../std/struct.ts";
import { sanitizeUtf8 } from "../std/utf8.ts";
import type { DescribedRequest } from "../policy/tests-file.ts";
import { lengthField, MalformedMessage, varintField, WireReader, type Range } from "../std/wire-reader.ts";

/**
 * What a CheckRequest (envoy.service.auth.v3; field numbers of external_auth.proto and
 * attribute_context.proto) says. The bytes are walked once; headers, extensions and metadata are decoded
 * when something reads them. A field that comes twice counts as its last. Throws MalformedMessage.
 */
export function checkFacts(bytes: Buffer): CheckFacts {
  const reader = new WireReader(bytes);
  const parts = readParts(reader, lastField(reader, { start: 0, end: bytes.length }, 1));
  return {
    request: readRequest(reader, parts.request),
    source: readPeer(reader, parts.source),
    destination: readPeer(reader, parts.destination),
    contextExtensions: () => readTextMap(reader, parts.attributes, lengthField(10)),
    metadata: () => readMetadata(reader, parts.metadata),
  };
}

const NOWHERE: Range = { start: 0, end: 0 };

function lastField(reader: WireReader, range: Range, number: number): Range {
  let found = NOWHERE;
  reader.each(range, (tag) => {
    if (tag !== lengthField(number)) return false;
    found = reader.message();
    return true;
  });
  return found;
}

interface Parts {
  readonly attributes: Range;
  source: Range;
  destination: Range;
  request: Range;
  metadata: Range;
}

/** AttributeContext: source 1, destination 2, request 4, context_extensions 10, metadata_context 11. */
function readParts(reader: WireReader, attributes: Range): Parts {
  const parts: Parts = {
    attributes,
    source: NOWHERE,
    destination: NOWHERE,
    request: NOWHERE,
    metadata: NOWHERE,
  };
  reader.each(attributes, (tag) => {
    if (tag === lengthField(1)) parts.source = reader.message();
    else if (tag === lengthField(2)) parts.destination = reader.message();
    else if (tag === lengthField(4)) parts.request = reader.message();
    else if (tag === lengthField(11)) parts.metadata = reader.message();
    else return false;
    return true;
  });
  return parts;
}

/** Request: time 1, http 2. */
function readRequest(reader: WireReader, request: Range): RequestFacts {
  const time = lastField(reader, request, 1);
  const http = lastField(reader, request, 2);
  return {
    ...readHttp(reader, http),
    timeMs: time === NOWHERE ? undefined : readTime(reader, time),
    headers: () => readHeaders(reader, http),
  };
}

/** HttpRequest: id 1, method 2, path 4, host 5, scheme 6, size 9, protocol 10. */
function readHttp(reader: WireReader, range: Range): Omit<RequestFacts, "timeMs" | "headers"> {
  const http = { id: "", method: "", path: "", host: "", scheme: "", protocol: "" };
  // Envoy writes -1 where it does not know the body's length yet; 0, the default of proto3, is never written.
  let size = range === NOWHERE ? -1n : 0n;
  reader.each(range, (tag) => {
    if (tag === lengthField(1)) http.id = reader.string();
    else if (tag === lengthField(2)) http.method = reader.string();
    else if (tag === lengthField(4)) http.path = reader.string();
    else if (tag === lengthField(5)) http.host = reader.string();
    else if (tag === lengthField(6)) http.scheme = reader.string();
    else if (tag === varintField(9)) size = reader.int64();
    else if (tag === lengthField(10)) http.protocol = reader.string();
    else return false;
    return true;
  });
  return { ...http, sizeBytes: size < 0n ? undefined : size };
}

/** google.protobuf.Timestamp: seconds 1, nanos 2; in epoch milliseconds. */
function readTime(reader: WireReader, range: Range): number {
  let seconds = 0n;
  let nanos = 0;
  reader.each(range, (tag) => {
    if (tag === varintField(1)) seconds = reader.int64();
    else if (tag === varintField(2)) nanos = reader.varint();
    else return false;
    return true;
  });
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
  let count = 0;
  reader.each(range, (tag) => {
    if (tag !== lengthField(1)) return false;
    if (++count > MAX_HEADERS) throw TOO_MANY_HEADERS;
    const [name, value] = readEntry(reader, reader.message());
    const values = all.get(name);
    if (values === undefined) all.set(name, [value]);
    else values.push(value);
    return true;
  });
  return all;
}

/** The entries of a `map<string, string>` among the fields of a message. */
function readTextMap(reader: WireReader, message: Range, entryTag: number): Map<string, string> {
  const entries = new Map<string, string>();
  reader.each(message, (tag) => {
    if (tag !== entryTag) return false;
    entries.set(...readEntry(reader, reader.message()));
    if (entries.size > MAX_HEADERS) throw TOO_MANY_HEADERS;
    return true;
  });
  return entries;
}

/** A map entry (key 1, value 2) or a HeaderValue (key 1, value 2, raw_value 3, of which Envoy sends one). */
function readEntry(reader: WireReader, entry: Range): [key: string, value: string] {
  let [key, value] = ["", NOWHERE];
  reader.each(entry, (tag) => {
    if (tag === lengthField(1)) key = reader.string();
    else if (tag === lengthField(2) || tag === lengthField(3)) value = reader.message();
    else return false;
    return true;
  });
  const { start, end } = value;
  return [key, reader.isAscii(start, end) ? reader.text(start, end) : sanitizeUtf8(reader.bytes(value))];
}

/** Metadata: filter_metadata 1, a map of google.protobuf.Struct by namespace. */
function readMetadata(reader: WireReader, range: Range): Map<string, unknown> {
  const namespaces = new Map<string, unknown>();
  reader.each(range, (tag) => {
    if (tag !== lengthField(1)) return false;
    const entry = reader.message();
    const name = lastField(reader, entry, 1);
    namespaces.set(reader.text(name.start, name.end), readStruct(reader, lastField(reader, entry, 2)));
    return true;
  });
  return namespaces;
}

/** Peer: address 1, principal 4; Address: socket_address 1; SocketAddress: address 2, port_value 3. */
function readPeer(reader: WireReader, peer: Range): PeerFacts {
  const principal = lastField(reader, peer, 4);
  const facts = { address: "", port: undefined as number | undefined };
  reader.each(lastField(reader, lastField(reader, peer, 1), 1), (tag) => {
    if (tag === lengthField(2)) facts.address = reader.string();
    else if (tag === varintField(3)) facts.port = reader.varint();
    else return false;
    return true;
  });
  return { ...facts, principal: reader.text(principal.start, principal.end) };
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
