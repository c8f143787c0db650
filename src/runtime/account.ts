import type { HandlerAccount, ReportAccount } from "../telemetry/report-account.ts";
import type { Handlers } from "./handlers.ts";

/** What became of access-log entries since this process started, as /account shows it. It holds names and sums. */
export interface Account {
  /** Open streams by what they carry. */
  readonly streams: Sums;
  readonly received: Sums;
  /** By way and reason. */
  readonly invalid: Sums;
  readonly shed: Sums;
  readonly unwanted: number;
  readonly connections: { readonly open: number; readonly expired: number };
  /** What rules could not read, by policy, rule and name. */
  readonly missing: Sums;
  readonly handlers: readonly HandlerLine[];
}

export type Sums = Readonly<Record<string, number>>;

/** One handler that takes records, live or not, and what became of them. */
export interface HandlerLine {
  readonly handler: string;
  /** Undefined: it is no longer in weir.yaml. */
  readonly adapter: string | undefined;
  readonly state: string;
  readonly detail: string;
  /** Entries of which no rule made a record for it. */
  readonly unwanted: number;
  readonly sampledOut: number;
  readonly delivered: number;
  /** By reason. */
  readonly dropped: Sums;
  /** Records that wait or are under way, and how many may. */
  readonly queued: number;
  readonly capacity: number;
  /** Records beyond the first of an entry. */
  readonly additional: number;
  /** Received less all that became of it: 0, unless weir loses entries unseen. */
  readonly imbalance: number;
}

/** The account with the handlers that are live. */
export function accountOf(account: ReportAccount, live: Handlers): Account {
  for (const { configured, queue } of live.values()) if (queue !== undefined) account.of(configured.name);
  return {
    streams: sumsOf(account.streams),
    received: sumsOf(account.received),
    invalid: sumsOf(account.invalid),
    shed: sumsOf(account.shed),
    unwanted: account.unwanted,
    connections: { open: account.connections.size, expired: account.connectionsExpired },
    missing: sumsOf(account.missing),
    handlers: Array.from(account.handlers, ([handler, one]) => ({
      handler,
      ...healthOf(live, handler),
      ...lineOf(account, one),
    })),
  };
}

/** The sums alone, as the log has them when the process ends. */
export const sumsAtEnd = (account: ReportAccount) => ({
  received: sumsOf(account.received),
  invalid: sumsOf(account.invalid),
  shed: sumsOf(account.shed),
  handlers: Object.fromEntries(
    Array.from(account.handlers, ([handler, one]) => [handler, lineOf(account, one)]),
  ),
});

function healthOf(live: Handlers, name: string): Pick<HandlerLine, "adapter" | "state" | "detail"> {
  const running = live.get(name);
  if (running === undefined)
    return { adapter: undefined, state: "gone", detail: "not in weir.yaml any more" };
  return { adapter: running.configured.adapter.id, ...running.handler.status() };
}

const lineOf = (
  account: ReportAccount,
  one: HandlerAccount,
): Omit<HandlerLine, "handler" | "adapter" | "state" | "detail"> => ({
  unwanted: account.unwantedBy(one),
  sampledOut: one.sampledOut,
  delivered: one.delivered,
  dropped: sumsOf(one.dropped),
  queued: one.queued.count,
  capacity: one.queued.capacity,
  additional: one.additional,
  imbalance: account.imbalance(one),
});

interface Summed {
  readonly entries: () => readonly (readonly [labels: readonly string[], sum: number])[];
}

const sumsOf = (tally: Summed): Sums =>
  Object.fromEntries(tally.entries().map(([labels, sum]) => [labels.join(" "), sum]));
