import type { z } from "zod";
import {
  anyText,
  delegate,
  either,
  expected,
  field,
  flag,
  misplaced,
  refuse,
  text,
  textOf,
  word,
} from "./fields.ts";
import { entries, list, mapping, plainValue, type PlainValue } from "./fields-of-collections.ts";
import { told } from "./forms.ts";
import { isList, Literal } from "./tree.ts";

/** One limit of a descriptor. */
export type WrittenLimit = WrittenNames &
  (
    | { readonly kind: "unlimited" }
    | {
        readonly kind: "limited";
        readonly requestsPerUnit: number;
        readonly unit: Unit;
        readonly multiplier: number;
        readonly algorithm: "fixed" | "sliding" | "bucket";
        /** Of `bucket`. */
        readonly burst: number;
      }
  );

interface WrittenNames {
  /** Empty: it has none. */
  readonly name: string;
  /** Names of limits that do not hold where this one does. */
  readonly replaces: readonly string[];
  readonly metadata: ReadonlyMap<string, PlainValue>;
}

/** The units of limits, in milliseconds: months have 30 days, years 365. */
export const UNITS_MS = {
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 7 * 86_400_000,
  month: 30 * 86_400_000,
  year: 365 * 86_400_000,
} as const;

export type Unit = keyof typeof UNITS_MS;

const UNIT_WORDS = Object.keys(UNITS_MS);

const isUnit = (word: string): word is Unit => Object.hasOwn(UNITS_MS, word);

const UNIT_FORM = `one of the units ${UNIT_WORDS.join(", ")}`;

const UNIT_PATTERN = `^(?:${UNIT_WORDS.map((unit) =>
  Array.from(unit, (letter) => `[${letter}${letter.toUpperCase()}]`).join(""),
).join("|")})$`;

const UNIT = field({ type: "string", pattern: UNIT_PATTERN, description: UNIT_FORM }, (value) => {
  const found = textOf(value)?.toLowerCase();
  return found !== undefined && isUnit(found) ? { value: found } : expected(UNIT_FORM, "text");
});

/** The most that the field of the protocol holds. */
export const MAX_LIMIT = 2 ** 32 - 1;

/** A whole number in any form that YAML has. */
const wholeNumber = (least: number, most: number) =>
  field({ type: "integer", minimum: least, maximum: most }, (value) => {
    const number = value instanceof Literal ? value.value : undefined;
    return typeof number === "number" && Number.isInteger(number) && number >= least && number <= most
      ? { value: number }
      : expected(`a whole number from ${least} to ${most}`, "number");
  });

/** A list that may be empty. */
export const anyList = <T>(of: z.ZodType<T[]>) =>
  told(
    { minItems: 0 },
    either([of], (value, context): readonly T[] =>
      isList(value) && value.length === 0 ? [] : delegate(context, of, value),
    ),
  );

export const METADATA = entries(plainValue());

/** One limit. */
export const LIMIT = mapping({
  name: anyText().optional(),
  requests_per_unit: wholeNumber(0, MAX_LIMIT).optional(),
  unit: UNIT.optional(),
  unlimited: flag().optional(),
  replaces: anyList(list(mapping({ name: text("the name of a limit") }), "mappings with `name`")).optional(),
  metadata: METADATA.optional(),
  multiplier: wholeNumber(1, 1_000).optional(),
  algorithm: word(["fixed", "sliding", "bucket"]).optional(),
  burst: wholeNumber(1, MAX_LIMIT).optional(),
}).transform((found, context): WrittenLimit => {
  const { name = "", replaces = [], metadata = new Map() } = found;
  const names = { name, replaces: replaces.map((one) => one.name), metadata };
  for (const [index, replaced] of names.replaces.entries()) {
    if (replaced !== name) continue;
    const message = "a limit cannot replace itself";
    refuse(context, { kind: "refused", code: "wrong-value", message, hint: "remove it", at: "value" }, [
      "replaces",
      index,
      "name",
    ]);
  }
  return { ...names, ...amountOf(found, context) };
});

interface FoundAmount {
  readonly requests_per_unit?: number | undefined;
  readonly unit?: Unit | undefined;
  readonly unlimited?: boolean | undefined;
  readonly multiplier?: number | undefined;
  readonly algorithm?: "fixed" | "sliding" | "bucket" | undefined;
  readonly burst?: number | undefined;
}

type Amount =
  | { readonly kind: "unlimited" }
  | Omit<Extract<WrittenLimit, { readonly kind: "limited" }>, keyof WrittenNames>;

function amountOf(found: FoundAmount, context: z.RefinementCtx): Amount {
  const { requests_per_unit: requestsPerUnit = 0, unit, multiplier = 1, algorithm = "fixed" } = found;
  if (found.unlimited === true) {
    if (unit !== undefined) {
      const message = "a limit that is unlimited has no unit";
      refuse(context, misplaced("one-of", message, "keep one of unit and unlimited"), ["unit"]);
    }
    return { kind: "unlimited" };
  }
  if (unit === undefined) {
    const message = "unit is missing in rate_limit";
    refuse(context, misplaced("missing-key", message, `it takes ${UNIT_FORM}`));
  }
  if (found.burst !== undefined && algorithm !== "bucket") {
    const message = "only a bucket has a burst";
    refuse(context, misplaced("one-of", message, "add `algorithm: bucket`, or remove it"), ["burst"]);
  }
  const burst = found.burst ?? requestsPerUnit;
  const known = unit ?? "second";
  if (
    algorithm !== "fixed" &&
    Math.max(burst, requestsPerUnit) * UNITS_MS[known] * multiplier > Number.MAX_SAFE_INTEGER
  ) {
    const message = `so many hits in so long a time cannot be counted by ${algorithm}`;
    const hint = "write a lower limit, a shorter unit, or `algorithm: fixed`";
    refuse(context, { kind: "refused", code: "wrong-value", message, hint, at: "value" }, ["algorithm"]);
  }
  return { kind: "limited", requestsPerUnit, unit: known, multiplier, algorithm, burst };
}
