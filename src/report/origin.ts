import { lastField } from "../attributes/decode.ts";
import type { OriginFacts } from "../attributes/entry-facts.ts";
import { readStruct } from "../std/struct.ts";
import { WireReader, type Range } from "../std/wire-reader.ts";

/**
 * StreamAccessLogsMessage.Identifier, where it stands in a message: node 1 (envoy.config.core.v3.Node: id 1, cluster 2, metadata 3),
 * log_name 2. The same object as `previous` where it says the same. Throws MalformedMessage.
 */
export function readOrigin(
  message: WireReader,
  identifier: Range,
  previous: OriginFacts | undefined,
): OriginFacts {
  // A copy, since an origin outlives its message.
  const own = Buffer.from(message.bytes(identifier));
  return previous instanceof Origin && previous.bytes.equals(own) ? previous : new Origin(own);
}

class Origin implements OriginFacts {
  readonly via = "als";
  readonly logName: string;
  readonly nodeId: string;
  readonly nodeCluster: string;
  readonly bytes: Buffer;
  readonly #reader: WireReader;
  readonly #metadata: Range;
  #nodeMetadata: ReadonlyMap<string, unknown> | undefined;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    const reader = new WireReader(bytes);
    const node = lastField(reader, reader.whole, 1);
    this.logName = reader.text(lastField(reader, reader.whole, 2));
    this.nodeId = reader.text(lastField(reader, node, 1));
    this.nodeCluster = reader.text(lastField(reader, node, 2));
    this.#metadata = lastField(reader, node, 3);
    this.#reader = reader;
  }

  get nodeMetadata(): ReadonlyMap<string, unknown> {
    return (this.#nodeMetadata ??= this.#readMetadata());
  }

  #readMetadata(): ReadonlyMap<string, unknown> {
    try {
      return readStruct(this.#reader, this.#metadata);
    } catch {
      return new Map();
    }
  }
}
