import type { Attributes } from "../attributes/attributes.ts";
import { encodeParameter, parameterSpellings } from "../attributes/path.ts";
import { Unknown } from "../cel/expression.ts";
import type { Effects, NamedText } from "../policy/effects.ts";
import type { Policy } from "../policy/snapshot.ts";
import { Faults } from "./faults.ts";
import type { Texts } from "./rules.ts";
import { headerText } from "./texts.ts";
import type { Allowed, Decider, HeaderValue, Verdict } from "./verdict.ts";

/** The reason why a request passes: an allow rule that holds, a `default: allow`, or a word of the operator's. */
export interface Grant {
  readonly by: Decider;
  readonly effects: readonly Effects[];
  readonly context: object;
  /** What was rendered already. */
  readonly texts: Texts;
}

/** All reasons of one request, and the policies that have a say in its headers. */
export interface Granted {
  readonly grants: readonly [Grant, ...Grant[]];
  readonly enforced: readonly { readonly policy: Policy }[];
  /** Undefined where no effect needs them. */
  readonly attributes?: Attributes;
}

/**
 * The only place that says yes, and only to grants. A request header that an enforced rule of any of the
 * policies sets is either set here or removed: the client's own copy never passes, nor one that is spelt
 * with `_` for `-`, which many servers take for the same. A value that cannot be had is a fault like any
 * other, and then nothing passes.
 */
export function allow({ grants, enforced, attributes }: Granted): Verdict {
  const faults = new Faults();
  const passing = new Passing(faults, attributes);
  for (const { policy } of enforced) for (const name of policy.ownedHeaders) passing.removed.add(name);
  for (const grant of grants) for (const effects of grant.effects) passing.replace(effects, grant);
  for (const grant of grants) for (const effects of grant.effects) passing.append(effects, grant);
  return faults.verdict() ?? passing.verdict(grants);
}

/** Gathers what all grants do. */
class Passing {
  readonly removed = new Set<string>();
  readonly #faults: Faults;
  readonly #attributes: Attributes | undefined;
  readonly #requestSet = new Map<string, string>();
  readonly #responseSet: HeaderValue[] = [];
  readonly #responseAppend: HeaderValue[] = [];
  readonly #querySet: HeaderValue[] = [];
  readonly #queryRemove = new Set<string>();
  readonly #metadata: HeaderValue[] = [];

  constructor(faults: Faults, attributes: Attributes | undefined) {
    this.#faults = faults;
    this.#attributes = attributes;
  }

  /** What takes the place of what was there, and what is taken away. */
  replace(effects: Effects, grant: Grant): void {
    this.#render(effects.requestSet, grant, (name, value) => void this.#requestSet.set(name, value));
    for (const name of effects.requestRemove) this.removed.add(name);
    this.#collect(effects.querySet, grant, this.#querySet);
    // One that is set to nothing is removed, so the client's own copy never passes in its place.
    for (const { name } of effects.querySet) this.#queryRemove.add(name);
    for (const name of effects.queryRemove) this.#queryRemove.add(name);
    this.#collect(effects.responseSet, grant, this.#responseSet);
    this.#collect(effects.metadata, grant, this.#metadata);
  }

  /** What comes behind it, when all that is replaced or removed is known. */
  append(effects: Effects, grant: Grant): void {
    this.#render(effects.requestAppend, grant, (name, value) => this.#append(name, value));
    this.#collect(effects.responseAppend, grant, this.#responseAppend);
  }

  verdict(grants: readonly [Grant, ...Grant[]]): Allowed {
    if (this.removed.size > 0 && this.#attributes?.kind === "http")
      addRespelt(this.removed, this.#attributes);
    for (const name of this.#requestSet.keys()) this.removed.delete(name);
    return {
      kind: "allow",
      by: grants[0].by,
      grants: grants.map(({ by }) => by),
      requestSet: [...this.#requestSet],
      requestRemove: [...this.removed],
      querySet: this.#querySet,
      queryRemove: this.#spellings(),
      responseSet: this.#responseSet,
      responseAppend: this.#responseAppend,
      metadata: this.#metadata,
    };
  }

  /** Envoy compares the names of parameters as they are written, and servers as they decode. */
  #spellings(): readonly string[] {
    if (this.#queryRemove.size === 0) return NO_NAMES;
    const spellings = new Set(Array.from(this.#queryRemove, encodeParameter));
    const query = this.#attributes?.kind === "http" ? (this.#attributes.request.query ?? "") : "";
    for (const written of parameterSpellings(query, this.#queryRemove)) spellings.add(written);
    for (const [name] of this.#querySet) spellings.delete(encodeParameter(name));
    return [...spellings];
  }

  /**
   * What several append comes together behind what the request had, in one value that every Envoy reads alike. A copy
   * of the client's that would be removed is not among it.
   */
  #append(name: string, value: string): void {
    const sent = this.removed.has(name) ? undefined : this.#attributes?.request.headers.get(name);
    const before = this.#requestSet.get(name) ?? sent;
    this.#requestSet.set(name, before === undefined || before === "" ? value : `${before},${value}`);
  }

  /**
   * What an empty value becomes depends on Envoy's version and `keep_empty_value`, so it is left out: a request header
   * is then removed, on all of them.
   */
  #render(
    texts: readonly NamedText[],
    { context, by, texts: known }: Grant,
    use: (name: string, value: string) => void,
  ): void {
    for (const { name, value } of texts) {
      const text = known.get(value) ?? headerText(value.render(context));
      if (text instanceof Unknown) this.#faults.note(text.fault, by);
      else if (text !== "") use(name, text);
    }
  }

  #collect(texts: readonly NamedText[], grant: Grant, into: HeaderValue[]): void {
    if (texts.length > 0) this.#render(texts, grant, (name, value) => void into.push([name, value]));
  }
}

const NO_NAMES: readonly string[] = [];

/**
 * The request's headers that CGI, WSGI and their like cannot tell from one of the names
 * (RFC 3875 section 4.1.18). Few have a `_`, and without one on either side there is nothing to mistake.
 */
function addRespelt(names: Set<string>, { request }: Attributes): void {
  const own = [...names];
  const isPlain = !own.some((name) => name.includes("_"));
  let hyphened: ReadonlySet<string> | undefined;
  for (const name of request.headers.keys()) {
    if (isPlain && !name.includes("_")) continue;
    hyphened ??= new Set(own.map(withHyphens));
    if (hyphened.has(withHyphens(name))) names.add(name);
  }
}

const withHyphens = (name: string): string => name.replaceAll("_", "-");
