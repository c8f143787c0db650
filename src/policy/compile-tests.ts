import { WORKLOAD_FIELDS } from "./declarations.ts";
import { didYouMean, problem, type Diagnostic } from "./diagnostic.ts";
import type { Document } from "./document.ts";
import type { PolicyFile } from "./policy-file.ts";
import type { Expectation, TestsFile } from "./tests-file.ts";

interface Tests {
  readonly document: Document;
  readonly file: TestsFile;
}

/** What files of tests name and nothing has: an expectation that nothing can meet, or that meets by accident. */
export function unknownSubjects(
  tests: readonly Tests[],
  policies: readonly PolicyFile[],
): readonly Diagnostic[] {
  const byId = new Map(policies.map((policy) => [policy.policy, policy]));
  return tests.flatMap((one) => {
    const { document, file } = one;
    const identities = unknownIdentities(one, policies);
    if (byId.has(file.tests))
      return [...identities, ...file.expect.flatMap((each) => unknownRule(one, each, byId))];
    const message = `there is no policy "${file.tests}"`;
    return [
      ...identities,
      problem(document.at(["tests"]), "unknown-policy", message, didYouMean(file.tests, byId.keys())),
    ];
  });
}

/** `owner` is a rule of the policy that is tested, `guard/no-admin` one of another, `weir/…` one of weir's own. */
function unknownRule(
  { document, file }: Tests,
  { index, verdict: { kind, rule } }: Expectation,
  policies: ReadonlyMap<string, PolicyFile>,
): readonly Diagnostic[] {
  const [first = "", second] = rule.split("/");
  if (first === "weir" && second !== undefined) return [];
  const [policyId, ruleId] = second === undefined ? [file.tests, first] : [first, second];
  const place = document.at(["expect", index, kind]);
  const policy = policies.get(policyId);
  if (policy === undefined) {
    const message = `there is no policy "${policyId}"`;
    return [problem(place, "unknown-policy", message, didYouMean(policyId, policies.keys()))];
  }
  const ids = ["default", "match", ...policy.rules.map(({ id }) => id)];
  if (ids.includes(ruleId)) return [];
  return [
    problem(place, "unknown-rule", `the policy ${policyId} has no rule "${ruleId}"`, didYouMean(ruleId, ids)),
  ];
}

function unknownIdentities(
  { document, file }: Tests,
  policies: readonly PolicyFile[],
): readonly Diagnostic[] {
  const known = new Set(policies.flatMap((policy) => [...policy.identities.keys()]));
  return Array.from(file.principals).flatMap(([name, principal]) => {
    if (principal.kind === "credentials") return [];
    return Array.from(principal.identities).flatMap(([identity, fields]) => {
      const path = ["principals", name, identity];
      if (!known.has(identity)) {
        const message = `no policy has an identity "${identity}"`;
        return [problem(document.keyAt(path), "unknown-name", message, didYouMean(identity, known))];
      }
      return [...fields.keys()]
        .filter((field) => !Object.hasOwn(WORKLOAD_FIELDS, field))
        .map((field) => {
          const hint = didYouMean(field, Object.keys(WORKLOAD_FIELDS));
          return problem(
            document.keyAt([...path, field]),
            "unknown-key",
            `an identity has no "${field}"`,
            hint,
          );
        });
    });
  });
}
