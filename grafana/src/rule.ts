/** A series that Prometheus computes from others, again and again. */
export interface Recording {
  readonly record: string;
  readonly expression: string;
  /** The labels that it has. */
  readonly labels: readonly string[];
}

/** A condition that somebody is told of. */
export interface Alert {
  readonly name: string;
  /** `critical`: wake somebody; `warning`: somebody looks today; `info`: good to know. */
  readonly severity: "critical" | "warning" | "info";
  readonly expression: string;
  /** How long it must hold. */
  readonly holds: string;
  /** One line for whoever gets it, with `{{ $labels.… }}`. */
  readonly summary: string;
  /** What it means, without labels: for the page and for the alert. */
  readonly means: string;
}

export interface Group<Rule> {
  readonly name: string;
  readonly rules: readonly Rule[];
}

/** Where alerts lead: a name that cannot be, to be replaced by where your people read docs/runbook.md. */
export const RUNBOOK = "https://weir.invalid/docs/runbook.md";

/** The heading of an alert in the runbook, as an anchor. */
export const anchorOf = (alert: Alert): string => alert.name.toLowerCase();

/**
 * Whether a counter grew within `window`, by labels, by how much. Many counters have no series before what they count happens for the
 * first time, and `increase` does not see how a series begins: that it was not there before says so.
 */
export const happened = (labels: string, counter: string, window: string): string =>
  `sum by (${labels}) (increase(${counter}[${window}]) > 0 or ${counter} unless ${counter} offset ${window}) > 0`;

/** The part that `some` is of `all`, of what was counted within `window`. */
export const share = (labels: string, some: string, all: string, window: string): string =>
  `sum by (${labels}) (rate(${some}[${window}])) / on (${sharedOf(labels)}) group_left () sum by (${sharedOf(labels)}) (rate(${all}[${window}]))`;

/** The labels that tell the whole apart: of `job, policy, rule`, a job has all checks. */
const sharedOf = (labels: string): string => labels.split(", ")[0] ?? "";
