import type { Attributes } from "../attributes/attributes.ts";
import type { Expression } from "../cel/expression.ts";
import { UNKNOWN } from "../cel/expression.ts";
import { Auth, type Evidence } from "./evidence.ts";
import type { Identity } from "./identity.ts";
import type { Bindings } from "./match.ts";
import type { Policy, PolicyContext } from "./snapshot.ts";

/** What decides how the expressions of one policy see a request. */
export interface View {
  /** Lower-case names of the request headers that the policy sets itself. */
  readonly ownedHeaders: ReadonlySet<string>;
  /** Its own and those of the shared files that it uses. */
  readonly identities: ReadonlyMap<string, Identity>;
  /** In the order they are defined: each may read those before it. */
  readonly lets: ReadonlyMap<string, Expression>;
  /** Names of answers. */
  readonly answers: Iterable<string>;
  /** By name; the names are those that expressions use. */
  readonly shared: ReadonlyMap<string, SharedLets>;
  readonly data: object | undefined;
}

/** The `let` names of one shared file, as a value that expressions read fields of. */
export interface SharedLets {
  readonly constructedBy: SharedClass;
}

type SharedClass = new (base: Roots) => object;

/** The variables that expressions of every policy have. */
interface Roots {
  readonly request: unknown;
  readonly auth: unknown;
  readonly client: unknown;
  readonly source: unknown;
  readonly destination: unknown;
  readonly connection: unknown;
  readonly proxy: unknown;
  readonly context_extensions: unknown;
  readonly metadata: unknown;
}

/** Makes the contexts of one policy: one object a request, whose `let` names are evaluated at most once. */
export function contextMaker(view: View): Policy["context"] {
  const answers = [...view.answers];
  if (view.lets.size + view.shared.size + answers.length === 0)
    return (attributes, bindings, evidence) => new Context(view, { attributes, bindings, evidence });
  class OwnContext extends Context {
    // No name of a policy can be this one, or that of a method: theirs have no capitals.
    readonly ownValues = new Map<string, unknown>();

    override takeAnswer(as: string, value: unknown): void {
      this.ownValues.set(as, value);
    }

    override forgetDerived(): void {
      for (const name of view.lets.keys()) this.ownValues.delete(name);
      for (const name of view.shared.keys()) this.ownValues.delete(name);
    }
  }
  const define = (name: string, value: (context: OwnContext) => unknown): void => {
    Object.defineProperty(OwnContext.prototype, name, {
      get(this: OwnContext): unknown {
        if (!this.ownValues.has(name)) this.ownValues.set(name, value(this));
        return this.ownValues.get(name);
      },
    });
  };
  for (const [name, expression] of view.lets) define(name, (context) => expression.evaluate(context));
  for (const [name, { constructedBy: Shared }] of view.shared) define(name, (context) => new Shared(context));
  for (const name of answers) {
    Object.defineProperty(OwnContext.prototype, name, {
      get(this: OwnContext): unknown {
        return this.ownValues.has(name) ? this.ownValues.get(name) : UNKNOWN.ours;
      },
    });
  }
  return (attributes, bindings, evidence) => new OwnContext(view, { attributes, bindings, evidence });
}

/** What a context reads from. */
interface Sources {
  readonly attributes: Attributes;
  readonly bindings: Bindings;
  readonly evidence: Evidence;
}

/** One property a variable of the environment; all but `path` are read from the attributes on demand. */
class Context implements Roots, PolicyContext {
  readonly path: Bindings;
  readonly #view: View;
  readonly #attributes: Attributes;
  readonly #evidence: Evidence;
  #request: unknown;
  #auth: Auth | undefined;

  constructor(view: View, { attributes, bindings, evidence }: Sources) {
    this.#view = view;
    this.#attributes = attributes;
    this.#evidence = evidence;
    this.path = bindings;
  }

  takeAnswer(...[as]: [as: string, value: unknown]): void {
    throw new Error(`the policy has no answer ${as}`);
  }

  forgetDerived(): void {
    // There is nothing that depends on answers.
  }

  get request(): unknown {
    const { ownedHeaders } = this.#view;
    const { request } = this.#attributes;
    return (this.#request ??= ownedHeaders.size === 0 ? request : request.without(ownedHeaders));
  }

  get auth(): Auth {
    return (this.#auth ??= new Auth(this.#view.identities, this.#evidence));
  }

  get data(): object | undefined {
    return this.#view.data;
  }

  get client(): unknown {
    return this.#attributes.client;
  }

  get source(): unknown {
    return this.#attributes.source;
  }

  get destination(): unknown {
    return this.#attributes.destination;
  }

  get connection(): unknown {
    return this.#attributes.connection;
  }

  get proxy(): unknown {
    return this.#attributes.proxy;
  }

  get context_extensions(): unknown {
    return this.#attributes.context_extensions;
  }

  get metadata(): unknown {
    return this.#attributes.metadata;
  }
}

/**
 * The class of a shared file's names. One object a request and policy is both the value `platform`, with a property
 * a name, and what the file's own expressions are evaluated on; `data` is the file's own.
 */
export function sharedClass(lets: ReadonlyMap<string, Expression>, data: object | undefined): SharedClass {
  class Shared extends SharedContext {
    // As in OwnContext.
    readonly ownValues = new Map<string, unknown>();

    get data(): object | undefined {
      return data;
    }
  }
  for (const [name, expression] of lets) {
    Object.defineProperty(Shared.prototype, name, {
      get(this: Shared): unknown {
        if (!this.ownValues.has(name)) this.ownValues.set(name, expression.evaluate(this));
        return this.ownValues.get(name);
      },
    });
  }
  return Shared;
}

/** What the expressions of a shared file see: the request as the policy sees it that uses the file. */
class SharedContext implements Roots {
  readonly #base: Roots;

  constructor(base: Roots) {
    this.#base = base;
  }

  get request(): unknown {
    return this.#base.request;
  }

  get auth(): unknown {
    return this.#base.auth;
  }

  get client(): unknown {
    return this.#base.client;
  }

  get source(): unknown {
    return this.#base.source;
  }

  get destination(): unknown {
    return this.#base.destination;
  }

  get connection(): unknown {
    return this.#base.connection;
  }

  get proxy(): unknown {
    return this.#base.proxy;
  }

  get context_extensions(): unknown {
    return this.#base.context_extensions;
  }

  get metadata(): unknown {
    return this.#base.metadata;
  }
}
