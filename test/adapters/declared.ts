import assert from "node:assert/strict";
import type { Adapter, CheckAnswer } from "../../src/adapter/adapter.ts";
import type { Preset, ReportRecord } from "../../src/adapter/report.ts";

/** What a record has to be for each thing that an adapter says it takes. */
export function kindsOf({
  inputs: { report },
}: Adapter): readonly (readonly [string, (one: ReportRecord) => boolean])[] {
  if (report === undefined) return [];
  const plain = ["no preset", (one: ReportRecord) => one.kind === "fields" && one.fields.size === 0] as const;
  const presets = report.presets.map((preset) => [preset, OF_PRESET[preset]] as const);
  return report.plain === "taken" ? [plain, ...presets] : presets;
}

const OF_PRESET: Readonly<Record<Preset, (one: ReportRecord) => boolean>> = {
  istio: ({ kind }) => kind === "measurement",
  "access-log": (one) => one.kind === "fields" && one.fields.size > 0,
  trace: ({ kind }) => kind === "exchange",
};

/** Whether an answer is one that the adapter declares. */
export function conforms(adapter: Adapter, answer: CheckAnswer): void {
  switch (answer.verdict) {
    case "allow":
      for (const [name, value] of answer.outputs ?? []) {
        const type = adapter.outputs[name]?.type;
        assert.ok(type !== undefined, `${name} is declared`);
        assert.ok(isOfType(value, type), `${name} is of type ${type}`);
      }
      return;
    case "deny":
      assert.ok((answer.status ?? 403) >= 400 && (answer.status ?? 403) <= 599, "a status of a denial");
      return;
    case "error":
      assert.notEqual(answer.reason, "");
  }
}

/** Whether a value is one of a CEL type, as expressions see it. */
function isOfType(value: unknown, type: string): boolean {
  const list = /^list\((.*)\)$/.exec(type)?.[1];
  if (list !== undefined) return Array.isArray(value) && value.every((item) => isOfType(item, list));
  const map = /^map\(string, (.*)\)$/.exec(type)?.[1];
  if (map !== undefined) return value instanceof Map && value.values().every((item) => isOfType(item, map));
  const types: Readonly<Record<string, string>> = {
    string: "string",
    bool: "boolean",
    int: "bigint",
    double: "number",
  };
  return type === "dyn" || typeof value === types[type];
}
