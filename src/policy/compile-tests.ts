import type { WrittenHandlers } from "./compile-handlers.ts";
import type { CompiledPolicy } from "./compile-policy.ts";
import { didYouMean, problem, type Diagnostic } from "./diagnostic.ts";
import type { Document } from "./document.ts";
import type { ConfiguredHandler } from "./handlers.ts";
import { typedValue } from "./identity-values.ts";
import type { Path } from "./source.ts";
import type { Stub, StubAnswer, Stubs } from "./stubs-file.ts";
import { subjectOf, type Expectation, type TestsFile } from "./tests-file.ts";

interface Tests {
  readonly document: Document;
  readonly file: TestsFile;
}

/** What files of tests may name. */
export interface Subjects {
  readonly policies: readonly CompiledPolicy[];
  /** Names of policies that were not compiled, because they, or what they use, could not be read. */
  readonly skipped: ReadonlySet<string>;
  readonly handlers: WrittenHandlers;
}

/** What files of tests name and nothing has: an expectation that nothing can meet, or that meets by accident. */
export function unknownSubjects(tests: readonly Tests[], subjects: Subjects): readonly Diagnostic[] {
  const { policies, skipped, handlers } = subjects;
  const byId = new Map(policies.map((policy) => [policy.file.policy, policy]));
  return tests.flatMap((one) => {
    const { document, file } = one;
    const identities = [
      // Those of a policy that was not compiled are not known.
      ...(skipped.size === 0 ? unknownIdentities(one, policies) : []),
      ...unknownBackends(one, handlers),
    ];
    if (byId.has(file.tests) || skipped.has(file.tests))
      return [
        ...identities,
        ...file.expect.flatMap((each) => unknownRule(one, each, byId, skipped)),
        ...file.expect.flatMap((each) => unknownTelemetry(one, each, byId, skipped)),
      ];
    const message = `there is no policy "${file.tests}"`;
    return [
      ...identities,
      problem(document.at(["tests"]), "unknown-policy", message, didYouMean(file.tests, byId.keys())),
    ];
  });
}

/** `owner` and `identity/user` are of the policy that is tested, `guard/no-admin` of another, `weir/…` is weir's own. */
function unknownRule(
  { document, file }: Tests,
  { index, verdict: { kind, rule } }: Expectation,
  policies: ReadonlyMap<string, CompiledPolicy>,
  skipped: ReadonlySet<string>,
): readonly Diagnostic[] {
  const { policy: policyId, rule: ruleId } = subjectOf(file.tests, rule);
  if (policyId === "" || skipped.has(policyId)) return [];
  const place = document.at(["expect", index, kind]);
  const policy = policies.get(policyId);
  if (policy === undefined) {
    const message = `there is no policy "${policyId}"`;
    return [problem(place, "unknown-policy", message, didYouMean(policyId, policies.keys()))];
  }
  const ids = [
    ...["default", "match"],
    ...policy.file.rules.map(({ id }) => id),
    ...policy.file.quotas.map(({ id }) => id),
    ...Array.from(policy.identities.keys(), (name) => `identity/${name}`),
  ];
  if (ids.includes(ruleId)) return [];
  return [
    problem(place, "unknown-rule", `the policy ${policyId} has no rule "${ruleId}"`, didYouMean(ruleId, ids)),
  ];
}

/** As in a verdict: `slow` is of the policy that is tested, `mesh/slow` of another. */
function unknownTelemetry(
  { document, file }: Tests,
  { index, telemetry }: Expectation,
  policies: ReadonlyMap<string, CompiledPolicy>,
  skipped: ReadonlySet<string>,
): readonly Diagnostic[] {
  return Array.from(telemetry.keys()).flatMap((named) => {
    const { policy: policyId, rule } = subjectOf(file.tests, named);
    if (skipped.has(policyId)) return [];
    const place = document.keyAt(["expect", index, "telemetry", named]);
    const policy = policies.get(policyId);
    if (policy === undefined) {
      const message = `there is no policy "${policyId}"`;
      return [problem(place, "unknown-policy", message, didYouMean(policyId, policies.keys()))];
    }
    const ids = policy.file.telemetry.map(({ id }) => id);
    if (ids.includes(rule)) return [];
    const message = `the policy ${policyId} has no telemetry rule "${rule}"`;
    return [problem(place, "unknown-rule", message, didYouMean(rule, ids))];
  });
}

function unknownIdentities(
  { document, file }: Tests,
  policies: readonly CompiledPolicy[],
): readonly Diagnostic[] {
  const fieldsOf = new Map<string, Set<string>>();
  for (const [name, { type }] of policies.flatMap(({ identities }) => [...identities])) {
    fieldsOf.set(name, new Set([...(fieldsOf.get(name) ?? []), ...Object.keys(type.fields)]));
  }
  return Array.from(file.principals).flatMap(([name, principal]) => {
    if (principal.kind === "credentials") return [];
    return Array.from(principal.identities).flatMap(([identity, fields]) => {
      const path = ["principals", name, identity];
      const known = fieldsOf.get(identity);
      if (known === undefined) {
        const message = `no policy has an identity "${identity}"`;
        const hint = didYouMean(identity, fieldsOf.keys());
        return [problem(document.keyAt(path), "unknown-name", message, hint)];
      }
      return [...fields.keys()]
        .filter((field) => !known.has(field))
        .map((field) => {
          const place = document.keyAt([...path, field]);
          return problem(
            place,
            "unknown-key",
            `the identity ${identity} has no "${field}"`,
            didYouMean(field, known),
          );
        });
    });
  });
}

/** A stub that stands in a file, with its place. */
interface PlacedStub {
  readonly name: string;
  readonly stub: Stub;
  readonly path: Path;
}

/** What a file of tests stands in for must be there: handlers in weir.yaml, what they answer in the adapter. */
function unknownBackends({ document, file }: Tests, handlers: WrittenHandlers): readonly Diagnostic[] {
  const placed = (stubs: Stubs, path: Path): readonly PlacedStub[] =>
    Array.from(stubs, ([name, stub]) => ({ name, stub, path: [...path, name] }));
  const all = [
    ...placed(file.backends, ["backends"]),
    ...file.expect.flatMap(({ index, backends }) => placed(backends, ["expect", index, "backends"])),
  ];
  return all.flatMap((one) => {
    const { name, path } = one;
    if (handlers.has(name)) return unknownAnswers(one, { document, file }, handlers.get(name));
    const message = `weir.yaml has no handler "${name}"`;
    return [problem(document.keyAt(path), "unknown-name", message, didYouMean(name, handlers.keys()))];
  });
}

function unknownAnswers(
  { name, stub, path }: PlacedStub,
  { document, file: { principals } }: Tests,
  handler: ConfiguredHandler | undefined,
): readonly Diagnostic[] {
  const answers: readonly (readonly [Path, StubAnswer])[] =
    stub.kind === "any"
      ? [[path, stub.answer]]
      : Array.from(stub.answers, ([principal, answer]) => [[...path, principal], answer]);
  const strangers = stub.kind === "any" ? [] : [...stub.answers.keys()].filter((one) => !principals.has(one));
  const unknownOutputs = answers.flatMap(([at, answer]) => {
    if (handler === undefined || answer.kind !== "allow") return [];
    const known = new Map(Object.entries(handler.outputs.fields));
    return Array.from(answer.outputs).flatMap(([output, value]) => {
      const type = known.get(output);
      const path = [...at, output];
      if (type === undefined) {
        const message = `${name} never answers "${output}"`;
        return [problem(document.keyAt(path), "unknown-key", message, didYouMean(output, known.keys()))];
      }
      if (typedValue(type, value) !== undefined) return [];
      return [problem(document.at(path), "wrong-type", `${name} answers ${output} as a ${type}`)];
    });
  });
  return [
    ...unknownOutputs,
    ...strangers.map((principal) => {
      const message = `no principal of this file has the name "${principal}"`;
      const hint = didYouMean(principal, principals.keys());
      return problem(document.keyAt([...path, principal]), "unknown-name", message, hint);
    }),
  ];
}
