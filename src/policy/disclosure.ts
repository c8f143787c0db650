import { VOCABULARY, type Class } from "../attributes/vocabulary.ts";
import type { ConfiguredHandler } from "./handlers.ts";
import type { Identity } from "./identity.ts";
import type { Mentions } from "./mentions.ts";

/**
 * How much of a value may be shown that depends on these names: the strictest of them. What identities and handlers say is of
 * persons.
 */
export function disclosureOf({ attributes, identities, answers }: Mentions): Class {
  const classes = Array.from(attributes, (name) => CLASSES.get(name) ?? "secret");
  if (classes.includes("secret")) return "secret";
  const isPersonal = identities.size + answers.size > 0 || classes.includes("personal");
  return isPersonal ? "personal" : "open";
}

const CLASSES: ReadonlyMap<string, Class> = new Map(
  VOCABULARY.map((attribute) => [attribute.name, attribute.class]),
);

/**
 * The same of what telemetry reads. What a certificate says is of a workload; what tokens, keys and handlers say is of persons. A value of a
 * person's goes to handlers as a digest, but to those whose configuration says `personal: plain`.
 */
export function entryDisclosureOf(
  mentions: Mentions,
  identities: ReadonlyMap<string, Pick<Identity, "proof">>,
): Class {
  const personal = [...mentions.identities].filter((name) => !isOpenProof(identities.get(name)));
  return disclosureOf({ ...mentions, identities: new Set(personal) });
}

/** Whether what proves an identity says nothing of a person. */
export const isOpenProof = (identity: Pick<Identity, "proof"> | undefined): boolean =>
  identity?.proof.kind === "mtls";

/** Whether a handler takes values of persons as they are. */
export const takesPersons = ({ config }: Pick<ConfiguredHandler, "config">): boolean =>
  typeof config === "object" && config !== null && Reflect.get(config, "personal") === "plain";
