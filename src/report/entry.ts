import type { ReportRecord } from "../adapter/report.ts";
import { EntryAttributes } from "../attributes/entry.ts";
import type { EntryFacts } from "../attributes/entry-facts.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import { MalformedMessage } from "../std/wire-reader.ts";
import type { ReportAccount, Via } from "../telemetry/report-account.ts";
import type { Connections, Counted } from "./connections.ts";
import type { Wanted } from "./decide.ts";

/** What entries are put before. */
export interface ReportLive {
  readonly snapshot: Snapshot;
  readonly handlers: ReadonlyMap<string, { readonly queue: Taker | undefined }>;
}

/** What records are given to. */
export interface Taker {
  add(record: ReportRecord): void;
}

/** What the report path is built over. */
export interface ReportHost {
  /** Undefined: there is no configuration yet. */
  readonly live: () => ReportLive | undefined;
  readonly account: ReportAccount;
  readonly count: Connections["count"];
  readonly decide: (entry: EntryAttributes, counted: Counted, snapshot: Snapshot) => readonly Wanted[];
  /** Settles late costs by the entry of a request that is over. */
  readonly settle: (tokens: readonly string[], entry: EntryAttributes) => void;
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
  readonly onError: (error: unknown) => void;
}

/** Clocks may differ by so much before it is worth a word. */
const MOST_SKEW_MS = 5 * 60_000;

/** Takes one entry from its receipt to the queues of handlers. Whatever is wrong with it is counted, and nothing is thrown. */
export function takeEntry(host: ReportHost, via: Via, facts: EntryFacts): void {
  const { account, onError } = host;
  account.received.add(1, via);
  try {
    report(host, facts);
  } catch (error) {
    const isMalformed = error instanceof MalformedMessage;
    account.invalid.add(1, via, isMalformed ? "malformed" : "internal");
    if (!isMalformed) onError(error);
  }
}

function report({ live, account, count, decide, settle, nowMs }: ReportHost, facts: EntryFacts): void {
  const now = live();
  if (now === undefined) {
    account.unwanted++;
    return;
  }
  const atMs = nowMs();
  const counted = count(facts, atMs);
  const entry = new EntryAttributes(facts, now.snapshot.settings);
  const wanted = decide(entry, counted, now.snapshot);
  const isOver = counted.request === "finished" || counted.connection?.closed === true;
  const tokens = isOver ? (facts.decision()?.settleTokens ?? []) : [];
  const skewMs = facts.startedAtMs === undefined ? 0 : atMs - facts.startedAtMs - (facts.durationMs ?? 0);
  // From here on nothing is read of the entry that may be malformed, so that it is not counted twice.
  if (Math.abs(skewMs) > MOST_SKEW_MS) account.skewed.add(1, skewMs > 0 ? "past" : "future");
  offer(wanted, now, account);
  if (tokens.length > 0) settle(tokens, entry);
}

function offer(wanted: readonly Wanted[], { handlers }: ReportLive, account: ReportAccount): void {
  if (wanted.length === 0) account.unwanted++;
  for (const record of wanted) {
    const { handler, outcome } = record;
    const one = account.of(handler);
    if (wanted.find((other) => other.handler === handler) === record) one.wanted++;
    else one.additional++;
    const queue = handlers.get(handler)?.queue;
    if (outcome === "sampled-out") one.sampledOut++;
    else if (queue === undefined) one.dropped.add(1, "shutdown");
    else queue.add(outcome);
  }
}
