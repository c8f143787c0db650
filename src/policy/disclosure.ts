import { VOCABULARY, type Class } from "../attributes/vocabulary.ts";
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
