import { problem } from "./diagnostic.ts";
import type { HostPattern, Match, PathPattern } from "./match.ts";
import {
  isDestination,
  isMethod,
  readGrpcPattern,
  readHostPattern,
  readPathPattern,
  type Read,
} from "./patterns.ts";
import type { WrittenMatch } from "./policy-file.ts";
import type { Scope } from "./scope.ts";

const EVERYTHING: Match = {
  protocol: "http",
  hosts: undefined,
  paths: undefined,
  methods: undefined,
  destinations: undefined,
  routes: undefined,
};

/** The static part of a match. What is wrong with a pattern is reported, and the pattern left out. */
export function compileMatch(written: WrittenMatch, scope: Scope): Match {
  if (written === "everything") return EVERYTHING;
  if (written.paths !== undefined && written.grpc !== undefined) {
    const message = "`paths` and `grpc` exclude one another: a gRPC call has the path of its method";
    scope.report(
      problem(scope.document.keyAt(["match", "grpc"]), "never-matches", message, "keep one of them"),
    );
  }
  if (written.protocol === "tcp") refuseHttpKeys(written, scope);
  const paths = readAll(scope, "paths", written.paths, readPathPattern);
  return {
    protocol: written.protocol ?? "http",
    hosts: readAll<HostPattern>(scope, "hosts", written.hosts, readHostPattern),
    paths: paths ?? readAll<PathPattern>(scope, "grpc", written.grpc, readGrpcPattern),
    methods: readSet(scope, "methods", written.methods, (text) =>
      isMethod(text)
        ? { pattern: text }
        : { why: "a method is a word such as GET; without `methods`, all match" },
    ),
    destinations: readSet(scope, "destinations", written.destinations, (text) =>
      isDestination(text) ? { pattern: text } : { why: "write namespace/service-account" },
    ),
    routes: readSet(scope, "routes", written.routes, (text) => ({ pattern: text })),
  };
}

/** A connection has neither host nor path, so a match of such would never hold. */
function refuseHttpKeys(written: Exclude<WrittenMatch, "everything">, scope: Scope): void {
  for (const key of ["hosts", "paths", "methods", "grpc", "routes"] as const) {
    if (written[key] === undefined) continue;
    const message = `a TCP connection has no ${key}`;
    const hint = "match destinations, or `when:` on source, destination and connection";
    scope.report(problem(scope.document.keyAt(["match", key]), "never-matches", message, hint));
  }
}

type Key = "hosts" | "paths" | "grpc" | "methods" | "destinations" | "routes";

function readAll<T>(
  scope: Scope,
  key: Key,
  texts: readonly string[] | undefined,
  read: (text: string) => Read<T>,
): readonly T[] | undefined {
  return texts?.flatMap((text, index) => {
    const found = read(text);
    if ("pattern" in found) return [found.pattern];
    const place = scope.document.at(["match", key, index]);
    scope.report(problem(place, "bad-pattern", `${JSON.stringify(text)} never matches`, found.why));
    return [];
  });
}

function readSet(
  scope: Scope,
  key: Key,
  texts: readonly string[] | undefined,
  read: (text: string) => Read<string>,
): ReadonlySet<string> | undefined {
  const found = readAll(scope, key, texts, read);
  return found && new Set(found);
}

/** The names that path patterns bind, by all of them or by some. */
export function boundNames(paths: Match["paths"]): ReadonlyMap<string, "by-all" | "by-some"> {
  const patterns = (paths ?? []).map(
    ({ segments }) => new Set(segments.flatMap((one) => (one.kind === "capture" ? [one.name] : []))),
  );
  const names = new Set(patterns.flatMap((pattern) => [...pattern]));
  return new Map(
    [...names].map((name) => [name, patterns.every((pattern) => pattern.has(name)) ? "by-all" : "by-some"]),
  );
}
