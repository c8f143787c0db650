import type { Adapter, Input, Output } from "../adapter/adapter.ts";
import type { QueueSettings } from "../host/delivery.ts";
import type { Place } from "./diagnostic.ts";
import type { RecordType } from "./records.ts";

/** One handler of weir.yaml with the configuration that its adapter has accepted. */
export interface ConfiguredHandler {
  readonly name: string;
  readonly adapter: Adapter;
  /** As it is written; the adapter's schema takes it. */
  readonly config: unknown;
  /** Where weir.yaml names it. */
  readonly place: Place;
  /** That of weir.yaml, from which paths in its configuration count. */
  readonly folder: string;
  /** Equal for two handlers that need not be told apart, so that one that has not changed survives a reload. */
  readonly key: string;
  /** Of a check: at most its time, less what weir keeps for itself. */
  readonly deadlineMs: number;
  /** Undefined where its adapter takes no records. */
  readonly queue: QueueSettings | undefined;
  /** What it is asked with, and answers, by name. */
  readonly declared: {
    readonly inputs: Readonly<Record<string, Input>>;
    readonly outputs: Readonly<Record<string, Output>>;
  };
  /** The type of its answers. */
  readonly outputs: RecordType;
}
