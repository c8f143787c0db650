import type { Exchange, FieldRecord, Measurement, Preset, ReportRecord } from "../adapter/report.ts";
import type { EntryAttributes } from "../attributes/entry.ts";
import { Unknown } from "../cel/expression.ts";
import type { Reporting, ReportingPolicy } from "../policy/reporting.ts";
import { subjectOf } from "../policy/subject.ts";
import type { TelemetryField, TelemetryRule } from "../policy/telemetry.ts";
import { isWithinShare } from "../std/share.ts";
import { withoutPersons } from "./access-log.ts";
import type { Counted } from "./connections.ts";

/** What one telemetry rule wants of one entry. */
export interface Wanted {
  /** The name of the handler. */
  readonly handler: string;
  readonly outcome: "sampled-out" | ReportRecord;
}

/** What a preset makes of an entry, before the rule adds its own; undefined where the entry is none of its concern. */
export type PresetRecord =
  Omit<Measurement, "added"> | Omit<Exchange, "added"> | Omit<FieldRecord, "added" | "rule">;

export type Presets = Readonly<
  Record<Preset, (entry: EntryAttributes, counted: Counted) => PresetRecord | undefined>
>;

/** What entries are decided by. */
export interface ReportRules {
  /** Of the live snapshot; undefined where no policy has telemetry. */
  readonly reporting: Reporting | undefined;
  readonly presets: Presets;
  /** What stands for a value of a person's. */
  readonly digest: (printed: string) => string;
  /** A rule's `when` had no value, so that it passed the entry over; or what it adds under a name had none. */
  readonly onMissing: (policy: string, rule: string, what: string) => void;
}

const NOTHING: readonly Wanted[] = [];
const NONE_ADDED: ReadonlyMap<string, string> = new Map();

/** Longer texts of `with` are cut. */
const MAX_TEXT_LENGTH = 1_024;

/**
 * Which telemetry rules want an entry, and the record that each makes of it; empty where none does. Never waits for anybody. The policies are those
 * that matched when the request was checked, as its answer has told, and else those that the entry itself matches.
 */
export function decideEntry(entry: EntryAttributes, counted: Counted, rules: ReportRules): readonly Wanted[] {
  const { reporting } = rules;
  if (reporting === undefined) return NOTHING;
  const deciding = new Deciding(entry, counted, rules);
  for (const policy of reporting.everywhere) deciding.report(policy, undefined);
  const { byName, others, alone } = reporting;
  if (byName.size === 0 && others.http === undefined && others.tcp === undefined) return deciding.wanted;
  const decision = entry.facts.decision();
  const isHttp = entry.kind === "http";
  if (decision?.policies === undefined) {
    deciding.reportMatching(isHttp ? others.http : others.tcp);
    return deciding.wanted;
  }
  for (const name of decision.policies) {
    const policy = byName.get(name);
    if (policy !== undefined) deciding.report(policy, carriedFor(policy, decision.carried));
  }
  deciding.reportMatching(isHttp ? alone.http : alone.tcp, decision.carried);
  return deciding.wanted;
}

/** What the check has left for a policy; empty where that is nothing. */
function carriedFor({ id }: ReportingPolicy, carried: ReadonlyMap<string, unknown>): Values {
  const values = carried.get(id);
  return values instanceof Map ? (values as Values) : NO_VALUES;
}

type Values = ReadonlyMap<string, unknown>;

const NO_VALUES: Values = new Map();

/** One entry on its way through the rules. */
class Deciding {
  wanted: readonly Wanted[] = NOTHING;
  readonly #entry: EntryAttributes;
  readonly #counted: Counted;
  readonly #rules: ReportRules;

  constructor(entry: EntryAttributes, counted: Counted, rules: ReportRules) {
    this.#entry = entry;
    this.#counted = counted;
    this.#rules = rules;
  }

  /** Policies that the entry itself matches; UNKNOWN does not match. `carried` is what the check left, if one did. */
  reportMatching(lookup: Reporting["alone"]["http"], carried?: ReadonlyMap<string, unknown>): void {
    if (lookup === undefined) return;
    for (const { policy } of lookup.find(subjectOf(this.#entry))) {
      const values = carried && carriedFor(policy, carried);
      if (isMatch(policy, this.#entry, values)) this.report(policy, values);
    }
  }

  report({ telemetry }: ReportingPolicy, values: Values | undefined): void {
    let context: object | undefined;
    for (const rule of telemetry.rules) {
      if (!concerns(rule.preset, this.#counted)) continue;
      if (rule.when !== undefined || rule.constant === undefined)
        context ??= telemetry.context(this.#entry, values);
      const outcome = this.#outcomeOf(rule, context ?? this.#entry);
      if (outcome === undefined) continue;
      const found = { handler: rule.handler, outcome };
      this.wanted = this.wanted.length === 0 ? [found] : [...this.wanted, found];
    }
  }

  #outcomeOf(rule: TelemetryRule, context: object): Wanted["outcome"] | undefined {
    if (rule.when !== undefined) {
      const applies = rule.when.evaluate(context);
      if (applies instanceof Unknown) this.#rules.onMissing(rule.policy, rule.id, "when");
      if (applies !== true) return undefined;
    }
    if (rule.share < 1 && !isWithinShare(keyOf(this.#entry), rule.share)) return "sampled-out";
    const { presets } = this.#rules;
    const record = presets[rule.preset ?? "access-log"](this.#entry, this.#counted);
    if (record === undefined) return undefined;
    const added = rule.constant ?? this.#added(rule, context);
    if (record.kind !== "fields") return { ...record, added };
    return { ...record, fields: this.#fieldsFor(rule, record.fields), added, rule: rule.name };
  }

  #fieldsFor({ preset, persons }: TelemetryRule, fields: FieldRecord["fields"]): FieldRecord["fields"] {
    if (preset === undefined) return NONE_ADDED;
    return persons === "shown" ? fields : withoutPersons(fields, this.#rules.digest);
  }

  #added(rule: TelemetryRule, context: object): ReadonlyMap<string, string> {
    const added = new Map<string, string>();
    for (const field of rule.fields) {
      const text = field.value.render(context);
      if (text instanceof Unknown) this.#rules.onMissing(rule.policy, rule.id, field.name);
      else added.set(field.name, this.#shown(field, text));
    }
    return added;
  }

  #shown({ shown }: TelemetryField, text: string): string {
    switch (shown) {
      case "open":
        return text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH)}…` : text;
      case "digest":
        return this.#rules.digest(text);
      case "digest quoted":
        return this.#rules.digest(JSON.stringify(text));
    }
  }
}

/** Only measurements are made while a request or a connection goes on; a line or a span tells of the whole. */
const concerns = (preset: Preset | undefined, { request, connection }: Counted): boolean =>
  preset === "istio" ||
  (connection === undefined ? request !== "begun" && request !== "goes-on" : connection.closed);

/** What an entry is sampled by, the same on every replica. */
function keyOf({ facts }: EntryAttributes): string {
  const decisionId = facts.decision()?.id ?? "";
  if (decisionId !== "") return decisionId;
  return facts.streamId === "" ? String(facts.startedAtMs) : facts.streamId;
}

function isMatch(
  { telemetry }: ReportingPolicy,
  entry: EntryAttributes,
  values: Values | undefined,
): boolean {
  const { when, except } = telemetry;
  if (when === undefined && except === undefined) return true;
  if (when === "unknowable") return false;
  const context = telemetry.context(entry, values);
  if (when !== undefined && when.evaluate(context) !== true) return false;
  return except === undefined || except === "unknowable" || except.evaluate(context) !== true;
}
