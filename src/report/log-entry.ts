import { readMetadata } from "../attributes/decode.ts";
import type {
  AddressFacts,
  AddressOf,
  DecisionFacts,
  OriginFacts,
  TimingStep,
  TlsFacts,
  WireBytes,
} from "../attributes/entry-facts.ts";
import type { PeerFacts, ProxyFacts } from "../attributes/facts.ts";
import { lengthField, varintField, type Range, type WireReader } from "../std/wire-reader.ts";
import { readAddress } from "./address.ts";
import { readDecision } from "./decision.ts";
import { destinationOf, sourceOf } from "./entry-peers.ts";
import { rawState, readFilterState } from "./filter-state.ts";
import { Headers } from "./headers.ts";
import { layoutOf, type Outline } from "./outline.ts";
import { onlyUri, readTls } from "./tls.ts";

/**
 * AccessLogCommon: sample_rate 1, addresses 2, 3, 13, 14, 20, tls_properties 4, start_time 5, time_to_… 6 to 12, upstream_cluster 15,
 * response_flags 16, metadata 17, upstream_transport_failure_reason 18, route_name 19, filter_state_objects 21, custom_tags 22,
 * duration 23, upstream_request_attempt_count 24, connection_termination_details 25, stream_id 26, intermediate_log_entry 27,
 * downstream_transport_failure_reason 28, wire bytes 29 to 32, access_log_type 33.
 */
export const COMMON = layoutOf({
  double: [1],
  length: [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 23, 25, 26, 28],
  all: [21, 22],
  varint: [24, 27, 29, 30, 31, 32, 33],
});

const ADDRESSES: Readonly<Record<AddressOf, number>> = {
  downstream_remote: 2,
  downstream_local: 3,
  upstream_remote: 13,
  upstream_local: 14,
  downstream_direct_remote: 20,
};

const STEPS: Readonly<Record<TimingStep, number>> = {
  last_rx_byte: 6,
  first_upstream_tx_byte: 7,
  last_upstream_tx_byte: 8,
  first_upstream_rx_byte: 9,
  last_upstream_rx_byte: 10,
  first_downstream_tx_byte: 11,
  last_downstream_tx_byte: 12,
};

const TLS = 4;
const START_TIME = 5;
const CLUSTER = 15;
const FLAGS = 16;
const METADATA = 17;
const ROUTE = 19;
const FILTER_STATE = 21;
const CUSTOM_TAGS = 22;
const DURATION = 23;
const STREAM_ID = 26;
const INTERMEDIATE = 27;
const TYPE = 33;

const NO_FLAGS: readonly number[] = [];

/** Who logs, and what an entry is read with. */
export interface EntryContext {
  readonly origin: OriginFacts;
  readonly proxy: ProxyFacts;
}

/**
 * What entries of both kinds have. What stands in the outline is decoded when something reads it; what is malformed inside is as if it were
 * not there, so that these getters never throw.
 */
export abstract class LogEntry {
  abstract readonly kind: "http" | "tcp";
  readonly origin: OriginFacts;
  readonly proxy: ProxyFacts;
  protected readonly reader: WireReader;
  protected readonly common: Outline;
  readonly #tags: Headers;
  #decision: DecisionFacts | undefined | null = null;

  constructor(reader: WireReader, common: Outline, { origin, proxy }: EntryContext) {
    this.reader = reader;
    this.common = common;
    this.#tags = new Headers(reader, common, CUSTOM_TAGS);
    this.origin = origin;
    this.proxy = proxy;
  }

  get source(): PeerFacts {
    return sourceOf(this);
  }

  get destination(): PeerFacts {
    return destinationOf(this);
  }

  get serverName(): string {
    return this.tls()?.serverName ?? "";
  }

  contextExtensions(): Map<string, string> {
    return new Map();
  }

  metadata(): Map<string, unknown> {
    return this.#read(METADATA, readMetadata) ?? new Map<string, unknown>();
  }

  get accessLogType(): number {
    return this.common.number(TYPE);
  }

  get isIntermediate(): boolean {
    return this.common.number(INTERMEDIATE) !== 0;
  }

  get streamId(): string {
    return this.common.text(STREAM_ID);
  }

  get durationMs(): number | undefined {
    return this.#read(DURATION, milliseconds);
  }

  get startedAtMs(): number | undefined {
    return this.#read(START_TIME, milliseconds);
  }

  timing(step: TimingStep): number | undefined {
    return this.#read(STEPS[step], milliseconds);
  }

  get responseFlags(): readonly number[] {
    return this.#read(FLAGS, readFlags) ?? NO_FLAGS;
  }

  get upstreamCluster(): string {
    return this.common.text(CLUSTER);
  }

  get routeName(): string {
    return this.common.text(ROUTE);
  }

  address(of: AddressOf): AddressFacts | undefined {
    return this.#read(ADDRESSES[of], readAddress);
  }

  tls(): TlsFacts | undefined {
    return this.#read(TLS, readTls);
  }

  principal(of: "source" | "destination"): string {
    return this.#read(TLS, of === "source" ? callerUri : calledUri) ?? "";
  }

  get downstreamBytes(): WireBytes {
    return { sent: this.common.number(29), received: this.common.number(30) };
  }

  get upstreamBytes(): WireBytes {
    return { sent: this.common.number(31), received: this.common.number(32) };
  }

  protected commonDetails() {
    return {
      sampleRate: this.common.double(1) ?? 0,
      upstreamTransportFailureReason: this.common.text(18),
      downstreamTransportFailureReason: this.common.text(28),
      connectionTerminationDetails: this.common.text(25),
      upstreamRequestAttemptCount: this.common.number(24),
    };
  }

  customTag(name: string): string | undefined {
    return this.#tags.get(name);
  }

  customTags(): Map<string, string> {
    return this.#tags.all();
  }

  filterState(): Map<string, unknown> {
    return this.#read(FILTER_STATE, readStates) ?? new Map<string, unknown>();
  }

  rawFilterState(name: string): string | undefined {
    return this.#read(FILTER_STATE, (reader, range) =>
      rawState(reader, range, lengthField(FILTER_STATE), name),
    );
  }

  decision(): DecisionFacts | undefined {
    if (this.#decision === null) {
      this.#decision = this.#read(METADATA, (reader, range) => readDecision(reader, range, this.kind));
    }
    return this.#decision;
  }

  /** Of a field; undefined where it is not there, or malformed. */
  #read<T>(number: number, read: (reader: WireReader, range: Range) => T): T | undefined {
    if (!this.common.has(number)) return undefined;
    try {
      return read(this.reader, this.common.range(number));
    } catch {
      return undefined;
    }
  }
}

const callerUri = (reader: WireReader, tls: Range): string => onlyUri(reader, tls, "source");

const calledUri = (reader: WireReader, tls: Range): string => onlyUri(reader, tls, "destination");

const readStates = (reader: WireReader, states: Range): Map<string, unknown> =>
  readFilterState(reader, states, lengthField(FILTER_STATE));

/** A google.protobuf.Duration or Timestamp: seconds 1, nanos 2. Exact to the millisecond for whatever a clock says. */
function milliseconds(reader: WireReader, range: Range): number {
  let seconds = 0;
  let nanos = 0;
  const fields = reader.walk(range);
  while (fields.next()) {
    if (fields.tag === varintField(1)) seconds = signed(fields.number, fields);
    else if (fields.tag === varintField(2)) nanos = signed(fields.number, fields);
  }
  return seconds * 1_000 + nanos / 1_000_000;
}

/** Negative numbers are far above what a varint holds exactly. */
const signed = (number: number, fields: { int64(): bigint }): number =>
  number <= Number.MAX_SAFE_INTEGER ? number : Number(fields.int64());

/** ResponseFlags: each is a bool, but 13 is a message. */
function readFlags(reader: WireReader, range: Range): readonly number[] {
  const flags = new Set<number>();
  const fields = reader.fields(range);
  while (fields.next()) {
    const number = fields.tag >>> 3;
    if (fields.tag === lengthField(13) || (fields.tag === varintField(number) && fields.number !== 0))
      flags.add(number);
  }
  return [...flags].sort((left, right) => left - right);
}
