import type { ProxyFacts } from "./facts.ts";

/**
 * What the Envoy that asks is: a gateway, whose callers reach it under hosts that it serves, or a sidecar, to which
 * a caller can send any host.
 */
export type ProxyRole = "gateway" | "sidecar";

/** `proxy.*`: the Envoy that asks. */
export class Proxy {
  readonly #facts: ProxyFacts;
  readonly #roleOf: (proxy: ProxyFacts) => ProxyRole;

  constructor(facts: ProxyFacts, roleOf: (proxy: ProxyFacts) => ProxyRole) {
    this.#facts = facts;
    this.#roleOf = roleOf;
  }

  get principal(): string | undefined {
    return this.#facts.principal;
  }

  get role(): ProxyRole {
    return this.#roleOf(this.#facts);
  }
}
