import type { CompiledQuota } from "./compile-quotas.ts";
import type { CompiledRule } from "./compile-rules.ts";
import type { Draft } from "./compile-policy.ts";
import { PLAIN_ANSWER, type Effects } from "./effects.ts";
import type { Identity } from "./identity.ts";
import { allOf, NO_MENTIONS, type Mentions } from "./mentions.ts";
import type { PolicyFile } from "./policy-file.ts";
import type { AskRule, Policy, Rule } from "./snapshot.ts";

/** The rules and quotas of a policy by what is done with them. */
export type Assembled = Pick<
  Draft,
  "refusals" | "answered" | "asks" | "allows" | "shadows" | "quotas" | "shadowQuotas" | "kind" | "fallback"
>;

/** Sorts what was compiled of a policy. */
export function assemble(
  file: PolicyFile,
  { rules, quotas }: { readonly rules: readonly CompiledRule[]; readonly quotas: readonly CompiledQuota[] },
  identities: ReadonlyMap<string, Identity>,
): Assembled {
  const enforcedQuotas = quotas.flatMap(({ quota, mode }) => (mode === "enforce" ? [quota] : []));
  const enforced = rules.flatMap(({ rule, mode }) => (mode === "enforce" ? [rule] : []));
  const allows = enforced.filter((rule) => rule.kind === "allow");
  const asks = enforced.filter((rule) => rule.kind === "ask");
  const refusing = enforced.filter((rule) => rule.kind !== "allow");
  const verifying = verifyingAsks([...enforced, ...enforcedQuotas], identities);
  const kind = allows.length > 0 || file.default?.kind === "allow" ? "grants" : "guards";
  return {
    refusals: refusing.filter((rule) => rule.kind !== "ask").filter((rule) => !readsAnswer(rule)),
    answered: [...verifying, ...refusing.filter((rule) => rule.kind === "ask" || readsAnswer(rule))],
    asks: [...verifying, ...asks],
    allows,
    shadows: rules.flatMap(({ rule, mode }) =>
      rule.kind !== "ask" && (mode === "shadow" || rule.share !== undefined) ? [rule] : [],
    ),
    quotas: enforcedQuotas,
    shadowQuotas: quotas.flatMap(({ quota, mode }) =>
      mode === "shadow" || quota.share !== undefined ? [quota] : [],
    ),
    kind,
    fallback: fallbackOf(file, kind),
  };
}

const readsAnswer = ({ mentions }: Pick<Rule, "mentions">): boolean => mentions.answers.size > 0;

/** What has a say in what is answered. */
export const enforcedOf = ({
  refusals,
  answered,
  asks,
  allows,
  quotas,
}: Assembled): readonly { readonly mentions: Mentions }[] => [
  ...quotas,
  ...refusals,
  ...answered,
  ...asks,
  ...allows,
];

/** An identity that a handler verifies is an ask, made where an enforced rule reads it. */
function verifyingAsks(
  rules: readonly { readonly mentions: Mentions }[],
  identities: ReadonlyMap<string, Identity>,
): readonly AskRule[] {
  const { identities: read } = allOf(rules.map(({ mentions }) => mentions));
  return Array.from(identities).flatMap(([name, identity]): AskRule[] => {
    const { proof } = identity;
    if (proof.kind !== "verify" || !read.has(name)) return [];
    return [
      {
        kind: "ask",
        id: `identity/${name}`,
        when: undefined,
        mentions: NO_MENTIONS,
        handler: proof.handler,
        identity,
        as: undefined,
        outputs: identity.valueOf,
        inputs: proof.inputs,
        onError: "error",
        once: undefined,
        answer: { ...PLAIN_ANSWER, status: 401 },
        effects: NO_EFFECTS,
      },
    ];
  });
}

const NO_EFFECTS: Effects = {
  requestSet: [],
  requestAppend: [],
  requestRemove: [],
  querySet: [],
  queryRemove: [],
  responseSet: [],
  responseAppend: [],
  metadata: [],
};

function fallbackOf(file: PolicyFile, kind: Policy["kind"]): Policy["fallback"] {
  if (file.default?.kind === "allow") return "grant";
  return file.default?.kind === "deny" || kind === "grants" ? "refuse" : "nothing";
}
