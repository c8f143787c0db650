import type { EntryDetails, EntryFacts, WireBytes } from "../attributes/entry-facts.ts";
import type { HeaderFacts, RequestFacts } from "../attributes/facts.ts";
import type { WireReader } from "../std/wire-reader.ts";
import { COMMON, LogEntry, type EntryContext } from "./log-entry.ts";
import { Headers } from "./headers.ts";
import { layoutOf, Outline } from "./outline.ts";
import { wrappedNumber } from "./tls.ts";

/** HTTPAccessLogEntry: common_properties 1, protocol_version 2, request 3, response 4. */
const HTTP = layoutOf({ length: [1, 3, 4], varint: [2] });

/**
 * HTTPRequestProperties: request_method 1, scheme 2, authority 3, port 4, path 5, user_agent 6, referer 7, forwarded_for 8,
 * request_id 9, original_path 10, request_headers_bytes 11, request_body_bytes 12, request_headers 13, upstream_header_bytes_sent 14,
 * downstream_header_bytes_received 15.
 */
const REQUEST = layoutOf({ varint: [1, 11, 12, 14, 15], length: [2, 3, 4, 5, 6, 7, 8, 9, 10], all: [13] });

/**
 * HTTPResponseProperties: response_code 1, response_headers_bytes 2, response_body_bytes 3, response_headers 4, response_trailers 5,
 * response_code_details 6, upstream_header_bytes_received 7, downstream_header_bytes_sent 8.
 */
const RESPONSE = layoutOf({ varint: [2, 3, 7, 8], length: [1, 6], all: [4, 5] });

const REQUEST_HEADERS = 13;
const RESPONSE_HEADERS = 4;
const RESPONSE_TRAILERS = 5;

const NO_BYTES: WireBytes = { sent: 0, received: 0 };

/** One entry about a request (envoy.data.accesslog.v3). */
export class HttpEntry extends LogEntry implements EntryFacts {
  readonly kind = "http";
  readonly connectionBytes = NO_BYTES;
  readonly #entry: Outline;
  readonly #request: Outline;
  readonly #requestHeaders: Headers;
  readonly #response: Outline;
  #loggedRequest: LoggedRequest | undefined;

  /** It says nothing before `read`. */
  constructor(reader: WireReader, context: EntryContext) {
    super(reader, new Outline(reader), context);
    this.#entry = new Outline(reader);
    this.#request = new Outline(reader);
    this.#requestHeaders = new Headers(reader, this.#request, REQUEST_HEADERS);
    this.#response = new Outline(reader);
  }

  /** Walks through the entry; says what it lacks. Throws MalformedMessage. */
  read(): "complete" | "no_common_properties" | "no_request" {
    this.#entry.read(this.reader.whole, HTTP);
    if (!this.#entry.has(1)) return "no_common_properties";
    this.common.read(this.#entry.range(1), COMMON);
    if (!this.#entry.has(3)) return "no_request";
    this.#request.read(this.#entry.range(3), REQUEST);
    this.#response.read(this.#entry.range(4), RESPONSE);
    return "complete";
  }

  get request(): RequestFacts {
    return (this.#loggedRequest ??= new LoggedRequest(this.#request, this.#requestHeaders, {
      protocol: PROTOCOLS[this.#entry.number(2)] ?? "",
      timeMs: this.startedAtMs,
    }));
  }

  /** A google.protobuf.UInt32Value. */
  get responseCode(): number | undefined {
    if (!this.#response.has(1)) return undefined;
    try {
      return wrappedNumber(this.reader, this.#response.range(1));
    } catch {
      return undefined;
    }
  }

  get responseCodeDetails(): string {
    return this.#response.text(6);
  }

  requestHeader(name: string): string | undefined {
    return this.#requestHeaders.get(name);
  }

  responseHeader(name: string): string | undefined {
    return new Headers(this.reader, this.#response, RESPONSE_HEADERS).get(name);
  }

  responseTrailer(name: string): string | undefined {
    return new Headers(this.reader, this.#response, RESPONSE_TRAILERS).get(name);
  }

  responseHeaders(): Map<string, string> {
    return new Headers(this.reader, this.#response, RESPONSE_HEADERS).all();
  }

  responseTrailers(): Map<string, string> {
    return new Headers(this.reader, this.#response, RESPONSE_TRAILERS).all();
  }

  details(): EntryDetails {
    const request = this.#request;
    const response = this.#response;
    return {
      ...this.commonDetails(),
      requestPort: this.#requestPort(),
      userAgent: request.text(6),
      referer: request.text(7),
      forwardedFor: request.text(8),
      originalPath: request.text(10),
      requestHeadersBytes: request.number(11),
      requestBodyBytes: request.number(12),
      responseHeadersBytes: response.number(2),
      responseBodyBytes: response.number(3),
      upstreamHeaderBytes: { sent: request.number(14), received: response.number(7) },
      downstreamHeaderBytes: { sent: response.number(8), received: request.number(15) },
    };
  }

  #requestPort(): number | undefined {
    if (!this.#request.has(4)) return undefined;
    try {
      return wrappedNumber(this.reader, this.#request.range(4));
    } catch {
      return undefined;
    }
  }
}

/** envoy.config.core.v3.RequestMethod by number. */
const METHODS = ["", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/** HTTPAccessLogEntry.HTTPVersion by number, as Envoy writes versions. */
const PROTOCOLS = ["", "HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3"];

/** Headers that stand among the fields of the request, whether they are logged as headers or not. */
const KNOWN_HEADERS: readonly (readonly [name: string, field: number])[] = [
  [":scheme", 2],
  [":authority", 3],
  [":path", 5],
  ["user-agent", 6],
  ["referer", 7],
  ["x-forwarded-for", 8],
  ["x-request-id", 9],
  ["x-envoy-original-path", 10],
];

/** The request of an entry. */
class LoggedRequest implements RequestFacts {
  readonly timeMs: number | undefined;
  readonly protocol: string;
  readonly #fields: Outline;
  readonly #headers: Headers;

  constructor(
    fields: Outline,
    headers: Headers,
    { protocol, timeMs }: Pick<RequestFacts, "protocol" | "timeMs">,
  ) {
    this.#fields = fields;
    this.#headers = headers;
    this.protocol = protocol;
    this.timeMs = timeMs;
  }

  get id(): string {
    return this.#fields.text(9);
  }

  /** A method outside Envoy's enumeration stands among the headers, where the logger sends `:method`. */
  get method(): string {
    const method = METHODS[this.#fields.number(1)] ?? "";
    return method === "" ? (this.#headers.get(":method") ?? "") : method;
  }

  get path(): string {
    return this.#fields.text(5);
  }

  get host(): string {
    return this.#fields.text(3);
  }

  get scheme(): string {
    return this.#fields.text(2);
  }

  get sizeBytes(): bigint {
    return BigInt(this.#fields.number(12));
  }

  headers(): HeaderFacts {
    const joined = this.#headers.all();
    for (const [name, field] of KNOWN_HEADERS) {
      const value = this.#fields.text(field);
      if (value !== "" && !joined.has(name)) joined.set(name, value);
    }
    const { method } = this;
    if (method !== "" && !joined.has(":method")) joined.set(":method", method);
    return { joined, all: undefined };
  }

  body(): { readonly kind: "unseen" } {
    return { kind: "unseen" };
  }
}
