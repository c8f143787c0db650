import { lastField } from "../attributes/decode.ts";
import type { AddressFacts } from "../attributes/entry-facts.ts";
import { lengthField, varintField, type Range, type WireReader } from "../std/wire-reader.ts";

/**
 * envoy.config.core.v3.Address: socket_address 1 (address 2, port_value 3), pipe 2 (path 1), envoy_internal_address 3
 * (server_listener_name 1). Undefined where it is none of these. Throws MalformedMessage.
 */
export function readAddress(reader: WireReader, range: Range): AddressFacts | undefined {
  let found: AddressFacts | undefined;
  const fields = reader.fields(range);
  while (fields.next()) {
    if (fields.tag === lengthField(1)) found = socketAddress(reader, fields);
    else if (fields.tag === lengthField(2) || fields.tag === lengthField(3))
      found = { address: reader.text(lastField(reader, fields, 1)), port: undefined };
  }
  return found;
}

function socketAddress(reader: WireReader, range: Range): AddressFacts {
  let address = "";
  let port = 0;
  const fields = reader.fields(range);
  while (fields.next()) {
    if (fields.tag === lengthField(2)) address = reader.text(fields);
    else if (fields.tag === varintField(3)) port = fields.number;
  }
  return { address, port };
}
