import { NO_ENTRY, type EntryFacts, type OriginFacts } from "../attributes/entry-facts.ts";
import type { ProxyFacts } from "../attributes/facts.ts";
import { OTLP_RESOURCE } from "../attributes/otlp.ts";
import { lengthField, MalformedMessage, WireReader, type Range } from "../std/wire-reader.ts";
import { bytesOf, messageField, numberField, textField } from "../std/wire-writer.ts";
import type { InvalidReason } from "./attributes.ts";
import type { EntryContext } from "./log-entry.ts";
import { OtlpEntry } from "./otlp-entry.ts";
import { readKeyValues } from "./otlp-values.ts";

/** Why a record yields nothing: it is no LogRecord, or has none of the attributes that `weir envoy --otlp` prints. */
export type InvalidRecord = Extract<InvalidReason, "malformed" | "unknown_attributes">;

/** What one export says. */
export interface OtlpRead {
  readonly entries: readonly EntryFacts[];
  /** One for each record that was left out; of a message that is malformed as a whole, one alone. */
  readonly invalid: readonly InvalidRecord[];
}

interface Found {
  readonly entries: EntryFacts[];
  readonly invalid: InvalidRecord[];
  readonly proxy: ProxyFacts;
}

/** Resources of which what they say is remembered: each Envoy has one for each of its loggers. */
const MAX_ORIGINS = 4_096;

/**
 * Reads exports (opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest) into entries. It remembers what resources say, so that
 * all entries of one logger of one Envoy have the same origin, whatever connection they come by.
 */
export class OtlpReader {
  readonly #origins = new Map<string, OriginFacts>();

  /**
   * `proxy` is the Envoy that sends. Never throws; neither do the getters of the entries. A message that is malformed as a whole yields no
   * entry.
   */
  read(message: Buffer, proxy: ProxyFacts = NO_ENTRY.proxy): OtlpRead {
    const entries: EntryFacts[] = [];
    const invalid: InvalidRecord[] = [];
    try {
      const reader = new WireReader(message);
      const resources = reader.fields(reader.whole);
      while (resources.next()) {
        if (resources.tag === lengthField(1))
          this.#readResource(reader, resources.range(), { entries, invalid, proxy });
      }
    } catch (error) {
      if (error instanceof MalformedMessage) return { entries: [], invalid: ["malformed"] };
      throw error;
    }
    return { entries, invalid };
  }

  #readResource(reader: WireReader, resourceLogs: Range, { entries, invalid, proxy }: Found): void {
    const context = { origin: this.#originOf(reader, resourceLogs), proxy };
    for (const record of recordsOf(reader, resourceLogs)) {
      const entry = readRecord(reader, record, context);
      if (typeof entry === "string") invalid.push(entry);
      else entries.push(entry);
    }
  }

  /** ResourceLogs: resource 1; Resource: attributes 1. */
  #originOf(reader: WireReader, resourceLogs: Range): OriginFacts {
    let resource: Range = { start: 0, end: 0 };
    const fields = reader.fields(resourceLogs);
    while (fields.next()) if (fields.tag === lengthField(1)) resource = fields.range();
    const key = reader.bytes(resource).toString("latin1");
    const known = this.#origins.get(key);
    if (known !== undefined) return known;
    const origin = originOf(readKeyValues(reader, resource, lengthField(1)));
    const [oldest] = this.#origins.keys();
    if (this.#origins.size >= MAX_ORIGINS && oldest !== undefined) this.#origins.delete(oldest);
    this.#origins.set(key, origin);
    return origin;
  }
}

/** ResourceLogs: scope_logs 2; ScopeLogs: log_records 2. */
function* recordsOf(reader: WireReader, resourceLogs: Range): Generator<Range> {
  const scopes = reader.fields(resourceLogs);
  while (scopes.next()) {
    if (scopes.tag !== lengthField(2)) continue;
    const records = reader.fields(scopes);
    while (records.next()) if (records.tag === lengthField(2)) yield records.range();
  }
}

function readRecord(reader: WireReader, record: Range, context: EntryContext): EntryFacts | InvalidRecord {
  try {
    return OtlpEntry.read(reader, record, context) ?? "unknown_attributes";
  } catch (error) {
    if (error instanceof MalformedMessage) return "malformed";
    throw error;
  }
}

function originOf(attributes: ReadonlyMap<string, unknown>): OriginFacts {
  const { logName, nodeId, nodeCluster, nodeMetadata } = OTLP_RESOURCE;
  const text = (key: string): string => {
    const value = attributes.get(key);
    return typeof value === "string" ? value : "";
  };
  const metadata = [...attributes].flatMap(([key, value]): [string, unknown][] =>
    key.startsWith(nodeMetadata) ? [[key.slice(nodeMetadata.length), value]] : [],
  );
  return {
    via: "otlp",
    logName: text(logName),
    nodeId: text(nodeId),
    nodeCluster: text(nodeCluster),
    nodeMetadata: new Map(metadata),
  };
}

/** ExportLogsServiceResponse: partial_success 1 (rejected_log_records 1, error_message 2), absent where every record was taken. */
export const exportResponse = (rejected: number, why: string): Buffer =>
  bytesOf(rejected === 0 ? "" : messageField(1, numberField(1, rejected) + textField(2, why)));

/** What whoever sends records that are left out should know; empty where none is. */
export function whyRejected(invalid: readonly InvalidRecord[]): string {
  const strange = invalid.filter((reason) => reason === "unknown_attributes").length;
  const malformed = invalid.length - strange;
  return [
    ...(strange === 0
      ? []
      : [
          `${strange} without the attribute log.type: print the logger's configuration with weir envoy --otlp`,
        ]),
    ...(malformed === 0 ? [] : [`${malformed} malformed`]),
  ].join("; ");
}
