/** What is asked of the last refusals and faults. */
export interface DecisionsWanted {
  readonly policy: string | undefined;
  readonly rule: string | undefined;
  readonly verdict: string | undefined;
  /** Epoch milliseconds. */
  readonly sinceMs: number | undefined;
  readonly limit: number;
}

/** Where the last refusals and faults are found. */
export interface DecisionsSource {
  list(wanted: DecisionsWanted): readonly object[];
  find(decisionId: string): object | undefined;
}

const MAX_LISTED = 1_000;
const DEFAULT_LISTED = 100;
const KEYS: ReadonlySet<string> = new Set(["policy", "rule", "verdict", "since", "limit"]);

/** What a query of /decisions asks for, or a sentence that says what is wrong with it. */
export function decisionsWanted(query: Readonly<Record<string, unknown>>): DecisionsWanted | string {
  const stranger = Object.keys(query).find((key) => !KEYS.has(key));
  if (stranger !== undefined) return `there is no parameter ${stranger}; known: ${[...KEYS].join(", ")}`;
  const [policy, rule, verdict, since] = ["policy", "rule", "verdict", "since"].map((key) =>
    textOf(query[key]),
  );
  const sinceMs = since === undefined ? undefined : Date.parse(since);
  if (Number.isNaN(sinceMs)) return "since takes a moment, such as 2026-01-01T00:00:00Z";
  if (verdict !== undefined && verdict !== "deny" && verdict !== "error")
    return "verdict is deny or error: what is allowed is not kept";
  const limit = Number(query["limit"] ?? DEFAULT_LISTED);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LISTED)
    return `limit takes a whole number from 1 to ${MAX_LISTED}`;
  return { policy, rule, verdict, sinceMs, limit };
}

const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;
