import type { EntryFacts } from "../attributes/entry-facts.ts";
import { stateOf } from "./filter-state.ts";
import { momentOf, type Moment } from "./moment.ts";

/** What of one entry counts, so that nothing is counted twice however often Envoy tells of the same request or connection. */
export interface Counted {
  /** When the entry came in by the clock of this process, in epoch milliseconds. */
  readonly observedAtMs: number;
  /**
   * `finished` is the one entry of a request that counts it; `begun` and `goes-on` come before it, `attempt` is one of Envoy's tries
   * upstream, `none` is what is no request.
   */
  readonly request: "finished" | "begun" | "goes-on" | "attempt" | "none";
  /** What an entry of a TCP connection or UDP session adds; undefined of requests. */
  readonly connection: CountedConnection | undefined;
  /** gRPC messages since the last entry of the request; undefined where Envoy does not say. */
  readonly messages: CountedMessages | undefined;
}

export interface CountedConnection {
  readonly opened: boolean;
  readonly closed: boolean;
  /** To and from the caller, since the connection's last entry. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

export interface CountedMessages {
  /** From the caller. */
  readonly request: number;
  /** To the caller. */
  readonly response: number;
}

/** What has been counted of a connection that goes on, in bytes, or of a request, in messages. */
export interface Total {
  readonly sent: number;
  readonly received: number;
}

const NONE: Total = { sent: 0, received: 0 };

/** What an entry adds to what was counted of its connection or request before, and what is counted of it then. */
export interface Step {
  readonly counted: Counted;
  /** Undefined where it is over, or nothing of it has to be known. */
  readonly total: Total | undefined;
}

/** An entry as it is counted: `totals` is what it tells of its connection or request so far. */
export interface Told {
  readonly moment: Moment;
  readonly totals: Total | undefined;
  readonly observedAtMs: number;
}

/**
 * One entry after another about the same connection or request; `before` is undefined where nothing of it was counted. What Envoy tells
 * are totals since the beginning, so that their differences count, and an entry that is lost is made good by the next.
 */
export function step(told: Told, before: Total | undefined): Step {
  const { moment, observedAtMs } = told;
  switch (moment) {
    case "opened":
    case "periodic":
    case "closed":
      return connectionStep(told, before);
    case "finished":
    case "goes-on":
      return requestStep(told, moment, before);
    case "begun":
    case "attempt":
    case "none":
      return { counted: uncounted(observedAtMs, moment), total: before };
  }
}

function connectionStep({ moment, totals = NONE, observedAtMs }: Told, before: Total | undefined): Step {
  const closed = moment === "closed";
  // What begins has carried nothing yet, whatever the entry says.
  const added = moment === "opened" ? NONE : since(before ?? NONE, totals);
  const connection = {
    opened: before === undefined,
    closed,
    sentBytes: added.sent,
    receivedBytes: added.received,
  };
  const counted: Counted = { observedAtMs, request: "none", connection, messages: undefined };
  return { counted, total: closed ? undefined : plus(before ?? NONE, added) };
}

function requestStep(
  { totals, observedAtMs }: Told,
  request: "finished" | "goes-on",
  before: Total | undefined,
): Step {
  const added = totals && since(before ?? NONE, totals);
  const messages = added && { request: added.received, response: added.sent };
  const total = added === undefined ? before : plus(before ?? NONE, added);
  return {
    counted: { observedAtMs, request, connection: undefined, messages },
    total: request === "finished" ? undefined : total,
  };
}

const uncounted = (observedAtMs: number, request: Counted["request"]): Counted => ({
  observedAtMs,
  request,
  connection: undefined,
  messages: undefined,
});

/** Never less than nothing: an entry that comes late tells of less than was counted. */
const since = (before: Total, now: Total): Total => ({
  sent: Math.max(0, now.sent - before.sent),
  received: Math.max(0, now.received - before.received),
});

const plus = (left: Total, right: Total): Total => ({
  sent: left.sent + right.sent,
  received: left.received + right.received,
});

/** How much is kept of what goes on, and who is told of what is not. */
export interface Keeping {
  readonly most: number;
  /** Of what no entry has told for so long, the end was lost. */
  readonly idleMs: number;
  /** One was forgotten without its end. Should it tell of itself again, it is counted anew. */
  readonly onExpired: () => void;
  /** There was no room for another: it counts when it ends, or when there is room. */
  readonly onFull: () => void;
}

interface Kept extends Total {
  readonly seenAtMs: number;
}

const SWEEP_EVERY_MS = 1_000;
const MOST_A_SWEEP = 1_000;

/** Tells what of each entry counts, by what it knows of connections and requests that go on. One for a process. */
export class Connections {
  readonly #keeping: Keeping;
  /** Those that told of themselves last stand last. */
  readonly #kept = new Map<string, Kept>();
  #sweptAtMs = -Infinity;

  constructor(keeping: Keeping) {
    this.#keeping = keeping;
  }

  /** How many go on. */
  get size(): number {
    return this.#kept.size;
  }

  /** `nowMs` is epoch milliseconds by the clock of this process. */
  count(entry: EntryFacts, nowMs: number): Counted {
    if (nowMs - this.#sweptAtMs >= SWEEP_EVERY_MS) this.#sweep(nowMs);
    const told = tell(entry, nowMs);
    if (told.totals === undefined || (told.moment === "finished" && this.#kept.size === 0))
      return step(told, undefined).counted;
    return this.#countKnown(told, identityOf(entry));
  }

  #countKnown(told: Told, identity: string | undefined): Counted {
    const isOver = told.moment === "finished" || told.moment === "closed";
    const before = identity === undefined ? undefined : this.#kept.get(identity);
    if (before === undefined && !isOver && (identity === undefined || this.#isFull())) return later(told);
    const { counted, total } = step(told, before);
    if (identity !== undefined) {
      this.#kept.delete(identity);
      if (total !== undefined) this.#kept.set(identity, { ...total, seenAtMs: told.observedAtMs });
    }
    return counted;
  }

  #isFull(): boolean {
    if (this.#kept.size < this.#keeping.most) return false;
    this.#keeping.onFull();
    return true;
  }

  #sweep(nowMs: number): void {
    this.#sweptAtMs = nowMs;
    let count = 0;
    for (const [identity, { seenAtMs }] of this.#kept) {
      if (seenAtMs + this.#keeping.idleMs > nowMs || ++count > MOST_A_SWEEP) return;
      this.#kept.delete(identity);
      this.#keeping.onExpired();
    }
  }
}

/** Nothing counts of what cannot be known again: its end will count for all of it. */
function later({ moment, observedAtMs }: Told): Counted {
  if (moment === "goes-on") return uncounted(observedAtMs, moment);
  const connection = { opened: false, closed: false, sentBytes: 0, receivedBytes: 0 };
  return { ...uncounted(observedAtMs, "none"), connection };
}

function tell(entry: EntryFacts, observedAtMs: number): Told {
  const moment = momentOf(entry);
  switch (moment) {
    case "opened":
    case "periodic":
    case "closed":
      return { moment, totals: bytesOf(entry), observedAtMs };
    case "finished":
    case "goes-on":
      return { moment, totals: messagesOf(entry), observedAtMs };
    case "begun":
    case "attempt":
    case "none":
      return { moment, totals: undefined, observedAtMs };
  }
}

/** Envoy tells the same twice of a TCP connection, old ones only once; what an HTTP logger tells of one has no bytes but those on the wire. */
function bytesOf({ connectionBytes, downstreamBytes }: EntryFacts): Total {
  return {
    sent: Math.max(connectionBytes.sent, downstreamBytes.sent),
    received: Math.max(connectionBytes.received, downstreamBytes.received),
  };
}

/** What Envoy's filter grpc_stats counts, where it has `emit_filter_state`. */
function messagesOf(entry: EntryFacts): Total | undefined {
  const stats = stateOf(entry, "envoy.filters.http.grpc_stats");
  if (!(stats instanceof Map)) return undefined;
  return {
    sent: countOf(stats.get("response_message_count")),
    received: countOf(stats.get("request_message_count")),
  };
}

/** Of an entry that came as JSON, a count is a number or a text of digits. */
function countOf(value: unknown): number {
  const count =
    typeof value === "number" || typeof value === "bigint" || typeof value === "string" ? Number(value) : 0;
  return Number.isSafeInteger(count) && count >= 0 ? count : 0;
}

/**
 * The same in all entries about one connection or request, and of no other: proxies that a request passes may give it the same stream id,
 * and so may the calls that it causes. Undefined where entries cannot be told to belong together.
 */
function identityOf(entry: EntryFacts): string | undefined {
  const { origin, streamId, startedAtMs } = entry;
  const remote = streamId === "" ? entry.address("downstream_remote") : undefined;
  if (streamId === "" && (remote === undefined || startedAtMs === undefined)) return undefined;
  const stream = remote === undefined ? streamId : `${remote.address} ${remote.port ?? ""}`;
  return `${origin.nodeId}\n${origin.logName}\n${stream}\n${startedAtMs ?? ""}`;
}
