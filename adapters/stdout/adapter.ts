import type { z } from "zod";
import { defineAdapter } from "../../src/adapter/adapter.ts";
import { mapping, maxLine, personal } from "../../src/adapter/config.ts";
import { LineHandler } from "../../src/adapter/line-handler.ts";
import { LINE_INPUTS } from "../../src/adapter/line-inputs.ts";

export interface StdoutConfig {
  readonly personal: "digest" | "plain";
  /** In bytes. */
  readonly maxLine: number;
}

const CONFIG: z.ZodType<StdoutConfig> = mapping({ personal: personal(), maxLine: maxLine() });

/** Lines of JSON on standard output, for what collects the output of containers. */
export const stdout = defineAdapter<StdoutConfig>({
  id: "stdout",
  summary: "Writes a line of JSON for each entry to standard output",
  config: CONFIG,
  inputs: { report: LINE_INPUTS },
  outputs: {},
  create: ({ maxLine: maxLineBytes }, host) =>
    new LineHandler({ to: { kind: "stdout" }, name: "standard output", maxLineBytes, host }),
});
