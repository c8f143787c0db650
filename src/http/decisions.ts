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

type Query = Readonly<Record<string, unknown>>;

/** What a query of /decisions asks for, or a sentence that says what is wrong with it. */
export function decisionsWanted(query: Query): DecisionsWanted | string {
  const wanted = wantedOf(query, "verdict");
  if (typeof wanted === "string") return wanted;
  const { chosen: verdict, ...others } = wanted;
  if (verdict !== undefined && verdict !== "deny" && verdict !== "error")
    return "verdict is deny or error: what is allowed is not kept";
  return { ...others, verdict };
}

/** What is asked of the last differences. */
export interface DifferencesWanted extends Omit<DecisionsWanted, "verdict"> {
  readonly kind: "shadow" | "candidate" | undefined;
}

/** Where the last differences are found. */
export interface DifferencesSource {
  list(wanted: DifferencesWanted): readonly object[];
  counts(): readonly object[];
  /** Undefined where none is tried. */
  candidate(): object | undefined;
}

/** The same of /differences. */
export function differencesWanted(query: Query): DifferencesWanted | string {
  const wanted = wantedOf(query, "kind");
  if (typeof wanted === "string") return wanted;
  const { chosen: kind, ...others } = wanted;
  if (kind !== undefined && kind !== "shadow" && kind !== "candidate") return "kind is shadow or candidate";
  return { ...others, kind };
}

type Wanted = Omit<DecisionsWanted, "verdict"> & { readonly chosen: string | undefined };

function wantedOf(query: Query, choice: "verdict" | "kind"): Wanted | string {
  const known = ["policy", "rule", choice, "since", "limit"];
  const stranger = Object.keys(query).find((key) => !known.includes(key));
  if (stranger !== undefined) return `there is no parameter ${stranger}; known: ${known.join(", ")}`;
  const [policy, rule, chosen, since] = known.map((key) => textOf(query[key]));
  const sinceMs = since === undefined ? undefined : Date.parse(since);
  if (Number.isNaN(sinceMs)) return "since takes a moment, such as 2026-01-01T00:00:00Z";
  const limit = Number(query["limit"] ?? DEFAULT_LISTED);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LISTED)
    return `limit takes a whole number from 1 to ${MAX_LISTED}`;
  return { policy, rule, chosen, sinceMs, limit };
}

const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;
