import type { z } from "zod";
import { flagCodes, flagsOfCodes } from "../attributes/response-flags.ts";
import { anyText, delegate, durationMs, either, integer, parsedText, text, word } from "./fields.ts";
import { entries, list, mapping } from "./fields-of-collections.ts";
import { isMapping } from "./tree.ts";

/** What the access log says of a described request, beside what the request and its answer do. */
export type DescribedEntry = Readonly<z.output<typeof ENTRY>>;

/** What telemetry rules make of the entry: the values of their record by name, or that they do not want it. By rule. */
export type ExpectedTelemetry = ReadonlyMap<string, "none" | ReadonlyMap<string, string>>;

const WEEK_MS = 7 * 86_400_000;

const FLAG = parsedText("a response flag of Envoy's, such as UF", (code) => {
  const [known] = flagCodes(flagsOfCodes([code]));
  return known;
});

/** The schema of one described entry. */
export const ENTRY = mapping({
  status: integer(100, 599).optional(),
  duration: durationMs(0, WEEK_MS, "of at most a week").optional(),
  flags: list(FLAG, "response flags").optional(),
  details: text("the details of the response code").optional(),
  cluster: text("the name of the upstream cluster").optional(),
  headers: entries(anyText()).optional(),
});

const NONE = word(["none"]);
const VALUES = entries(anyText());

/** The schema of what telemetry is expected. */
export const TELEMETRY = entries(
  either([NONE, VALUES], (value, context): "none" | ReadonlyMap<string, string> =>
    isMapping(value) ? delegate(context, VALUES, value) : delegate(context, NONE, value),
  ),
);
