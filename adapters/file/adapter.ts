import { defineAdapter } from "../../src/adapter/adapter.ts";
import { LineHandler } from "../../src/adapter/line-handler.ts";
import { LINE_INPUTS } from "../../src/adapter/line-inputs.ts";
import { CONFIG, type FileConfig } from "./config.ts";

/** Lines of JSON in a file that is rotated. */
export const file = defineAdapter<FileConfig>({
  id: "file",
  summary: "Writes a line of JSON for each entry to a file, which is rotated",
  config: CONFIG,
  inputs: { report: LINE_INPUTS },
  outputs: {},
  create: ({ file: to, maxLine: maxLineBytes }, host) =>
    new LineHandler({ to: { kind: "file", ...to }, name: to.path, maxLineBytes, host }),
});
