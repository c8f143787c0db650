import type { Expression } from "../cel/expression.ts";
import type { CompiledPolicy, Draft } from "../policy/compile-policy.ts";
import type { Place } from "../policy/diagnostic.ts";
import type { Domain } from "../policy/domain.ts";
import type { Effects } from "../policy/effects.ts";
import type { Identity } from "../policy/identity.ts";
import { mentionsOf, type Mentions, type MentionTable } from "../policy/mentions.ts";
import type { Settings } from "../policy/settings.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import { reportingNeeds, takesPartInChecks, type ReportingNeeds } from "./reporting.ts";

/** What Envoy sends with a check only where it is told to, under the names of `PARTS`. */
export type Part =
  "body" | "rawHeaders" | "certificate" | "tlsSession" | "metadata" | "contextExtensions" | "proxyName";

export type Protocol = Draft["match"]["protocol"];

/** One thing that Envoy must send, and what would not hold without it. */
export interface Need {
  readonly part: Part;
  readonly protocol: Protocol;
  readonly policy: string;
  /** Undefined: the policy's `match`, `except`, `mode` or default. */
  readonly rule: string | undefined;
  /** What reads it: an attribute, an identity, or a key of `match`. */
  readonly reader: string;
  /** The namespace of `metadata`; undefined where it is not a constant, and for other parts. */
  readonly namespace: string | undefined;
  readonly place: Place;
}

/** A cost that is known when a request is over, and that somebody has to tell then. */
export interface LateCost {
  readonly policy: string;
  readonly quota: string;
  /** Over the access-log entry. */
  readonly settle: Expression;
  readonly place: Place;
}

/** All that policies need of the Envoy in front of them. */
export interface Needs {
  readonly all: readonly Need[];
  readonly protocols: ReadonlySet<Protocol>;
  /** Policies of TCP connections. */
  readonly tcpPolicies: readonly Pick<Need, "policy" | "place">[];
  /** Names of `match.routes`, sorted. */
  readonly routes: readonly string[];
  /** Request headers that policies own and that no other reads: what a guard in front may remove. Sorted. */
  readonly guarded: readonly string[];
  /** Those that a policy owns and something else reads as the client sent them; who reads them. */
  readonly unguarded: ReadonlyMap<string, string>;
  /** Names of the headers that grants put on the request, and on the response. Sorted. */
  readonly requestHeaders: readonly string[];
  readonly responseHeaders: readonly string[];
  /** Names of the request headers that policies read by a constant name, or look for credentials in. Sorted. */
  readonly headersRead: readonly string[];
  /** What rate-limit requests are answered from, by name. */
  readonly domains: readonly Domain[];
  readonly lateCosts: readonly LateCost[];
  /** Whether something is charged once a request, which gateways tell sidecars. */
  readonly once: Snapshot["once"];
  /** What telemetry rules need of access logs; undefined where there are none. */
  readonly reporting: ReportingNeeds | undefined;
  readonly settings: Settings;
}

/** What the policies and the rate limits of a configuration need of Envoy, shadow rules included. */
export function needsOf(
  policies: readonly CompiledPolicy[],
  { settings, domains, once }: Pick<Snapshot, "settings" | "domains" | "once">,
): Needs {
  const drafts = policies.filter(takesPartInChecks).map(({ draft }) => draft);
  const { guarded, unguarded } = ownedHeaders(drafts);
  const effects = drafts.flatMap(({ allows, asks }) => [...allows, ...asks].map((rule) => rule.effects));
  const namesOf = (key: "requestSet" | "requestAppend" | "responseSet"): readonly string[] =>
    effects.flatMap((one: Effects) => one[key].map(({ name }) => name));
  return {
    all: policies.filter(takesPartInChecks).flatMap(needsOfPolicy),
    protocols: new Set(drafts.map(({ match }) => match.protocol)),
    tcpPolicies: policies
      .filter(takesPartInChecks)
      .flatMap((policy) =>
        policy.draft.match.protocol === "tcp"
          ? [{ policy: policy.draft.id, place: placeOfPolicy(policy) }]
          : [],
      ),
    routes: sorted(drafts.flatMap(({ match }) => [...(match.routes ?? [])])),
    guarded,
    unguarded,
    requestHeaders: sorted([...namesOf("requestSet"), ...namesOf("requestAppend")]),
    responseHeaders: sorted(namesOf("responseSet")),
    headersRead: sorted([
      ...drafts.flatMap(headersRead),
      ...drafts.flatMap(identitiesOf).flatMap(({ proof }) => credentialHeaders(proof)),
      ...(settings.clientAddress.from === "xff" ? ["x-forwarded-for"] : []),
    ]),
    domains: [...domains.values()].sort((left, right) => (left.name < right.name ? -1 : 1)),
    lateCosts: policies.flatMap(lateCostsOf),
    once,
    reporting: reportingNeeds(policies),
    settings,
  };
}

/** Whether Envoy is to check anything; where there are rate limits or telemetry and nothing else, it is not. */
export const hasChecks = ({ protocols, domains, reporting }: Needs): boolean =>
  protocols.size > 0 || (domains.length === 0 && reporting === undefined);

/** Where CEL is one field of metadata, as a number, and nothing else: namespace and keys. */
export function metadataPathOf({ source, reads }: Expression): readonly string[] | undefined {
  const [read, ...more] = reads;
  if (read === undefined || more.length > 0 || read.root !== "metadata" || read.steps.length < 2)
    return undefined;
  const steps = read.steps.map(({ name }) => name);
  // What stands in Envoy's format between colons and parentheses.
  const isPlain = steps.every((name) => /^[^:()%\s]+$/.test(name));
  const around = source.slice(0, read.start) + source.slice(read.end);
  return isPlain && around.replace(/\s+/g, "") === "int()" ? steps : undefined;
}

const lateCostsOf = ({ draft, document, file }: CompiledPolicy): readonly LateCost[] =>
  draft.quotas.flatMap(({ policy, id, cost }) => {
    const index = file.quotas.find((one) => one.id === id)?.index ?? 0;
    if (cost.kind === "now") return [];
    return [{ policy, quota: id, settle: cost.settle, place: document.at(["quotas", index, "id"]) }];
  });

/** The parts that checks of a protocol need. */
export const partsOf = ({ all }: Needs, protocol: Protocol): ReadonlySet<Part> =>
  new Set(all.filter((need) => need.protocol === protocol).map(({ part }) => part));

/** The namespaces of `metadata` that checks of a protocol need, sorted. */
export const namespacesOf = ({ all }: Needs, protocol: Protocol): readonly string[] =>
  sorted(all.flatMap((need) => (need.protocol === protocol ? (need.namespace ?? []) : [])));

function needsOfPolicy(policy: CompiledPolicy): readonly Need[] {
  const { draft } = policy;
  const common = { protocol: draft.match.protocol, policy: draft.id };
  const rules = new Map(
    [
      ...[...draft.refusals, ...draft.answered, ...draft.asks, ...draft.allows, ...draft.shadows],
      ...[...draft.quotas, ...draft.shadowQuotas],
    ].map((rule) => [rule.id, rule] as const),
  );
  const own = { ...common, rule: undefined, place: placeOfPolicy(policy) };
  const routes = draft.match.routes === undefined ? [] : [read("contextExtensions", "match.routes")];
  return [
    ...[...routes, ...readsOf(draft.mentions)].map((one) => ({ ...own, ...one })),
    ...identitiesOf(draft).flatMap((identity) =>
      readsOfIdentity(identity).map((one) => ({ ...own, ...one, place: placeOfIdentity(policy, identity) })),
    ),
    ...[...rules.values()].flatMap((rule) => {
      const inputs = "inputs" in rule ? rule.inputs.flatMap(({ value }) => value.reads) : [];
      const reads = [...readsOf(rule.mentions), ...readsOf(mentionsOf(inputs, NO_NAMES))];
      const at = { rule: rule.id, place: placeOfRule(policy, rule.id) };
      return unique(reads).map((one) => ({ ...common, ...at, ...one }));
    }),
  ];
}

type Reading = Pick<Need, "part" | "reader" | "namespace">;

const read = (part: Part, reader: string, namespace?: string): Reading => ({ part, reader, namespace });

const unique = (reads: readonly Reading[]): readonly Reading[] => [
  ...new Map(reads.map((one) => [`${one.part} ${one.reader} ${one.namespace ?? ""}`, one])).values(),
];

/** Attributes that have no value, or one that proves less, unless Envoy is told to send a part (docs/requests.md). */
const PART_OF: Readonly<Record<string, Part>> = {
  "request.body": "body",
  "request.json": "body",
  "request.headers_all": "rawHeaders",
  "connection.peer_certificate": "certificate",
  "source.principal": "certificate",
  "source.namespace": "certificate",
  "source.service_account": "certificate",
  "connection.requested_server_name": "tlsSession",
  context_extensions: "contextExtensions",
  "proxy.principal": "proxyName",
};

const readsOf = ({ attributes, namespaces }: Mentions): readonly Reading[] => [
  ...[...attributes].flatMap((name) => {
    const part = PART_OF[name];
    return part === undefined ? [] : [read(part, name)];
  }),
  ...Array.from(namespaces, (namespace) => read("metadata", "metadata", namespace)),
];

function readsOfIdentity({ name, proof }: Identity): readonly Reading[] {
  if (proof.kind === "mtls") return [read("certificate", `auth.${name}`)];
  return proof.kind === "metadata" ? [read("metadata", `auth.${name}`, proof.namespace)] : [];
}

const identitiesOf = ({ identities, shadowIdentities, asks }: Draft): readonly Identity[] => [
  ...new Set([
    ...identities.values(),
    ...shadowIdentities.values(),
    ...asks.flatMap(({ identity }) => identity ?? []),
  ]),
];

const placeOfPolicy = ({ document }: CompiledPolicy): Place => document.at(["policy"]);

/** A shared identity is told of at the policy that reads it. */
const placeOfIdentity = (policy: CompiledPolicy, { name }: Identity): Place =>
  policy.file.identities.has(name) ? policy.document.keyAt(["identities", name]) : placeOfPolicy(policy);

function placeOfRule(policy: CompiledPolicy, id: string): Place {
  const rule = policy.file.rules.find((one) => one.id === id);
  if (rule !== undefined) return policy.document.at(["rules", rule.index, "id"]);
  const quota = policy.file.quotas.find((one) => one.id === id);
  return quota === undefined ? placeOfPolicy(policy) : policy.document.at(["quotas", quota.index, "id"]);
}

/** Inputs of a handler that verifies an identity read attributes alone. */
const NO_NAMES: MentionTable = {
  lets: new Map(),
  shared: new Map(),
  answers: new Set(),
  verified: new Set(),
};

/**
 * A policy never sees the client's copy of what it owns, so a guard in front takes nothing from it; but what other
 * policies read, and where credentials are looked for, must still arrive.
 */
function ownedHeaders(drafts: readonly Draft[]): Pick<Needs, "guarded" | "unguarded"> {
  const owned = sorted(drafts.flatMap((draft) => [...draft.ownedHeaders]));
  const unguarded = new Map<string, string>();
  for (const draft of drafts) {
    for (const { name, proof } of identitiesOf(draft)) {
      for (const header of credentialHeaders(proof)) unguarded.set(header, `auth.${name} of ${draft.id}`);
    }
    for (const header of headersRead(draft))
      if (!draft.ownedHeaders.has(header)) unguarded.set(header, draft.id);
  }
  return {
    guarded: owned.filter((name) => !unguarded.has(name)),
    unguarded: new Map(
      owned.flatMap((name) => {
        const reader = unguarded.get(name);
        return reader === undefined ? [] : [[name, reader] as const];
      }),
    ),
  };
}

function credentialHeaders(proof: Identity["proof"]): readonly string[] {
  const places = proof.kind === "jwt" ? proof.from : "place" in proof ? [proof.place] : [];
  return places.flatMap((place) =>
    "header" in place ? [place.header.toLowerCase()] : "cookie" in place ? ["cookie"] : [],
  );
}

const headersRead = (draft: Draft): readonly string[] =>
  [
    ...[draft, ...draft.refusals, ...draft.answered, ...draft.asks, ...draft.allows, ...draft.shadows],
    ...[...draft.quotas, ...draft.shadowQuotas],
  ].flatMap((one) => [...one.mentions.headers]);

const sorted = (names: readonly string[]): readonly string[] => [...new Set(names)].sort();
