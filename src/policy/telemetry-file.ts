import type { Preset } from "../adapter/report.ts";
import { SHARE } from "./decisions-file.ts";
import type { Template } from "./answers-file.ts";
import { cel, ID_FORM, misplaced, name, orBroken, refuse, template, word, type NameForm } from "./fields.ts";
import { entries, list, mapping } from "./fields-of-collections.ts";
import { RULE_FORM } from "./rule.ts";

/** One rule of a policy's `telemetry`. Its parts stand at `["telemetry", index, …]`. */
export interface WrittenTelemetry {
  /** Its position in the file's list. */
  readonly index: number;
  readonly id: string;
  /** The name of a handler. */
  readonly to: string;
  /** Undefined: what is sent is `with` alone. */
  readonly preset: Preset | undefined;
  readonly when: string | undefined;
  /** From 0 to 1. */
  readonly share: number;
  readonly with: ReadonlyMap<string, Template>;
}

/** Labels of metrics, tags of spans, fields of lines. */
const FIELD_FORM: NameForm = {
  pattern: /^[A-Za-z_][A-Za-z0-9_.-]{0,62}$/,
  what: "a name of at most 63 letters, digits, _ . and -, beginning with a letter or _",
};

const WRITTEN = mapping({
  id: name(RULE_FORM),
  to: name(ID_FORM),
  preset: word(["istio", "access-log", "trace"]).optional(),
  when: cel().optional(),
  sample: SHARE.optional(),
  with: entries(template(), name(FIELD_FORM, "key")).optional(),
});

/** The most names that one rule adds. */
const MAX_FIELDS = 64;

const RULE = WRITTEN.transform((written, context): Omit<WrittenTelemetry, "index"> => {
  const { id, to, preset, when, sample, with: added } = written;
  if (preset === undefined && (added === undefined || added.size === 0)) {
    const hint = "write preset: istio (or access-log, or trace), or name what is sent under `with`";
    refuse(context, misplaced("missing-key", "neither `preset` nor `with` is here: nothing is sent", hint));
  }
  if (added !== undefined && added.size > MAX_FIELDS) {
    const message = `${added.size} names are too many: at most ${MAX_FIELDS}`;
    refuse(context, { kind: "refused", code: "wrong-value", message, at: "key" }, ["with"]);
  }
  return { id, to, preset, when, share: sample ?? 1, with: added ?? new Map() };
});

/** The most telemetry rules that one policy has. */
const MAX_TELEMETRY = 100;

/** The schema of `telemetry`. */
export const TELEMETRY = list(orBroken(RULE), "telemetry rules", MAX_TELEMETRY).transform(
  (unplaced): readonly WrittenTelemetry[] =>
    unplaced.flatMap((one, index) => (one === undefined ? [] : [{ ...one, index }])),
);
