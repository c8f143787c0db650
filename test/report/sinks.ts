import { z } from "zod";
import { defineAdapter, type Adapter, type Handler } from "../../src/adapter/adapter.ts";
import type { Preset, ReportUse } from "../../src/adapter/report.ts";

/** An adapter that takes reports and keeps nothing of them. */
const sink = (
  id: string,
  presets: readonly Preset[],
  plain: "taken" | "refused",
  answers?: Pick<Adapter, "outputs" | "inputs">,
): Adapter =>
  defineAdapter({
    id,
    summary: "takes reports, for tests",
    config: z.strictObject({
      personal: z.enum(["digest", "plain"]).default("digest"),
      labels: z.array(z.string()).optional(),
    }),
    inputs: { ...answers?.inputs, report: { presets, plain, complaint } },
    outputs: answers?.outputs ?? {},
    create: (): Handler => ({
      start: () => Promise.resolve(),
      check: () => ({ verdict: "allow" }),
      report: () => ({ kind: "delivered" }),
      status: () => ({ state: "ready", detail: "" }),
      close: () => Promise.resolve(),
    }),
  });

/** Where the configuration says which labels there are, there are no others. */
function complaint(config: unknown, { fields }: ReportUse): string | undefined {
  const { labels } = config as { readonly labels?: readonly string[] };
  const other = [...fields.keys()].find((name) => labels?.includes(name) === false);
  return other === undefined ? undefined : `${other} is not among the labels of this handler: add it there`;
}

const ASKED: Pick<Adapter, "outputs" | "inputs"> = {
  inputs: { check: {} },
  outputs: { who: { type: "string", meaning: "somebody" } },
};

/** `lines` takes lines, alone or of a preset; `graphs` takes measurements only; `both` is asked in checks, too. */
export const SINKS: readonly Adapter[] = [
  sink("lines", ["access-log", "trace"], "taken"),
  sink("graphs", ["istio"], "refused"),
  sink("both", [], "taken", ASKED),
];
