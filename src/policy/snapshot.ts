import type { Attributes } from "../attributes/attributes.ts";
import type { Expression, Read } from "../cel/expression.ts";
import type { Domain } from "./domain.ts";
import type { Answer, Effects, Text } from "./effects.ts";
import type { Evidence } from "./evidence.ts";
import type { ConfiguredHandler } from "./handlers.ts";
import type { AskInput, Identity } from "./identity.ts";
import type { Lookup } from "./lookup.ts";
import type { Quota } from "./quota.ts";
import type { Bindings, HostPattern, Match } from "./match.ts";
import type { Mentions } from "./mentions.ts";
import type { Selections } from "./compile-decisions.ts";
import type { SpannedProblem } from "./scope.ts";
import type { Reporting } from "./reporting.ts";
import type { Settings } from "./settings.ts";
import type { PolicyTelemetry } from "./telemetry.ts";

/** One compiled configuration. It never changes; a request keeps the one it started with. */
export interface Snapshot {
  /** Digest of all files, so that two processes can be compared. */
  readonly revision: string;
  /** `observe`: every policy is in shadow, and every request passes. */
  readonly stance: "enforce" | "observe";
  readonly settings: Settings;
  /** By name. */
  readonly policies: readonly Policy[];
  /** The policies of HTTP requests. */
  readonly lookup: Lookup<Policy>;
  /** The policies of TCP connections. */
  readonly connections: Lookup<Policy>;
  /** What telemetry rules want of access-log entries; undefined where no policy has any. */
  readonly reporting: Reporting | undefined;
  /** What answers rate-limit requests, by name. */
  readonly domains: ReadonlyMap<string, Domain>;
  /** Whether some ask or quota is charged once a request, however many hops ask. */
  readonly once: "used" | "unused";
  /** By the name that weir.yaml gives them. */
  readonly handlers: ReadonlyMap<string, ConfiguredHandler>;
  /** Identities that need a verifier, each once. */
  readonly identities: readonly Identity[];
  /** Lower-case names of headers in which any identity looks for a credential. */
  readonly credentialHeaders: ReadonlySet<string>;
  /** What teams own whose files have never been good: refused, whoever asks. */
  readonly unloaded: readonly Ownership[];
  readonly overrides: readonly ActiveOverride[];
  /** Which decisions are written; undefined: none, but where a policy requires it. */
  readonly selections: Selections | undefined;
  /** When the files mean something else than now, because an override ends; epoch milliseconds. */
  readonly changesAtMs: number | undefined;
}

/** What a team owns. */
export interface Ownership {
  readonly team: string;
  readonly hosts: readonly HostPattern[];
  /** `namespace/service-account`, or `namespace/*`. */
  readonly destinations: readonly string[];
  /** Domains of rate limits. */
  readonly domains: readonly string[];
}

/** An override that holds now. */
export interface ActiveOverride {
  readonly policy: string;
  readonly rule: string;
  readonly mode: "enforce" | "shadow";
  readonly untilMs: number;
  readonly reason: string;
}

/** `shadow`: evaluated and counted, never enforced. */
export type Mode = "enforce" | "shadow";

/** What of the requests a rule or a policy is enforced for: those where `by` falls into the first `percent` of 100. */
export interface Share {
  readonly percent: number;
  readonly by: Expression;
  /** Set apart by rule, so that not all of them hit the same callers. */
  readonly salt: string;
}

/** One policy file. */
export interface Policy {
  readonly id: string;
  /** Whose file it is; undefined: the platform's. */
  readonly team: string | undefined;
  readonly mode: Mode;
  readonly audit: "required" | "as-sampled";
  /** Of an enforced policy. */
  readonly share: Share | undefined;
  /** Place among all policies, by name. */
  readonly order: number;
  readonly match: Match;
  readonly when: Expression | undefined;
  readonly except: Expression | undefined;
  /** Whether `when` and `except` can be evaluated before it is known who asks. */
  readonly gate: "open" | "after-identities";
  /** Enforced denies and requires, by position. */
  readonly refusals: readonly RefusalRule[];
  /** By position: what is known only when handlers have answered, with the asks themselves. */
  readonly answered: readonly (RefusalRule | AskRule)[];
  readonly asks: readonly AskRule[];
  /** Enforced allows, by position. */
  readonly allows: readonly AllowRule[];
  /** Rules that are in shadow, for all requests or for some, by position. */
  readonly shadows: readonly Rule[];
  /** Enforced quotas, by position. */
  readonly quotas: readonly Quota[];
  /** Quotas that are in shadow, for all requests or for some, by position. */
  readonly shadowQuotas: readonly Quota[];
  /**
   * What holds when no rule decides. A policy that has an allow rule or `default: allow` can grant; one
   * that has neither is a guard, which refuses everything with `default: deny` and nothing without.
   */
  readonly fallback: "grant" | "refuse" | "nothing";
  /** What a caller is told whom the fallback refuses. */
  readonly fallbackAnswer: Answer;
  readonly kind: "grants" | "guards";
  /** What decides whether it applies, and what its default answers, depend on; those of rules are theirs. */
  readonly mentions: Mentions;
  /** Lower-case names of the request headers that its enforced rules set: the client's copies are never seen. */
  readonly ownedHeaders: ReadonlySet<string>;
  /** Those that enforced expressions read, by name: the others are not asked for. */
  readonly identities: ReadonlyMap<string, Identity>;
  /** Those that expressions in shadow read. */
  readonly shadowIdentities: ReadonlyMap<string, Identity>;
  /** What the policy's expressions read for one request. */
  readonly context: (attributes: Attributes, bindings: Bindings, evidence: Evidence) => PolicyContext;
  /** Undefined where it has none. */
  readonly telemetry: PolicyTelemetry | undefined;
  /** What expressions of the policy depend on that read this. */
  readonly mentionsOf: (reads: Iterable<Read>) => Mentions;
  /** An expression that could stand in the policy, or what is wrong with it. */
  readonly expression: (source: string) => Expression | readonly SpannedProblem[];
}

/** What expressions of a policy read: one property a name. Answers of handlers are known later. */
export interface PolicyContext {
  /** The answer of an ask, under the name that the rule gives it; UNKNOWN where there is none. */
  takeAnswer(as: string, value: unknown): void;
  /** The identities that hold, by name; UNKNOWN as long as it has not been found out. */
  readonly auth: { get(name: string): unknown };
  /** Answers have come: what was UNKNOWN without them is looked at again. */
  forgetDerived(): void;
}

export type Rule = RefusalRule | AllowRule;

interface CommonRule {
  readonly id: string;
  readonly when: Expression | undefined;
  /** Undefined: enforced for all requests. */
  readonly share: Share | undefined;
  readonly mentions: Mentions;
}

export interface RefusalRule extends CommonRule {
  readonly kind: "deny" | "require";
  readonly condition: Expression;
  readonly answer: Answer;
}

export interface AllowRule extends CommonRule {
  readonly kind: "allow";
  readonly condition: Expression;
  readonly effects: Effects;
  /** Those of its effects that may have no value for a request. */
  readonly uncertain: readonly Text[];
}

/** A require that a handler answers. */
export interface AskRule extends Omit<CommonRule, "share"> {
  readonly kind: "ask";
  readonly handler: string;
  /** The identity that the answer is, if it is one; then `as` is undefined. */
  readonly identity: Identity | undefined;
  readonly as: string | undefined;
  /** Makes the name's value of a handler's outputs. */
  readonly outputs: (values: ReadonlyMap<string, unknown>) => object;
  readonly inputs: readonly AskInput[];
  readonly onError: "error" | "deny" | "allow";
  /** What is charged when several hops ask about one request; undefined: each of them. */
  readonly once: "request" | undefined;
  readonly answer: Answer;
  readonly effects: Effects;
}
