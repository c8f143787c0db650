/**
 * The static part of `match`: what is compared before any expression runs, and so what the index knows.
 * Within a key the values are alternatives; all keys must hold.
 */
export interface Match {
  readonly protocol: "http" | "tcp";
  readonly hosts: readonly HostPattern[] | undefined;
  /** From `paths` or, as two literal segments, from `grpc`. */
  readonly paths: readonly PathPattern[] | undefined;
  readonly methods: ReadonlySet<string> | undefined;
  /** `namespace/service-account` of the called workload. */
  readonly destinations: ReadonlySet<string> | undefined;
  /** Of the context extension `weir.route`. */
  readonly routes: ReadonlySet<string> | undefined;
}

/** `name` is compared whole; with `suffix`, `*.name` matches any name of one or more labels before it. */
export interface HostPattern {
  readonly kind: "exact" | "suffix";
  readonly name: string;
}

/** Whole segments of the canonical path. */
export interface PathPattern {
  readonly segments: readonly PathSegment[];
  /** `**` at the end: zero or more further segments. */
  readonly tail: "none" | "any";
}

export type PathSegment =
  | { readonly kind: "literal"; readonly text: string }
  /** `{name}`: one segment that is not empty. */
  | { readonly kind: "capture"; readonly name: string };

/** What of a request the static parts compare. */
export interface Subject {
  readonly host: string;
  readonly method: string;
  /** Undefined for `*` and for the authority form: no path pattern matches them. */
  readonly segments: readonly string[] | undefined;
  readonly destination: string | undefined;
  readonly route: string | undefined;
}

/** What the pattern that matched binds: `path.owner`. */
export type Bindings = ReadonlyMap<string, string>;

/** What a match without path patterns binds. */
export const NO_BINDINGS: Bindings = new Map();

/** The bindings of the first path pattern that matches, or undefined when the policy does not match. */
export function matches(match: Match, subject: Subject): Bindings | undefined {
  if (match.methods !== undefined && !match.methods.has(subject.method)) return undefined;
  if (match.destinations !== undefined && !isMember(match.destinations, subject.destination))
    return undefined;
  if (match.routes !== undefined && !isMember(match.routes, subject.route)) return undefined;
  if (match.hosts !== undefined && !match.hosts.some((host) => hostMatches(host, subject.host)))
    return undefined;
  if (match.paths === undefined) return NO_BINDINGS;
  if (subject.segments === undefined) return undefined;
  for (const path of match.paths) {
    const bindings = pathMatches(path, subject.segments);
    if (bindings !== undefined) return bindings;
  }
  return undefined;
}

/** The keys of a match that do not fit, for telling why a policy does not apply. */
export function misfitting(match: Match, subject: Subject): readonly MatchKey[] {
  return MATCH_KEYS.filter(
    (key) => matches({ ...EVERYTHING, protocol: match.protocol, [key]: match[key] }, subject) === undefined,
  );
}

export type MatchKey = Exclude<keyof Match, "protocol">;

const MATCH_KEYS: readonly MatchKey[] = ["hosts", "paths", "methods", "destinations", "routes"];

const EVERYTHING: Omit<Match, "protocol"> = {
  hosts: undefined,
  paths: undefined,
  methods: undefined,
  destinations: undefined,
  routes: undefined,
};

const isMember = (set: ReadonlySet<string>, value: string | undefined): boolean =>
  value !== undefined && set.has(value);

const hostMatches = (pattern: HostPattern, host: string): boolean =>
  pattern.kind === "exact" ? host === pattern.name : isBelow(host, pattern.name);

const isBelow = (host: string, name: string): boolean =>
  host.length > name.length + 1 && host.endsWith(name) && host[host.length - name.length - 1] === ".";

function pathMatches(pattern: PathPattern, segments: readonly string[]): Bindings | undefined {
  const { length } = pattern.segments;
  if (segments.length < length || (pattern.tail === "none" && segments.length > length)) return undefined;
  let bindings: Map<string, string> | undefined;
  for (let index = 0; index < length; index++) {
    const wanted = pattern.segments[index];
    const found = segments[index];
    if (wanted === undefined || found === undefined) return undefined;
    if (wanted.kind === "literal") {
      if (wanted.text !== found) return undefined;
    } else {
      if (found === "") return undefined;
      bindings = (bindings ?? new Map<string, string>()).set(wanted.name, found);
    }
  }
  return bindings ?? NO_BINDINGS;
}

/** Whether some request can match both. Errs towards yes: what `when` says is not known here. */
export function canOverlap(left: Match, right: Match): boolean {
  return (
    left.protocol === right.protocol &&
    setsOverlap(left.methods, right.methods) &&
    setsOverlap(left.destinations, right.destinations) &&
    setsOverlap(left.routes, right.routes) &&
    someOverlap(left.hosts, right.hosts, hostsOverlap) &&
    someOverlap(left.paths, right.paths, pathsOverlap)
  );
}

const setsOverlap = (
  left: ReadonlySet<string> | undefined,
  right: ReadonlySet<string> | undefined,
): boolean => left === undefined || right === undefined || !left.isDisjointFrom(right);

const someOverlap = <T>(
  left: readonly T[] | undefined,
  right: readonly T[] | undefined,
  overlap: (one: T, other: T) => boolean,
): boolean =>
  left === undefined || right === undefined || left.some((one) => right.some((other) => overlap(one, other)));

function hostsOverlap(left: HostPattern, right: HostPattern): boolean {
  if (left.kind === "exact") return hostMatches(right, left.name);
  if (right.kind === "exact") return hostMatches(left, right.name);
  return left.name === right.name || isBelow(left.name, right.name) || isBelow(right.name, left.name);
}

/** Whether every host that `inner` matches is one that `outer` matches. */
export const hostsWithin = (inner: HostPattern, outer: HostPattern): boolean =>
  inner.kind === "exact"
    ? hostMatches(outer, inner.name)
    : outer.kind === "suffix" && (inner.name === outer.name || isBelow(inner.name, outer.name));

function pathsOverlap(left: PathPattern, right: PathPattern): boolean {
  const common = Math.min(left.segments.length, right.segments.length);
  for (let index = 0; index < common; index++) {
    if (!segmentsOverlap(left.segments[index], right.segments[index])) return false;
  }
  if (left.segments.length > common) return right.tail === "any";
  if (right.segments.length > common) return left.tail === "any";
  return true;
}

function segmentsOverlap(left: PathSegment | undefined, right: PathSegment | undefined): boolean {
  if (left === undefined || right === undefined) return true;
  if (left.kind === "capture") return right.kind === "capture" || right.text !== "";
  return right.kind === "capture" ? left.text !== "" : left.text === right.text;
}
