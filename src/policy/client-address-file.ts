import { z } from "zod";
import type { ClientAddress } from "../attributes/client-address.ts";
import { parseCidr } from "../std/ip.ts";
import { integer, misplaced, oneOf, parsedText, refuse, word } from "./fields.ts";
import { list, mapping } from "./fields-of-collections.ts";
import { CIDR_FORM } from "./outbound-file.ts";

/** `clientAddress` of weir.yaml. */
export const CLIENT_ADDRESS = mapping({
  from: word(["peer", "xff"]),
  trustedHops: integer(1, 100).optional(),
  trustedProxies: list(parsedText(CIDR_FORM, parseCidr), "networks").optional(),
}).transform((found, context): ClientAddress => {
  const { from, trustedHops, trustedProxies } = found;
  if (from === "xff") {
    oneOf(context, { trustedHops, trustedProxies }, ["trustedHops", "trustedProxies"]);
    if (trustedHops !== undefined) return { from, trustedHops };
    return trustedProxies === undefined ? z.NEVER : { from, trustedProxies };
  }
  for (const key of ["trustedHops", "trustedProxies"] as const) {
    if (found[key] === undefined) continue;
    const message = `${key} says how X-Forwarded-For is read, and it is not read`;
    refuse(context, misplaced("one-of", message, "write `from: xff`, or remove it"), [key]);
  }
  return { from };
});
