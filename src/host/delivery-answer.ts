import type { Delivery } from "../adapter/report.ts";

export type Answered = Extract<Delivery, { kind: "delivered" }>;
export type Refused = Extract<Delivery, { kind: "refused" }>;
export type Retry = Extract<Delivery, { kind: "retry" }>;

/** What was thrown in place of an answer: nothing has arrived. */
export const failure = (error: unknown): Retry => ({
  kind: "retry",
  reason: error instanceof Error ? error.message : String(error),
});

/** What a handler has answered for a batch of so many records, if it is an answer: adapters may be anybody's. */
export function deliveryOf(value: unknown, records: number): Delivery {
  const { kind, reason, dropped, afterMs } = isRecord(value) ? value : {};
  const why = typeof reason === "string" ? reason : "the handler gave no reason";
  switch (kind) {
    case "delivered":
      return { kind };
    case "refused":
      if (typeof dropped !== "number" || !Number.isInteger(dropped) || dropped < 0 || dropped > records)
        break;
      return { kind, dropped, reason: why };
    case "retry":
      return typeof afterMs === "number" && afterMs >= 0
        ? { kind, reason: why, afterMs }
        : { kind, reason: why };
  }
  return { kind: "retry", reason: "what the handler answered says not what became of the batch" };
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;
