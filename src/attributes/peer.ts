import { Ip } from "../std/ip.ts";
import type { PeerFacts } from "./facts.ts";
import type { Reading } from "./attributes.ts";
import type { SpiffeId } from "./spiffe.ts";

/**
 * `source.*` or `destination.*`. The names that a certificate gives exist only inside the trust domains
 * of weir.yaml: what a foreign authority signed is not evidence here.
 */
abstract class Peer {
  readonly #facts: PeerFacts;
  readonly #reading: Reading;
  #ip: Ip | undefined | null = null;
  #presented: SpiffeId | undefined | null = null;

  constructor(facts: PeerFacts, reading: Reading) {
    this.#facts = facts;
    this.#reading = reading;
  }

  get ip(): Ip | undefined {
    if (this.#ip === null) this.#ip = Ip.parse(this.#facts.address);
    return this.#ip;
  }

  get port(): bigint | undefined {
    return this.#facts.port === undefined ? undefined : BigInt(this.#facts.port);
  }

  get principal(): string | undefined {
    return this.spiffeId?.id;
  }

  get namespace(): string | undefined {
    return this.spiffeId?.namespace;
  }

  get service_account(): string | undefined {
    return this.spiffeId?.serviceAccount;
  }

  /** The certificate's name when it is a SPIFFE id of one of our trust domains. */
  get spiffeId(): SpiffeId | undefined {
    const { presented } = this;
    return presented && this.#reading.trustDomains.has(presented.trustDomain) ? presented : undefined;
  }

  /** The certificate's name when it is a SPIFFE id, of whatever trust domain. */
  get presented(): SpiffeId | undefined {
    if (this.#presented === null) this.#presented = this.#readSpiffeId();
    return this.#presented;
  }

  /**
   * Envoy names the first of several URI SANs, and two are no identity (X509-SVID section 2). So where the certificate
   * itself is sent, what it says must be the same, and all that it says.
   */
  #readSpiffeId(): SpiffeId | undefined {
    const { principal, certificate } = this.#facts;
    const named = this.#reading.spiffeId(principal);
    if (named === undefined || certificate === "") return named;
    const uris = this.#reading.certificate(certificate)?.uris;
    return uris?.length === 1 && uris[0] === principal ? named : undefined;
  }
}

export class Source extends Peer {}

export class Destination extends Peer {}

/** `client.*`: who asks, as weir.yaml's `clientAddress` tells it. */
export class Client {
  readonly ip: Ip | undefined;
  constructor(ip: Ip | undefined) {
    this.ip = ip;
  }
}

/** `auth.workload`: the identity that a peer's certificate proves. */
export class Workload {
  readonly id: string;
  readonly trust_domain: string;
  readonly namespace: string | undefined;
  readonly service_account: string | undefined;
  constructor(spiffeId: SpiffeId) {
    this.id = spiffeId.id;
    this.trust_domain = spiffeId.trustDomain;
    this.namespace = spiffeId.namespace;
    this.service_account = spiffeId.serviceAccount;
  }
}
