import type { FieldRecord, FieldValue } from "../../src/adapter/report.ts";

/** A record of the preset `access-log`, at 2023-11-14T22:13:20Z, with what a test wants otherwise. */
export function fieldRecord(
  fields: Readonly<Record<string, FieldValue>> = { method: "GET", path: "/orders/7", status: 200 },
  more: Partial<FieldRecord> = {},
): FieldRecord {
  return {
    kind: "fields",
    rule: "orders/slow",
    observedAtMs: 1_700_000_001_250,
    timeMs: 1_700_000_000_000,
    severity: "info",
    fields: new Map(Object.entries(fields)),
    added: new Map(),
    trace: undefined,
    ...more,
  };
}
