import { Ip } from "../std/ip.ts";
import type { Reading } from "./attributes.ts";
import { Connection } from "./connection.ts";
import { directionOf } from "./direction.ts";
import type { AddressFacts, AddressOf, CertificateFacts, EntryFacts, TlsFacts } from "./entry-facts.ts";
import { timeTo } from "./entry-request.ts";

const NO_CERTIFICATE: CertificateFacts = { uris: [], dnsNames: [], subject: "", issuer: "" };

/** `connection.*` of an access-log entry. */
export class EntryConnection extends Connection {
  readonly #facts: EntryFacts;
  #tls: TlsFacts | undefined | null = null;

  constructor(facts: EntryFacts, reading: Reading) {
    super(facts, reading);
    this.#facts = facts;
  }

  /** Whether there is something of a certificate of the caller's: TLS that was only sniffed has none. */
  get mtls(): boolean {
    const { uris, dnsNames, subject, issuer } = this.#peer;
    return uris.length > 0 || dnsNames.length > 0 || subject !== "" || issuer !== "";
  }

  /** No field of an entry has it: the logger's custom tag of this name does. */
  get id(): bigint | undefined {
    const number = this.#facts.customTag("connection.id");
    return number === undefined || !/^\d{1,18}$/.test(number) ? undefined : BigInt(number);
  }

  get tls_version(): string | undefined {
    return presence(this.#ownTls?.version);
  }

  get tls_cipher_suite(): bigint | undefined {
    const suite = this.#ownTls?.cipherSuite;
    return suite === undefined ? undefined : BigInt(suite);
  }

  get tls_session_id(): string | undefined {
    return presence(this.#ownTls?.sessionId);
  }

  get ja3_fingerprint(): string | undefined {
    return presence(this.#ownTls?.ja3);
  }

  get uri_san_peer_certificate(): string | undefined {
    return this.#peer.uris[0];
  }

  get uri_san_local_certificate(): string | undefined {
    return this.#local.uris[0];
  }

  get dns_san_peer_certificate(): string | undefined {
    return this.#peer.dnsNames[0];
  }

  get dns_san_local_certificate(): string | undefined {
    return this.#local.dnsNames[0];
  }

  get subject_peer_certificate(): string | undefined {
    return presence(this.#peer.subject);
  }

  get subject_local_certificate(): string | undefined {
    return presence(this.#local.subject);
  }

  get issuer_peer_certificate(): string | undefined {
    return presence(this.#peer.issuer);
  }

  get issuer_local_certificate(): string | undefined {
    return presence(this.#local.issuer);
  }

  get transport_failure_reason(): string | undefined {
    return presence(this.#facts.details().downstreamTransportFailureReason);
  }

  get termination_details(): string | undefined {
    return presence(this.#facts.details().connectionTerminationDetails);
  }

  get remote_ip(): Ip | undefined {
    return ipOf(this.#facts, "downstream_remote");
  }

  get direct_remote_ip(): Ip | undefined {
    return ipOf(this.#facts, "downstream_direct_remote");
  }

  get received_bytes(): bigint | undefined {
    return this.#carried("received");
  }

  get sent_bytes(): bigint | undefined {
    return this.#carried("sent");
  }

  get wire_bytes_received(): bigint {
    return BigInt(this.#facts.downstreamBytes.received);
  }

  get wire_bytes_sent(): bigint {
    return BigInt(this.#facts.downstreamBytes.sent);
  }

  get header_bytes_received(): bigint {
    return BigInt(this.#facts.details().downstreamHeaderBytes.received);
  }

  get header_bytes_sent(): bigint {
    return BigInt(this.#facts.details().downstreamHeaderBytes.sent);
  }

  #carried(way: "received" | "sent"): bigint | undefined {
    return this.#facts.kind === "tcp" ? BigInt(this.#facts.connectionBytes[way]) : undefined;
  }

  get #ownTls(): TlsFacts | undefined {
    if (this.#tls === null) this.#tls = this.#facts.tls();
    return this.#tls;
  }

  get #peer(): CertificateFacts {
    return this.#ownTls?.peer ?? NO_CERTIFICATE;
  }

  get #local(): CertificateFacts {
    return this.#ownTls?.local ?? NO_CERTIFICATE;
  }
}

/** `upstream.*`: where Envoy sent the request or connection on to. */
export class Upstream {
  readonly #facts: EntryFacts;
  readonly #reading: Reading;

  constructor(facts: EntryFacts, reading: Reading) {
    this.#facts = facts;
    this.#reading = reading;
  }

  get address(): string | undefined {
    return addressText(this.#facts.address("upstream_remote"));
  }

  get port(): bigint | undefined {
    const port = this.#facts.address("upstream_remote")?.port;
    return port === undefined ? undefined : BigInt(port);
  }

  get local_address(): string | undefined {
    return addressText(this.#facts.address("upstream_local"));
  }

  get transport_failure_reason(): string | undefined {
    return presence(this.#facts.details().upstreamTransportFailureReason);
  }

  get request_attempt_count(): bigint {
    return BigInt(this.#facts.details().upstreamRequestAttemptCount);
  }

  /** As `connection.id`. */
  get tls_version(): string | undefined {
    const version = this.#facts.customTag("upstream.tls_version");
    return version === "-" ? undefined : presence(version);
  }

  get time_to_first_tx_byte(): object | undefined {
    return timeTo("first_upstream_tx_byte", this.#facts, this.#reading);
  }

  get time_to_last_tx_byte(): object | undefined {
    return timeTo("last_upstream_tx_byte", this.#facts, this.#reading);
  }

  get time_to_first_rx_byte(): object | undefined {
    return timeTo("first_upstream_rx_byte", this.#facts, this.#reading);
  }

  get time_to_last_rx_byte(): object | undefined {
    return timeTo("last_upstream_rx_byte", this.#facts, this.#reading);
  }

  get wire_bytes_sent(): bigint {
    return BigInt(this.#facts.upstreamBytes.sent);
  }

  get wire_bytes_received(): bigint {
    return BigInt(this.#facts.upstreamBytes.received);
  }

  get header_bytes_sent(): bigint {
    return BigInt(this.#facts.details().upstreamHeaderBytes.sent);
  }

  get header_bytes_received(): bigint {
    return BigInt(this.#facts.details().upstreamHeaderBytes.received);
  }
}

/** `xds.*`: what of Envoy's configuration the request or connection went by. */
export class Xds {
  readonly #facts: EntryFacts;

  constructor(facts: EntryFacts) {
    this.#facts = facts;
  }

  get cluster_name(): string | undefined {
    return presence(this.#facts.upstreamCluster);
  }

  get route_name(): string | undefined {
    return presence(this.#facts.routeName);
  }

  get listener_direction(): string | undefined {
    return directionOf(this.#facts);
  }
}

/** `192.0.2.1:80`, `[2001:db8::1]:80`; what has no port is the path or name alone. */
export function addressText(address: AddressFacts | undefined): string | undefined {
  if (address === undefined || address.address === "") return undefined;
  if (address.port === undefined) return address.address;
  return address.address.includes(":")
    ? `[${address.address}]:${address.port}`
    : `${address.address}:${address.port}`;
}

const ipOf = (facts: EntryFacts, of: AddressOf): Ip | undefined => Ip.parse(facts.address(of)?.address ?? "");

const presence = (text: string | undefined): string | undefined => (text === "" ? undefined : text);
