import { globMatcher } from "../std/glob.ts";
import { refuseForeignDomains, type Borders } from "./borders.ts";
import type { Environments } from "./declarations.ts";
import { problem, type Diagnostic } from "./diagnostic.ts";
import type { Document } from "./document.ts";
import {
  entryName,
  groupsOf,
  type DescriptorNode,
  type Domain,
  type Level,
  type Limit,
  type LimitRule,
  type Wildcard,
} from "./domain.ts";
import type { DomainFile, WrittenDescriptor } from "./domain-file.ts";
import { UNITS_MS, type WrittenLimit } from "./domain-file-limit.ts";
import { plainScope } from "./compile-shared.ts";
import type { Scope } from "./scope.ts";
import type { Path } from "./source.ts";

interface Read {
  readonly document: Document;
  readonly file: DomainFile;
}

interface DomainsWorld {
  readonly environments: Environments;
  readonly diagnostics: Diagnostic[];
}

/** All files of rate limits, by the name of their domain; what is wrong with them is added to the diagnostics. */
export function compileDomains(
  files: readonly Read[],
  world: DomainsWorld,
  borders: Borders,
): ReadonlyMap<string, Domain> {
  refuseForeignDomains(files, borders);
  const domains = new Map<string, Domain>();
  const first = new Map<string, Document>();
  for (const { document, file } of files) {
    const other = first.get(file.domain);
    if (other !== undefined) {
      const message = `the domain "${file.domain}" is in ${other.file} already`;
      world.diagnostics.push(
        problem(document.at(["domain"]), "duplicate-name", message, "join the two files"),
      );
      continue;
    }
    first.set(file.domain, document);
    domains.set(file.domain, compileDomain(file, plainScope(document, world, new Map(), "quota")));
  }
  return domains;
}

function compileDomain(file: DomainFile, scope: Scope): Domain {
  return {
    name: file.domain,
    top: levelOf(file.descriptors, ["descriptors"], { file, scope }),
    charges: file.atomic ? "all" : "each",
    onError: file.onError,
    headers: file.headers,
    dynamicMetadata: file.dynamicMetadata ? "sent" : "none",
  };
}

/** What descriptors are compiled in. */
interface Surroundings {
  readonly file: DomainFile;
  readonly scope: Scope;
}

function levelOf(written: readonly WrittenDescriptor[], path: Path, surroundings: Surroundings): Level {
  const byValue = new Map<string, Map<string, DescriptorNode>>();
  const byKey = new Map<string, DescriptorNode>();
  const wildcards: Wildcard[] = [];
  for (const [index, one] of written.entries()) {
    const { key, value } = one;
    const node = nodeOf(one, [...path, index], surroundings);
    if (value === undefined) byKey.set(key, node);
    else if (byValue.get(key)?.set(value, node) === undefined) byValue.set(key, new Map([[value, node]]));
    if (!key.includes("*") && value?.includes("*") !== true) continue;
    const [matchesKey, matchesValue] = [globMatcher(key), globMatcher(value ?? "*")];
    wildcards.push({
      node,
      matches: (askedKey, askedValue) => matchesKey(askedKey) && matchesValue(askedValue),
    });
  }
  return { byValue, wildcards, byKey };
}

function nodeOf(one: WrittenDescriptor, path: Path, surroundings: Surroundings): DescriptorNode {
  return {
    key: one.key,
    value: one.value,
    rule: one.limits && ruleOf(one, one.limits, { ...surroundings, path }),
    below: levelOf(one.descriptors, [...path, "descriptors"], surroundings),
    counted: one.shareThreshold ? "together" : "by-value",
    metric: one.valueToMetric ? "as-asked" : "as-written",
    name: entryName(one.key, one.value ?? ""),
  };
}

function ruleOf(
  one: WrittenDescriptor,
  written: readonly WrittenLimit[],
  { file, scope, path }: Surroundings & { readonly path: Path },
): LimitRule {
  const limits = written.flatMap((limit) => (limit.kind === "unlimited" ? [] : [limitOf(limit)]));
  refuseTwins(limits, scope, [...path, one.limitsAt]);
  return {
    limits,
    groups: groupsOf(limits),
    replaces: new Set(written.flatMap(({ replaces }) => replaces)),
    names: new Set(written.flatMap(({ name }) => (name === "" ? [] : [name]))),
    standing: one.shadowMode ? "shadow" : one.quotaMode ? "quota" : "enforce",
    metric: one.detailedMetric ? "detailed" : "as-written",
    metadata: one.metadata,
    when:
      one.when === undefined ? undefined : scope.expression([...path, "when"], one.when, "bool")?.expression,
    onError: one.onError ?? file.onError,
  };
}

function limitOf(written: Extract<WrittenLimit, { readonly kind: "limited" }>): Limit {
  const { name, requestsPerUnit, unit, multiplier, algorithm, burst } = written;
  return {
    ...{ name, requestsPerUnit, unit, multiplier, algorithm, burst },
    lengthMs: UNITS_MS[unit] * multiplier,
  };
}

/** Two limits of one algorithm over the same time would be one counter, of which the lower limit says all. */
function refuseTwins(limits: readonly Limit[], scope: Scope, path: Path): void {
  const seen = new Set<string>();
  for (const [index, { algorithm, lengthMs }] of limits.entries()) {
    const counted = `${algorithm} ${lengthMs}`;
    if (seen.has(counted)) {
      const message = "another limit of this descriptor counts in the same way over the same time";
      const place = scope.document.at([...path, index]);
      scope.report(problem(place, "duplicate-name", message, "keep the lower one"));
    }
    seen.add(counted);
  }
}
