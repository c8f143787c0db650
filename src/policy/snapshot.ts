import type { Attributes } from "../attributes/attributes.ts";
import type { Expression, Unknown } from "../cel/expression.ts";
import type { Lookup } from "./lookup.ts";
import type { Bindings, Match } from "./match.ts";
import type { Settings } from "./settings.ts";

/** One compiled configuration. It never changes; a request keeps the one it started with. */
export interface Snapshot {
  /** Digest of all files, so that two processes can be compared. */
  readonly revision: string;
  readonly settings: Settings;
  /** By name. */
  readonly policies: readonly Policy[];
  readonly lookup: Lookup<Policy>;
}

/** `shadow`: evaluated and counted, never enforced. */
export type Mode = "enforce" | "shadow";

/** One policy file. */
export interface Policy {
  readonly id: string;
  readonly mode: Mode;
  /** Place among all policies, by name. */
  readonly order: number;
  readonly match: Match;
  readonly when: Expression | undefined;
  readonly except: Expression | undefined;
  /** Enforced denies and requires, by position. */
  readonly refusals: readonly RefusalRule[];
  /** Enforced allows, by position. */
  readonly allows: readonly AllowRule[];
  /** Rules in shadow, by position. */
  readonly shadows: readonly Rule[];
  /**
   * What holds when no rule decides. A policy that has an allow rule or `default: allow` can grant; one
   * that has neither is a guard, which refuses everything with `default: deny` and nothing without.
   */
  readonly fallback: "grant" | "refuse" | "nothing";
  readonly kind: "grants" | "guards";
  /** Lower-case names of the request headers that its enforced rules set: the client's copies are never seen. */
  readonly ownedHeaders: ReadonlySet<string>;
  /** What the policy's expressions read for one request. */
  readonly context: (attributes: Attributes, bindings: Bindings) => object;
}

export type Rule = RefusalRule | AllowRule;

interface CommonRule {
  readonly id: string;
  readonly when: Expression | undefined;
  readonly condition: Expression;
}

export interface RefusalRule extends CommonRule {
  readonly kind: "deny" | "require";
  readonly answer: Answer;
}

export interface AllowRule extends CommonRule {
  readonly kind: "allow";
  readonly effects: Effects;
}

/** What a refused caller is told. */
export interface Answer {
  /** 400 to 599; undefined: 403. */
  readonly status: number | undefined;
  /** Undefined: the status's reason phrase. */
  readonly body: Text | undefined;
  readonly contentType: Text | undefined;
  readonly headers: readonly HeaderEffect[];
}

/** What a grant does to the request on its way up and to the response on its way down. */
export interface Effects {
  readonly requestSet: readonly HeaderEffect[];
  readonly requestRemove: readonly string[];
  readonly responseSet: readonly HeaderEffect[];
}

export interface HeaderEffect {
  /** Lower case. */
  readonly name: string;
  readonly value: Text;
}

/** A text in which `${CEL}` is replaced. */
export interface Text {
  /** UNKNOWN when one of its expressions is. */
  render(context: object): string | Unknown;
}
