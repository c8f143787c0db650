import type { Class } from "../attributes/vocabulary.ts";
import { Unknown, type Read, type Trace, type TypeName } from "../cel/expression.ts";
import { printScalar } from "../cel/format.ts";
import type { Fault } from "../std/fault.ts";
import { cut, quoted } from "../std/printable.ts";

/** A trace for people: what may not be seen is masked. */
export interface Shown {
  readonly source: string;
  readonly value: string;
  readonly parts: readonly Shown[];
}

/** What decides how much is shown. */
export interface Showing {
  /** How much of a value may be shown that depends on these reads. */
  readonly disclosureOf: (reads: readonly Read[]) => Class;
  /** What stands for a value of a person's: itself, or a digest of it. */
  readonly personal: (printed: string) => string;
}

export function shown(trace: Trace, showing: Showing): Shown {
  return {
    source: trace.source,
    value: valueOf(trace, showing),
    parts: trace.parts.map((part) => shown(part, showing)),
  };
}

function valueOf({ state, value, reads }: Trace, { disclosureOf, personal }: Showing): string {
  if (state === "unreached") return "not looked at";
  if (value instanceof Unknown) return `UNKNOWN: ${FAULTS[value.fault]}`;
  // What a condition comes to is what the caller can tell from the answer.
  if (typeof value === "boolean") return String(value);
  return disclosed({ open: print(value), digested: print(value) }, disclosureOf(reads), personal);
}

/** How a value is shown, where it may be shown at all; `digested` is what `personal` is asked about. */
function disclosed(
  { open, digested }: { readonly open: string; readonly digested: string },
  disclosure: Class,
  personal: Showing["personal"],
): string {
  switch (disclosure) {
    case "secret":
      return "(secret)";
    case "personal":
      return personal(digested);
    case "open":
      return open;
  }
}

/**
 * The same of a value that is kept as text only: what an expression of this type came to. What is personal has the digest that its trace
 * has; a text stands without quotes.
 */
export const shownText = (
  text: string,
  type: TypeName,
  { disclosure, personal }: { readonly disclosure: Class; readonly personal: Showing["personal"] },
): string =>
  disclosed(
    { open: cut(text), digested: /^(?:string|dyn)$/.test(type) ? quoted(text) : cut(text) },
    disclosure,
    personal,
  );

const FAULTS: Readonly<Record<Fault, string>> = {
  request: "missing or malformed in the request",
  "raw-headers": "Envoy joined the headers; it needs encode_raw_headers",
  budget: "the expression's budget was used up",
  ours: "a back-end has not said it, or was not asked",
};

/** Longer lists are cut: what is shown is read by people. */
const MAX_ELEMENTS = 10;

function print(value: unknown): string {
  if (typeof value === "string") return quoted(value);
  if (Array.isArray(value)) {
    const more = value.length > MAX_ELEMENTS ? [`and ${value.length - MAX_ELEMENTS} more`] : [];
    return cut(`[${[...value.slice(0, MAX_ELEMENTS).map(print), ...more].join(", ")}]`);
  }
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  const scalar = printScalar(value);
  if (scalar !== undefined) return cut(scalar);
  if (value === null) return "null";
  return value instanceof Map ? `a map of ${value.size}` : "present";
}
