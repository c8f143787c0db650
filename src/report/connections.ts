import type { EntryFacts } from "../attributes/entry-facts.ts";

/** What of one entry counts, so that nothing is counted twice however often Envoy tells of the same request or connection. */
export interface Counted {
  /** When the entry came in by the clock of this process, in epoch milliseconds. */
  readonly observedAtMs: number;
  /**
   * `finished` is the one entry of a request that counts it; `begun` and `goes-on` come before it, `attempt` is one of Envoy's tries
   * upstream, `none` an entry of a connection.
   */
  readonly request: "finished" | "begun" | "goes-on" | "attempt" | "none";
  /** What a TCP or UDP entry adds; undefined of HTTP entries. */
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
  readonly request: number;
  readonly response: number;
}

/** Tells what of each entry counts; it has state, one for a process. */
export type Count = (entry: EntryFacts, nowMs: number) => Counted;
