import type { Attributes } from "../attributes/attributes.ts";
import { Unknown } from "../cel/expression.ts";
import type { Subject } from "../policy/match.ts";
import type { Policy, Snapshot } from "../policy/snapshot.ts";
import { defaultDenial, ownDenial, ruleDenial } from "./denial.ts";
import { allow, type Grant } from "./effects.ts";
import { Faults } from "./faults.ts";
import { firstAllow, refusalOutcome } from "./rules.ts";
import type { Verdict } from "./verdict.ts";

/** A verdict, and the policies that were asked for it. */
export interface Decision {
  readonly verdict: Verdict;
  /** Everything that applied, policies in shadow too, for what is evaluated after the answer. */
  readonly governing: readonly Governing[];
}

/** A policy that applies to one request, with what its expressions read. */
export interface Governing {
  readonly policy: Policy;
  readonly context: object;
}

/**
 * Attributes to verdict: the one way to a decision, for gRPC, HTTP and `weir test` alike.
 * A definite refusal beats a fault of the request, which beats a fault of ours, which beats a grant;
 * so the verdict does not depend on the order of policies and rules, and no caller can choose an error.
 */
export function decide(snapshot: Snapshot, attributes: Attributes): Decision {
  const unreadable = refuseUnreadable(attributes);
  if (unreadable !== undefined) return { verdict: unreadable, governing: [] };

  const faults = new Faults();
  const governing = findGoverning(snapshot, attributes, faults);
  const enforced = governing.filter(({ policy }) => policy.mode === "enforce");
  const verdict =
    refuse(enforced, faults) ??
    refuseUngranted(snapshot, enforced) ??
    grant({ snapshot, attributes, enforced, faults });
  return { verdict, governing };
}

/** What two servers may read differently is not decided about at all. */
function refuseUnreadable({ request }: Attributes): Verdict | undefined {
  if (request.host === undefined) return ownDenial("weir/bad-host");
  if (request.target.kind === "ambiguous") return ownDenial("weir/ambiguous-path");
  return undefined;
}

/** The policies whose match holds and whose exception does not. UNKNOWN in either: the policy applies. */
function findGoverning(snapshot: Snapshot, attributes: Attributes, faults: Faults): readonly Governing[] {
  const governing: Governing[] = [];
  for (const { policy, bindings } of snapshot.lookup.find(new RequestSubject(attributes))) {
    const context = policy.context(attributes, bindings);
    const applies = policy.when?.evaluate(context);
    if (applies === false || policy.except?.evaluate(context) === true) continue;
    if (applies instanceof Unknown && policy.mode === "enforce") {
      faults.note(applies.fault, { policy: policy.id, rule: "match" });
    }
    governing.push({ policy, context });
  }
  return governing;
}

/** What the static parts of matches compare, read when one of them does. */
class RequestSubject implements Subject {
  readonly #attributes: Attributes;

  constructor(attributes: Attributes) {
    this.#attributes = attributes;
  }

  get host(): string {
    return this.#attributes.request.host ?? "";
  }

  get method(): string {
    return this.#attributes.request.method;
  }

  get segments(): readonly string[] | undefined {
    return this.#attributes.request.path_segments;
  }

  get destination(): string | undefined {
    const { namespace, service_account: serviceAccount } = this.#attributes.destination;
    return namespace && serviceAccount && `${namespace}/${serviceAccount}`;
  }

  get route(): string | undefined {
    return this.#attributes.context_extensions.get("weir.route");
  }
}

/** The first deny that is true or require that is false. What is UNKNOWN is noted and prevents a grant. */
function refuse(enforced: readonly Governing[], faults: Faults): Verdict | undefined {
  for (const { policy, context } of enforced) {
    for (const rule of policy.refusals) {
      const outcome = refusalOutcome(rule, context);
      if (outcome === "refuses") return ruleDenial(policy, rule, context);
      if (outcome !== "passes") faults.note(outcome.fault, { policy: policy.id, rule: rule.id });
    }
  }
  return undefined;
}

interface Granting {
  readonly snapshot: Snapshot;
  readonly attributes: Attributes;
  readonly enforced: readonly Governing[];
  readonly faults: Faults;
}

/** One grant of each policy that can grant, or the refusal of the first that definitely does not. */
function grant({ snapshot, attributes, enforced, faults }: Granting): Verdict {
  const grants: Grant[] = [];
  for (const { policy, context } of enforced) {
    const found = firstAllow(policy, context);
    switch (found.kind) {
      case "refuses":
        return defaultDenial(policy);
      case "unknown":
        faults.note(found.fault, { policy: policy.id, rule: found.rule });
        break;
      case "grants":
        grants.push({
          by: { policy: policy.id, rule: found.rule?.id ?? "default" },
          rule: found.rule,
          context,
        });
        break;
      case "nothing":
        break;
    }
  }
  const fault = faults.verdict();
  if (fault !== undefined) return fault;
  const [first, ...others] = grants;
  if (first !== undefined) return allow([first, ...others], enforced, attributes);
  return snapshot.settings.ungoverned === "allow"
    ? allow([UNGOVERNED], enforced, attributes)
    : ownDenial("weir/ungoverned");
}

/** weir.yaml's `ungoverned: allow` is a grant like any other. */
const UNGOVERNED: Grant = { by: { policy: "", rule: "weir/ungoverned" }, rule: undefined, context: {} };

/** Where nothing that can grant matches, the refusal is definite: it beats the faults of guards. */
function refuseUngranted(snapshot: Snapshot, enforced: readonly Governing[]): Verdict | undefined {
  const isGoverned = enforced.some(({ policy }) => policy.kind === "grants");
  return isGoverned || snapshot.settings.ungoverned === "allow" ? undefined : ownDenial("weir/ungoverned");
}
