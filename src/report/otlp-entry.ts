import { ACCESS_LOG_TYPES } from "../attributes/entry.ts";
import {
  NO_ENTRY,
  type AddressFacts,
  type AddressOf,
  type CertificateFacts,
  type DecisionFacts,
  type EntryDetails,
  type EntryFacts,
  type OriginFacts,
  type TimingStep,
  type TlsFacts,
  type WireBytes,
} from "../attributes/entry-facts.ts";
import type { PeerFacts, ProxyFacts, RequestFacts } from "../attributes/facts.ts";
import { OTLP_ATTRIBUTES, OTLP_FAMILIES, timingKey, type OtlpField } from "../attributes/otlp.ts";
import { flagsOfCodes } from "../attributes/response-flags.ts";
import { lengthField, type Range, type WireReader } from "../std/wire-reader.ts";
import type { EntryContext } from "./log-entry.ts";
import { decisionOf, NAMESPACES } from "./decision.ts";
import { destinationOf, sourceOf } from "./entry-peers.ts";
import { OtlpFields } from "./otlp-fields.ts";
import {
  listOf,
  messageCounts,
  numberOf,
  readAddressText,
  readKeyValues,
  structureOf,
  textOf,
} from "./otlp-values.ts";

const HAS_NO_BODY = { kind: "unseen" } as const;

const GRPC_STATS = "envoy.filters.http.grpc_stats";

/** An entry that came as a LogRecord with the attributes of src/attributes/otlp.ts. Its getters never throw. */
export class OtlpEntry implements EntryFacts {
  readonly kind: "http" | "tcp";
  readonly origin: OriginFacts;
  readonly accessLogType: number;
  readonly isIntermediate = false;
  readonly startedAtMs: number | undefined;
  readonly request: RequestFacts | undefined;
  readonly proxy: ProxyFacts;
  readonly contextExtensions = NO_ENTRY.contextExtensions;
  readonly rawFilterState = NO_ENTRY.rawFilterState;
  readonly #fields: OtlpFields;

  private constructor(fields: OtlpFields, type: string, common: Common) {
    this.#fields = fields;
    this.origin = common.origin;
    this.proxy = common.proxy;
    this.startedAtMs = common.startedAtMs;
    this.accessLogType = Math.max(0, ACCESS_LOG_TYPES.indexOf(type));
    this.kind = this.#kind(type);
    if (this.kind === "http") this.request = this.#requestFacts();
  }

  /**
   * LogRecord: time_unix_nano 1, attributes 6. Undefined of a record without the attribute that all entries have. Throws
   * MalformedMessage.
   */
  static read(reader: WireReader, record: Range, context: EntryContext): OtlpEntry | undefined {
    let nanos = 0n;
    const fields = reader.fields(record);
    while (fields.next()) if (fields.tag === TIME_TAG) nanos = reader.bytes(fields).readBigUInt64LE();
    const attributes = readKeyValues(reader, record, lengthField(6));
    const type = attributes.get(OTLP_ATTRIBUTES.accessLogType.key);
    if (typeof type !== "string") return undefined;
    const startedAtMs = nanos === 0n ? undefined : Number(nanos / 1_000n) / 1_000;
    return new OtlpEntry(new OtlpFields(attributes), type, { ...context, startedAtMs });
  }

  /** Of Envoys that do not say what kind of entry it is, those have a protocol that are about HTTP. */
  #kind(type: string): "http" | "tcp" {
    if (/^(?:Tcp|Udp)/.test(type)) return "tcp";
    if (type !== "NotSet") return "http";
    return this.#fields.text("protocol") === "" && this.#fields.text("method") === "" ? "tcp" : "http";
  }

  #requestFacts(): RequestFacts {
    const sizeBytes = this.#fields.number("requestBodyBytes");
    return {
      id: this.#fields.text("requestId"),
      method: this.#fields.text("method"),
      path: this.#fields.text("path"),
      host: this.#fields.text("host"),
      scheme: this.#fields.text("scheme"),
      protocol: this.#fields.text("protocol"),
      sizeBytes: sizeBytes === undefined ? undefined : BigInt(sizeBytes),
      timeMs: this.startedAtMs,
      headers: () => ({ joined: this.#requestHeaders(), all: undefined }),
      body: () => HAS_NO_BODY,
    };
  }

  /** Those that the logger sends, and those that have attributes of their own. */
  #requestHeaders(): Map<string, string> {
    const headers = new Map<string, string>();
    for (const [name, field] of OWN_HEADERS) {
      const value = this.#fields.text(field);
      if (value !== "") headers.set(name, value);
    }
    for (const [name, value] of this.#fields.family("requestHeader")) headers.set(name, value);
    return headers;
  }

  get source(): PeerFacts {
    return sourceOf(this);
  }

  get destination(): PeerFacts {
    return destinationOf(this);
  }

  /** The one URI of a certificate: two names are no identity (X509-SVID section 2). */
  principal(of: "source" | "destination"): string {
    const [uri = "", ...others] = listOf(this.#fields.text(of === "source" ? "peerUris" : "localUris"));
    return others.length === 0 ? uri : "";
  }

  get serverName(): string {
    return this.#fields.text("tlsServerName");
  }

  get streamId(): string {
    return this.#fields.text("streamId");
  }

  get durationMs(): number | undefined {
    return this.#fields.number("durationMs");
  }

  timing(step: TimingStep): number | undefined {
    const nanos = numberOf(textOf(this.#fields.value(timingKey(step))));
    return nanos === undefined ? undefined : nanos / 1_000_000;
  }

  get responseCode(): number | undefined {
    const code = this.#fields.number("responseCode");
    return code === 0 ? undefined : code;
  }

  get responseFlags(): readonly number[] {
    return flagsOfCodes(this.#fields.text("responseFlags").split(","));
  }

  get responseCodeDetails(): string {
    return this.#fields.text("responseCodeDetails");
  }

  get upstreamCluster(): string {
    return this.#fields.text("upstreamCluster");
  }

  get routeName(): string {
    return this.#fields.text("routeName");
  }

  address(of: AddressOf): AddressFacts | undefined {
    return readAddressText(this.#fields.text(ADDRESSES[of]));
  }

  tls(): TlsFacts | undefined {
    const tls = {
      version: this.#fields.text("tlsVersion"),
      cipherSuite: undefined,
      serverName: this.serverName,
      sessionId: this.#fields.text("tlsSessionId"),
      ja3: this.#fields.text("tlsJa3"),
      local: this.#certificate("local"),
      peer: this.#certificate("peer"),
    };
    return `${tls.version}${tls.serverName}${tls.ja3}` === "" ? undefined : tls;
  }

  #certificate(whose: "peer" | "local"): CertificateFacts {
    return {
      uris: listOf(this.#fields.text(`${whose}Uris`)),
      dnsNames: listOf(this.#fields.text(`${whose}DnsNames`)),
      subject: this.#fields.text(`${whose}Subject`),
      issuer: whose === "peer" ? this.#fields.text("peerIssuer") : "",
    };
  }

  get downstreamBytes(): WireBytes {
    return this.#fields.bytes("downstreamWireSent", "downstreamWireReceived");
  }

  get upstreamBytes(): WireBytes {
    return this.#fields.bytes("upstreamWireSent", "upstreamWireReceived");
  }

  get connectionBytes(): WireBytes {
    return this.#fields.bytes("sentBytes", "receivedBytes");
  }

  requestHeader(name: string): string | undefined {
    return this.#fields.member("requestHeader", name) ?? this.#ownHeader(name);
  }

  #ownHeader(name: string): string | undefined {
    const field = OWN_HEADERS.get(name);
    const value = field === undefined ? "" : this.#fields.text(field);
    return value === "" ? undefined : value;
  }

  responseHeader(name: string): string | undefined {
    return this.#fields.member("responseHeader", name);
  }

  responseTrailer(name: string): string | undefined {
    return this.#fields.member("responseTrailer", name);
  }

  customTag(name: string): string | undefined {
    return this.#fields.member("customTag", name);
  }

  responseHeaders(): Map<string, string> {
    return new Map(this.#fields.family("responseHeader"));
  }

  responseTrailers(): Map<string, string> {
    return new Map(this.#fields.family("responseTrailer"));
  }

  customTags(): Map<string, string> {
    return new Map(this.#fields.family("customTag"));
  }

  metadata(): Map<string, unknown> {
    return this.#fields.structured("metadata");
  }

  filterState(): Map<string, unknown> {
    const state = this.#fields.structured("filterState");
    const counts = state.get(GRPC_STATS);
    return counts instanceof Map ? state.set(GRPC_STATS, messageCounts(counts)) : state;
  }

  decision(): DecisionFacts | undefined {
    const key = OTLP_FAMILIES.metadata.prefix + NAMESPACES[this.kind];
    const namespace = structureOf(this.#fields.value(key));
    const weir: unknown = namespace instanceof Map ? namespace.get("weir") : undefined;
    return weir instanceof Map ? decisionOf(weir) : undefined;
  }

  details(): EntryDetails {
    const count = (field: OtlpField): number => this.#fields.number(field) ?? 0;
    return {
      sampleRate: 0,
      upstreamTransportFailureReason: this.#fields.text("upstreamTransportFailureReason"),
      downstreamTransportFailureReason: this.#fields.text("downstreamTransportFailureReason"),
      connectionTerminationDetails: this.#fields.text("connectionTerminationDetails"),
      upstreamRequestAttemptCount: count("upstreamRequestAttemptCount"),
      requestPort: undefined,
      userAgent: this.#fields.text("userAgent"),
      referer: this.#fields.text("referer"),
      forwardedFor: this.#fields.text("forwardedFor"),
      originalPath: this.#fields.text("originalPath"),
      requestHeadersBytes: count("requestHeadersBytes"),
      requestBodyBytes: count("requestBodyBytes"),
      responseHeadersBytes: count("responseHeadersBytes"),
      responseBodyBytes: count("responseBodyBytes"),
      downstreamHeaderBytes: this.#fields.bytes("downstreamHeaderSent", "downstreamHeaderReceived"),
      upstreamHeaderBytes: this.#fields.bytes("upstreamHeaderSent", "upstreamHeaderReceived"),
    };
  }
}

interface Common extends EntryContext {
  readonly startedAtMs: number | undefined;
}

/** `time_unix_nano`, a fixed64 of field 1. */
const TIME_TAG = 9;

/** Headers that have attributes of their own, whether they are logged as headers or not. */
const OWN_HEADERS: ReadonlyMap<string, OtlpField> = new Map([
  [":method", "method"],
  [":scheme", "scheme"],
  [":authority", "host"],
  [":path", "path"],
  ["x-envoy-original-path", "originalPath"],
  ["user-agent", "userAgent"],
  ["referer", "referer"],
  ["x-forwarded-for", "forwardedFor"],
  ["x-request-id", "requestId"],
]);

const ADDRESSES: Readonly<Record<AddressOf, OtlpField>> = {
  downstream_remote: "downstreamRemote",
  downstream_direct_remote: "downstreamDirectRemote",
  downstream_local: "downstreamLocal",
  upstream_remote: "upstreamRemote",
  upstream_local: "upstreamLocal",
};
