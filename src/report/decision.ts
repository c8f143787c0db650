import type { DecisionFacts } from "../attributes/entry-facts.ts";

/** Where Envoy files what a check's answer says (measured on 1.40). */
export const NAMESPACES = { http: "envoy.filters.http.ext_authz", tcp: "envoy.filters.network.ext_authz" };

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
