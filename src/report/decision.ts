import { lastField, NOWHERE } from "../attributes/decode.ts";
import type { DecisionFacts } from "../attributes/entry-facts.ts";
import { readStruct } from "../std/struct.ts";
import { lengthField, type Range, type WireReader } from "../std/wire-reader.ts";

/** Where Envoy files what a check's answer says (measured on 1.40). */
export const NAMESPACES = { http: "envoy.filters.http.ext_authz", tcp: "envoy.filters.network.ext_authz" };

/**
 * What weir's answer to the check left for its entry, in the dynamic metadata (envoy.config.core.v3.Metadata: filter_metadata 1);
 * src/check/response.ts writes it. Undefined where nothing is there that names a decision. Throws MalformedMessage.
 */
export function readDecision(
  reader: WireReader,
  metadata: Range,
  kind: "http" | "tcp",
): DecisionFacts | undefined {
  const namespace = reader.mapValue(metadata, lengthField(1), NAMESPACES[kind]);
  const weir = namespace && reader.mapValue(namespace, lengthField(1), "weir");
  const struct = weir && lastField(reader, weir, 5);
  return struct === undefined || struct === NOWHERE ? undefined : decisionOf(readStruct(reader, struct));
}

/** The field `weir`, read. */
export function decisionOf(weir: ReadonlyMap<string, unknown>): DecisionFacts | undefined {
  const id = textOf(weir.get("decision"));
  if (id === "") return undefined;
  const carried = weir.get("carried");
  return {
    id,
    verdict: textOf(weir.get("verdict")),
    policy: textOf(weir.get("policy")),
    rule: textOf(weir.get("rule")),
    policies: weir.has("policies") ? textsOf(weir.get("policies")) : undefined,
    carried: carried instanceof Map ? carried : NOTHING,
    settleTokens: textsOf(weir.get("settle")),
  };
}

const NOTHING: ReadonlyMap<string, unknown> = new Map();

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

/** A list of texts, or one text in which they stand apart by spaces. */
const textsOf = (value: unknown): readonly string[] =>
  Array.isArray(value)
    ? value.filter((one) => typeof one === "string")
    : textOf(value)
        .split(" ")
        .filter((one) => one !== "");
