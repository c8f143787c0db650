import type { Attributes } from "../attributes/attributes.ts";
import type { Subject } from "./match.ts";

/** `namespace/service-account` of the called workload. */
export function destinationOf({ destination }: Attributes): string | undefined {
  const { namespace, service_account: serviceAccount } = destination;
  return namespace && serviceAccount && `${namespace}/${serviceAccount}`;
}

/** What the static parts of matches compare of a request. */
export const subjectOf = (attributes: Attributes): Subject => new RequestSubject(attributes);

/** What the static parts of matches compare, read when one of them does. A connection has a destination alone. */
class RequestSubject implements Subject {
  readonly #attributes: Attributes;
  readonly #isHttp: boolean;

  constructor(attributes: Attributes) {
    this.#attributes = attributes;
    this.#isHttp = attributes.kind === "http";
  }

  get host(): string {
    return this.#isHttp ? (this.#attributes.request.host ?? "") : "";
  }

  get method(): string {
    return this.#isHttp ? this.#attributes.request.method : "";
  }

  get segments(): readonly string[] | undefined {
    return this.#isHttp ? this.#attributes.request.path_segments : undefined;
  }

  get destination(): string | undefined {
    return destinationOf(this.#attributes);
  }

  get route(): string | undefined {
    return this.#attributes.context_extensions.get("weir.route");
  }
}
