import type { Attributes } from "../attributes/attributes.ts";
import { Auth, type Client, type Destination, type Source } from "../attributes/peer.ts";
import type { Request } from "../attributes/request.ts";
import type { Expression } from "../cel/expression.ts";
import type { Bindings } from "./match.ts";
import type { Policy } from "./snapshot.ts";

/** What decides how the expressions of one policy see a request. */
export interface View {
  /** Lower-case names of the request headers that the policy sets itself. */
  readonly ownedHeaders: ReadonlySet<string>;
  readonly identities: ReadonlyMap<string, MtlsIdentity>;
  /** In the order they are defined: each may read those before it. */
  readonly lets: ReadonlyMap<string, Expression>;
}

export interface MtlsIdentity {
  readonly trustDomains: ReadonlySet<string>;
}

/** Makes the contexts of one policy: one object a request, whose `let` names are evaluated at most once. */
export function contextMaker(view: View): Policy["context"] {
  if (view.lets.size === 0) return (attributes, bindings) => new Context(view, attributes, bindings);
  class ContextWithLets extends Context {
    /** No `let` can have this name: theirs have no capitals. */
    readonly letValues = new Map<string, unknown>();
  }
  for (const [name, expression] of view.lets) {
    Object.defineProperty(ContextWithLets.prototype, name, {
      get(this: ContextWithLets): unknown {
        if (!this.letValues.has(name)) this.letValues.set(name, expression.evaluate(this));
        return this.letValues.get(name);
      },
    });
  }
  return (attributes, bindings) => new ContextWithLets(view, attributes, bindings);
}

/** One property a variable of the environment; all but `path` are read from the attributes on demand. */
class Context {
  readonly path: Bindings;
  readonly #view: View;
  readonly #attributes: Attributes;
  #request: Request | undefined;
  #auth: Auth | undefined;

  constructor(view: View, attributes: Attributes, bindings: Bindings) {
    this.#view = view;
    this.#attributes = attributes;
    this.path = bindings;
  }

  get request(): Request {
    const { ownedHeaders } = this.#view;
    const { request } = this.#attributes;
    return (this.#request ??= ownedHeaders.size === 0 ? request : request.without(ownedHeaders));
  }

  get auth(): Auth {
    return (this.#auth ??= authenticate(this.#view.identities, this.#attributes));
  }

  get client(): Client {
    return this.#attributes.client;
  }

  get source(): Source {
    return this.#attributes.source;
  }

  get destination(): Destination {
    return this.#attributes.destination;
  }

  get context_extensions(): Map<string, string> {
    return this.#attributes.context_extensions;
  }

  get metadata(): Map<string, unknown> {
    return this.#attributes.metadata;
  }
}

/** The identities that hold, by name. What a test gives replaces what the request proves. */
function authenticate(identities: View["identities"], attributes: Attributes): Auth {
  const auth = new Auth();
  for (const [name, identity] of identities) {
    const given = attributes.givenIdentities;
    const workload = given === undefined ? attributes.workload(identity.trustDomains) : given.get(name);
    if (workload !== undefined) auth.set(name, workload);
  }
  return auth;
}
