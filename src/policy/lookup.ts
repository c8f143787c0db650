import { matches, type Bindings, type Match, type Subject } from "./match.ts";

/** What the index needs of a policy; `order` is its place among all policies, by name. */
export interface Indexed {
  readonly match: Match;
  readonly order: number;
}

/** Finds the policies whose static parts match a request without walking the others. */
export interface Lookup<P extends Indexed> {
  /** In order, each with what its path pattern binds. */
  find(subject: Subject): readonly Found<P>[];
}

export interface Found<P> {
  readonly policy: P;
  readonly bindings: Bindings;
}

/**
 * Each policy stands under one kind of key, the first it has of hosts, destinations, paths: those divide
 * policies best. What is found there is then compared in full, so the index decides speed, never a verdict.
 */
export function buildLookup<P extends Indexed>(policies: readonly P[]): Lookup<P> {
  const shelves = new Shelves<P>();
  for (const policy of policies) shelves.add(policy);
  return {
    find(subject) {
      const found: Found<P>[] = [];
      let previous = -1;
      for (const policy of shelves.candidates(subject)) {
        if (policy.order === previous) continue;
        previous = policy.order;
        const bindings = matches(policy.match, subject);
        if (bindings !== undefined) found.push({ policy, bindings });
      }
      return found;
    },
  };
}

/** Policies by the first literal segment of their path; those that begin otherwise are on `others`. */
class Shelf<P extends Indexed> {
  readonly #byFirstSegment = new Map<string, P[]>();
  readonly #others: P[] = [];

  add(policy: P): void {
    const firsts = firstSegments(policy.match);
    if (firsts === undefined) this.#others.push(policy);
    else for (const first of firsts) append(this.#byFirstSegment, first, policy);
  }

  collect(subject: Subject, into: P[]): void {
    into.push(...this.#others);
    if (this.#byFirstSegment.size === 0) return;
    const first = subject.segments?.[0];
    if (first !== undefined) into.push(...(this.#byFirstSegment.get(first) ?? []));
  }
}

class Shelves<P extends Indexed> {
  readonly #byHost = new Map<string, Shelf<P>>();
  readonly #bySuffix = new Map<string, Shelf<P>>();
  readonly #byDestination = new Map<string, Shelf<P>>();
  readonly #rest = new Shelf<P>();

  add(policy: P): void {
    const { hosts, destinations } = policy.match;
    if (hosts !== undefined) {
      for (const host of hosts)
        shelf(host.kind === "exact" ? this.#byHost : this.#bySuffix, host.name).add(policy);
    } else if (destinations !== undefined) {
      for (const destination of destinations) shelf(this.#byDestination, destination).add(policy);
    } else {
      this.#rest.add(policy);
    }
  }

  /** In order; a policy may come twice in a row. */
  candidates(subject: Subject): readonly P[] {
    const candidates: P[] = [];
    this.#rest.collect(subject, candidates);
    this.#byHost.get(subject.host)?.collect(subject, candidates);
    if (this.#bySuffix.size > 0) this.#collectSuffixes(subject, candidates);
    if (this.#byDestination.size > 0) {
      this.#byDestination.get(subject.destination ?? "")?.collect(subject, candidates);
    }
    return candidates.length < 2 ? candidates : candidates.sort((left, right) => left.order - right.order);
  }

  #collectSuffixes(subject: Subject, into: P[]): void {
    const { host } = subject;
    for (let dot = host.indexOf("."); dot !== -1; dot = host.indexOf(".", dot + 1)) {
      this.#bySuffix.get(host.slice(dot + 1))?.collect(subject, into);
    }
  }
}

/** Undefined when some path of the policy does not begin with a literal segment, or it has no paths. */
function firstSegments(match: Match): ReadonlySet<string> | undefined {
  if (match.paths === undefined) return undefined;
  const firsts = new Set<string>();
  for (const path of match.paths) {
    const first = path.segments[0];
    if (first?.kind !== "literal") return undefined;
    firsts.add(first.text);
  }
  return firsts;
}

function shelf<P extends Indexed>(shelves: Map<string, Shelf<P>>, key: string): Shelf<P> {
  const known = shelves.get(key);
  if (known !== undefined) return known;
  const fresh = new Shelf<P>();
  shelves.set(key, fresh);
  return fresh;
}

function append<P>(lists: Map<string, P[]>, key: string, value: P): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
