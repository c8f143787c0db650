import type { Steps } from "../std/steps.ts";
import type { CompiledPolicy } from "./compile-policy.ts";
import { warning, type Diagnostic } from "./diagnostic.ts";
import { canOverlap } from "./match.ts";
import type { WrittenTelemetry } from "./telemetry-file.ts";

/** A telemetry rule with a preset, and its policy. */
interface Sender {
  readonly policy: CompiledPolicy;
  readonly rule: WrittenTelemetry;
}

/**
 * Two telemetry rules that send the same preset of one entry to the same handler: whatever is counted there is counted twice. Where
 * both have conditions, these may exclude one another. A step for each rule.
 */
export function* findingCountedTwice(policies: readonly CompiledPolicy[]): Steps<readonly Diagnostic[]> {
  const found: Diagnostic[] = [];
  const senders = new Map<string, Sender[]>();
  for (const policy of policies) {
    for (const rule of policy.file.telemetry) {
      if (rule.preset === undefined) continue;
      const key = `${rule.to} ${rule.preset}`;
      const earlier = senders.get(key) ?? [];
      const other = earlier.find((one) => bothWant(one, { policy, rule }));
      if (other !== undefined) found.push(countedTwice({ policy, rule }, other));
      senders.set(key, [...earlier, { policy, rule }]);
      yield;
    }
  }
  return found;
}

/** Whether some entry is one that both send. */
function bothWant(left: Sender, right: Sender): boolean {
  if (left.policy === right.policy)
    return (
      left.rule.when === undefined || right.rule.when === undefined || left.rule.when === right.rule.when
    );
  const mayDiffer = isConditional(left) && isConditional(right);
  return !mayDiffer && canOverlap(left.policy.draft.match, right.policy.draft.match);
}

const isConditional = ({ rule, policy: { file } }: Sender): boolean =>
  rule.when !== undefined ||
  file.except !== undefined ||
  (file.match !== "everything" && file.match.when !== undefined);

function countedTwice({ policy, rule }: Sender, other: Sender): Diagnostic {
  const by = other.policy === policy ? other.rule.id : `${other.policy.file.policy}/${other.rule.id}`;
  const message = `${by} sends ${rule.preset ?? ""} to ${rule.to}, too, and both may want one entry`;
  const hint = "remove one of the two, or let their `when` exclude one another";
  return warning(policy.document.at(["telemetry", rule.index, "id"]), "counted-twice", message, hint);
}
