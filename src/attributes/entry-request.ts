import { ValueFault } from "../std/fault.ts";
import type { Reading } from "./attributes.ts";
import type { EntryFacts, TimingStep } from "./entry-facts.ts";
import { grpcStatus, isGrpc } from "./grpc.ts";
import { Request } from "./request.ts";
import { flagBits, flagCodes } from "./response-flags.ts";

const NOT_HTTP = new ValueFault("request");

/** `request.*` of an access-log entry. Throws ValueFault of a TCP entry. */
export class EntryRequest extends Request {
  readonly #facts: EntryFacts;
  readonly #reading: Reading;

  constructor(facts: EntryFacts, reading: Reading) {
    if (facts.request === undefined) throw NOT_HTTP;
    super(facts.request, reading.host);
    this.#facts = facts;
    this.#reading = reading;
  }

  /** The entry tells of headers as they were forwarded, those that policies set included. */
  override without(): this {
    return this;
  }

  override get useragent(): string | undefined {
    return presence(this.#facts.details().userAgent) ?? super.useragent;
  }

  override get referer(): string | undefined {
    return presence(this.#facts.details().referer) ?? super.referer;
  }

  get forwarded_for(): string | undefined {
    return presence(this.#facts.details().forwardedFor);
  }

  get original_path(): string | undefined {
    return presence(this.#facts.details().originalPath);
  }

  get port(): bigint | undefined {
    return countOf(this.#facts.details().requestPort);
  }

  get headers_bytes(): bigint {
    return BigInt(this.#facts.details().requestHeadersBytes);
  }

  get total_size(): bigint {
    const { requestHeadersBytes, requestBodyBytes } = this.#facts.details();
    return BigInt(requestHeadersBytes + requestBodyBytes);
  }

  get duration(): object | undefined {
    return durationOf(this.#facts.durationMs, this.#reading);
  }

  get time_to_last_rx_byte(): object | undefined {
    return timeTo("last_rx_byte", this.#facts, this.#reading);
  }
}

/** `response.*` of an access-log entry. */
export class Response {
  readonly #facts: EntryFacts;
  readonly #reading: Reading;
  #headers: Map<string, string> | undefined;
  #trailers: Map<string, string> | undefined;

  constructor(facts: EntryFacts, reading: Reading) {
    this.#facts = facts;
    this.#reading = reading;
  }

  get code(): bigint | undefined {
    return countOf(this.#facts.responseCode);
  }

  get code_details(): string | undefined {
    return presence(this.#facts.responseCodeDetails);
  }

  get flags(): bigint {
    return flagBits(this.#facts.responseFlags);
  }

  get flag_codes(): readonly string[] {
    return flagCodes(this.#facts.responseFlags);
  }

  get grpc_status(): bigint | undefined {
    const status = isGrpc(this.#facts) ? grpcStatus(this.#facts) : undefined;
    return status === undefined ? undefined : BigInt(status);
  }

  get headers(): Map<string, string> {
    return (this.#headers ??= this.#facts.responseHeaders());
  }

  get trailers(): Map<string, string> {
    return (this.#trailers ??= this.#facts.responseTrailers());
  }

  get size(): bigint {
    return BigInt(this.#facts.details().responseBodyBytes);
  }

  get headers_bytes(): bigint {
    return BigInt(this.#facts.details().responseHeadersBytes);
  }

  get total_size(): bigint {
    const { responseHeadersBytes, responseBodyBytes } = this.#facts.details();
    return BigInt(responseHeadersBytes + responseBodyBytes);
  }

  get duration(): object | undefined {
    return timeTo("last_downstream_tx_byte", this.#facts, this.#reading);
  }

  get backend_latency(): object | undefined {
    const sent = this.#facts.timing("first_upstream_tx_byte");
    const received = this.#facts.timing("last_upstream_rx_byte");
    const isMeasured = sent !== undefined && received !== undefined && received >= sent;
    return isMeasured ? durationOf(received - sent, this.#reading) : undefined;
  }

  get time_to_first_tx_byte(): object | undefined {
    return timeTo("first_downstream_tx_byte", this.#facts, this.#reading);
  }

  get time_to_last_tx_byte(): object | undefined {
    return timeTo("last_downstream_tx_byte", this.#facts, this.#reading);
  }
}

const presence = (text: string): string | undefined => (text === "" ? undefined : text);

const countOf = (count: number | undefined): bigint | undefined =>
  count === undefined ? undefined : BigInt(count);

const durationOf = (ms: number | undefined, { duration }: Reading): object | undefined =>
  ms === undefined ? undefined : duration(ms);

/** One of the entry's durations, as a value of expressions. */
export const timeTo = (step: TimingStep, facts: EntryFacts, reading: Reading): object | undefined =>
  durationOf(facts.timing(step), reading);
