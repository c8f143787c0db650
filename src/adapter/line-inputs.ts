import { LINE_NAMES } from "./json-line.ts";
import type { ReportInputs } from "./report.ts";

/** What adapters take that write lines: the classic entry, or the fields of a rule alone. */
export const LINE_INPUTS: ReportInputs = {
  presets: ["access-log"],
  plain: "taken",
  complaint: (_config, { fields }) => {
    const taken = LINE_NAMES.find((name) => fields.has(name));
    return taken && `${taken} is a name that each line has already: choose another`;
  },
};
