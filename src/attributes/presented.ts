import type { Attributes } from "./attributes.ts";

const NO_HEADERS: ReadonlyMap<string, string> = new Map();

/** What credentials are taken from, each part decoded when a verifier looks at it. A TCP connection presents none. */
export class Presented {
  readonly #attributes: Attributes;

  constructor(attributes: Attributes) {
    this.#attributes = attributes;
  }

  /** By lower-case name, repeated ones joined with commas. */
  get headers(): ReadonlyMap<string, string> {
    return this.#attributes.kind === "http" ? this.#attributes.request.headers : NO_HEADERS;
  }

  /** Undefined where Envoy joined them already. */
  get headersAll(): ReadonlyMap<string, readonly string[]> | undefined {
    return this.#attributes.kind === "http" ? this.#attributes.request.headerLines : undefined;
  }

  /** Undefined where the query cannot be read. */
  get query(): ReadonlyMap<string, readonly string[]> | undefined {
    return this.#attributes.kind === "http" ? this.#attributes.request.query_params : undefined;
  }

  /** The address of who asks; empty where it is not known. */
  get client(): string {
    return this.#attributes.client.ip?.toString() ?? "";
  }
}
