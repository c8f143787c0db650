import type { EntryFacts, OriginFacts } from "../attributes/entry-facts.ts";

/** Why an entry, or a whole message (`empty_message`), yields nothing. */
export type InvalidReason = "malformed" | "no_common_properties" | "no_request" | "empty_message";

/** What one message of a stream says. */
export interface Read {
  /** Undefined until a stream has named its Envoy. */
  readonly origin: OriginFacts | undefined;
  readonly entries: readonly EntryFacts[];
  /** One for each entry that was left out. */
  readonly invalid: readonly InvalidReason[];
}

/**
 * The entries of a StreamAccessLogsMessage (envoy.service.accesslog.v3). `previous` is the origin of the stream's message before, which
 * holds until another comes. Never throws; neither do the getters of the entries.
 */
export function readEntries(message: Buffer, previous: OriginFacts | undefined): Read {
  return { origin: previous, entries: [], invalid: message.length === 0 ? ["empty_message"] : [] };
}
