import { CheckRequest } from "../wire/envoy/service/auth/v3/external_auth.ts";
import { bodyFacts, contentLength, PARTIAL_BODY_HEADER } from "../attributes/body.ts";
import type {
  BodyFacts,
  CheckFacts,
  HeaderFacts,
  PeerFacts,
  ProxyFacts,
  RequestFacts,
} from "../attributes/facts.ts";
import type { DescribedRequest } from "../policy/tests-file.ts";
import { lengthField, MalformedMessage, varintField, WireReader, type Range } from "../std/wire-reader.ts";
import {
  lastField,
  NOWHERE,
  PeerMessage,
  readHeaders,
  readMetadata,
  readTextMap,
  readTime,
} from "../attributes/decode.ts";

/** An Envoy of which nothing is known. */
const ANY_PROXY: ProxyFacts = { principal: undefined, listenerRole: undefined };

/**
 * What a CheckRequest (envoy.service.auth.v3; field numbers of external_auth.proto and
 * attribute_context.proto) says. Its outline is walked at once; what stands in it is decoded when
 * something reads it. A field that comes twice counts as its last. Throws MalformedMessage, also where the
 * message is neither of an HTTP request nor of a TCP connection, and so do the getters of what it returns.
 */
export const checkFacts = (bytes: Buffer, proxy: ProxyFacts = ANY_PROXY): CheckFacts =>
  new CheckMessage(new WireReader(bytes), proxy);

/**
 * AttributeContext: source 1, destination 2, request 4, context_extensions 10, metadata_context 11,
 * tls_session 12. Envoy's network filter sends no request.
 */
class CheckMessage implements CheckFacts {
  readonly request: RequestFacts | undefined;
  readonly proxy: ProxyFacts;
  readonly #reader: WireReader;
  readonly #attributes: Range;
  readonly #source: Range = NOWHERE;
  readonly #destination: Range = NOWHERE;
  readonly #metadata: Range = NOWHERE;
  readonly #tls: Range = NOWHERE;

  constructor(reader: WireReader, proxy: ProxyFacts) {
    this.#reader = reader;
    this.proxy = proxy;
    this.#attributes = lastField(reader, reader.whole, 1);
    let request = NOWHERE;
    const fields = reader.fields(this.#attributes);
    while (fields.next()) {
      if (fields.tag === lengthField(1)) this.#source = fields.range();
      else if (fields.tag === lengthField(2)) this.#destination = fields.range();
      else if (fields.tag === lengthField(4)) request = fields.range();
      else if (fields.tag === lengthField(11)) this.#metadata = fields.range();
      else if (fields.tag === lengthField(12)) this.#tls = fields.range();
    }
    if (request !== NOWHERE) this.request = new HttpMessage(reader, request);
    else if (isEmpty(lastField(reader, this.#source, 1))) throw NOT_A_CHECK;
  }

  get source(): PeerFacts {
    return new PeerMessage(this.#reader, this.#source);
  }

  get destination(): PeerFacts {
    return new PeerMessage(this.#reader, this.#destination);
  }

  /** TLSSession: sni 1. */
  get serverName(): string {
    return this.#reader.text(lastField(this.#reader, this.#tls, 1));
  }

  contextExtensions(): Map<string, string> {
    return readTextMap(this.#reader, this.#attributes, lengthField(10));
  }

  metadata(): Map<string, unknown> {
    return readMetadata(this.#reader, this.#metadata);
  }
}

const NOT_A_CHECK = new MalformedMessage("neither an HTTP request nor the address of a connection's peer");

const isEmpty = ({ start, end }: Range): boolean => start === end;

/** Request: time 1, http 2; HttpRequest: id 1, method 2, path 4, host 5, scheme 6, size 9, protocol 10, body 11, raw_body 12. */
class HttpMessage implements RequestFacts {
  readonly id: string = "";
  readonly method: string = "";
  readonly path: string = "";
  readonly host: string = "";
  readonly scheme: string = "";
  readonly protocol: string = "";
  readonly #reader: WireReader;
  readonly #time: Range = NOWHERE;
  readonly #http: Range = NOWHERE;
  readonly #receivedBytes: bigint = 0n;
  #headers: HeaderFacts | undefined;

  constructor(reader: WireReader, request: Range) {
    this.#reader = reader;
    const fields = reader.fields(request);
    while (fields.next()) {
      if (fields.tag === lengthField(1)) this.#time = fields.range();
      else if (fields.tag === lengthField(2)) this.#http = fields.range();
    }
    if (this.#http === NOWHERE) throw NOT_A_CHECK;
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
      else if (tag === varintField(9)) this.#receivedBytes = fields.int64();
      else if (tag === lengthField(10)) this.protocol = reader.text(fields);
    }
  }

  /**
   * Envoy's `size` is what it has received so far, 0 where it did not wait for the body. So it counts only beside a whole
   * one; otherwise Content-Length does, to which Envoy holds the caller.
   */
  get sizeBytes(): bigint | undefined {
    const { joined } = this.headers();
    return joined.get(PARTIAL_BODY_HEADER) === "false" ? this.#receivedBytes : contentLength(joined);
  }

  get timeMs(): number | undefined {
    return this.#time === NOWHERE ? undefined : readTime(this.#reader, this.#time);
  }

  headers(): HeaderFacts {
    return (this.#headers ??= readHeaders(this.#reader, this.#http));
  }

  /** Envoy fills `body`, or `raw_body` with `pack_as_bytes`. */
  body(): BodyFacts {
    const raw = lastField(this.#reader, this.#http, 12);
    const range = raw === NOWHERE ? lastField(this.#reader, this.#http, 11) : raw;
    const { joined } = this.headers();
    return bodyFacts(this.#reader.bytes(range), joined.get(PARTIAL_BODY_HEADER), contentLength(joined));
  }
}

/**
 * The CheckRequest that Envoy would send for a request or connection as a test describes it, with every header line kept.
 * `principal` is what the caller's certificate says.
 */
export function encodeCheckRequest(request: DescribedRequest, principal: string, timeMs: number): Buffer {
  const { source, destination, sni, protocol } = request;
  const route: [string, string][] = request.route === undefined ? [] : [["weir.route", request.route]];
  const time = { seconds: BigInt(Math.floor(timeMs / 1_000)), nanos: (timeMs % 1_000) * 1_000_000 };
  const message = CheckRequest.fromPartial({
    attributes: {
      source: peerOf({ ...source, spiffe: source?.spiffe ?? principal }),
      destination: peerOf(destination ?? {}),
      ...(protocol === "tcp" ? {} : { request: { time, http: httpOf(request) } }),
      ...(sni === undefined ? {} : { tlsSession: { sni } }),
    },
  });
  if (message.attributes !== undefined)
    message.attributes.contextExtensions = new Map([...route, ...request.context]);
  return Buffer.from(CheckRequest.encode(message).finish());
}

function httpOf(request: DescribedRequest) {
  const { method, host = "", path = "", scheme = "http" } = request;
  const pseudo: [string, readonly string[]][] = [
    [":authority", [host]],
    [":method", [method]],
    [":path", [path]],
    [":scheme", [scheme]],
  ];
  const grpc: [string, readonly string[]][] =
    request.grpc === true ? [["content-type", ["application/grpc"]]] : [];
  const rawBody = Buffer.from(request.body ?? "");
  const sent: [string, readonly string[]][] =
    request.body === undefined ? [] : [[PARTIAL_BODY_HEADER, ["false"]]];
  const lines = [...pseudo, ...grpc, ...request.headers, ...sent].flatMap(([name, values]) =>
    values.map((value) => ({ key: name.toLowerCase(), value: "", rawValue: Buffer.from(value) })),
  );
  const size = BigInt(rawBody.length);
  return { method, host, path, scheme, size, protocol: "HTTP/1.1", headerMap: { headers: lines }, rawBody };
}

const peerOf = ({ address, port, spiffe, certificate }: NonNullable<DescribedRequest["source"]>) => ({
  address: { socketAddress: { address: address ?? "127.0.0.1", portValue: port ?? 0 } },
  principal: spiffe ?? "",
  certificate: encodeURIComponent(certificate ?? ""),
});
