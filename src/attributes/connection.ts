import type { CheckFacts } from "./facts.ts";
import { canonicalHost } from "./host.ts";
import type { Reading } from "./attributes.ts";

/** `connection.*`: what TLS says of the connection. A getter that yields undefined is an attribute without value. */
export class Connection {
  readonly #facts: CheckFacts;
  readonly #reading: Reading;

  constructor(facts: CheckFacts, reading: Reading) {
    this.#facts = facts;
    this.#reading = reading;
  }

  /** In lower case, as `request.host`; undefined where the peer sent none, or no name of a host. */
  get requested_server_name(): string | undefined {
    const { serverName } = this.#facts;
    return serverName.includes(":") ? undefined : canonicalHost(serverName);
  }

  get peer_certificate(): string | undefined {
    const { certificate } = this.#facts.source;
    return certificate === "" ? undefined : this.#reading.certificate(certificate)?.pem;
  }
}
