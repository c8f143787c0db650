import assert from "node:assert/strict";
import fc from "fast-check";
import type { CheckAnswer } from "../../src/adapter/adapter.ts";
import type { Verdict } from "../../src/check/verdict.ts";
import { ENDLESS, failing, JOINED, MISSING, NO, OURS, policy, YES } from "./conditions.ts";
import type { Finding } from "../../src/identity/verifier.ts";
import { type File, snapshotOf, verdictOn } from "./fixture.ts";
import { policyOf, policyParts, rulesOf } from "./ingredients.ts";
import { allows, FAILS, GOLD, holds, made } from "./stubs.ts";

const condition = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(YES, NO) },
  { weight: 2, arbitrary: fc.constantFrom(MISSING, OURS, JOINED, ENDLESS) },
);
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 3 });

const ruleOf = fc.record({
  kind: fc.constantFrom("deny", "require", "allow", "allow"),
  condition,
  when: maybe(condition),
  mode: maybe(fc.constantFrom("shadow", "enforce")),
});

const fileOf = fc.record({
  rules: fc.array(ruleOf, { minLength: 1, maxLength: 3 }),
  match: fc.record({ methods: fc.constant(["GET"]), when: maybe(condition) }, { requiredKeys: ["methods"] }),
  except: maybe(fc.constantFrom(NO, MISSING, YES)),
  default: maybe(fc.constantFrom("allow", "deny")),
  mode: maybe(fc.constantFrom("shadow", "enforce")),
});

type Rule = typeof ruleOf extends fc.Arbitrary<infer T> ? T : never;
type Parts = typeof fileOf extends fc.Arbitrary<infer T> ? T : never;

/** The rules with ids that stay theirs wherever they stand. */
const numbered = (rules: readonly Rule[]): readonly object[] =>
  rules.map(({ kind, condition: source, when, mode }, index) =>
    defined({ id: `r${index}`, [kind]: source, when, mode }),
  );

const written = (name: string, rules: readonly object[], parts: Parts): File =>
  policy(name, rules, { ...defined(parts), rules, match: defined(parts.match) });

const defined = (value: object): object =>
  Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined));

const request = { path: `/${"a/".repeat(150)}` };
const verdictOf = (files: readonly File[]): Verdict => verdictOn(snapshotOf(...files), request, failing);

/** What must not depend on order: allowed, refused, or not decided. */
const kindOf = (verdict: Verdict): string =>
  verdict.kind === "deny" ? `deny ${Math.floor(verdict.status / 100)}xx` : verdict.kind;

const shuffled = <T>(items: readonly T[]) => fc.shuffledSubarray([...items], { minLength: items.length });

const files = fc.array(fileOf, { minLength: 1, maxLength: 4 });

type Value = boolean | "request" | "ours";
const VALUES: ReadonlyMap<string | undefined, Value> = new Map<string, Value>([
  [YES, true],
  [NO, false],
  [OURS, "ours"],
  [MISSING, "request"],
  [JOINED, "request"],
  [ENDLESS, "request"],
]);
const valueOf = (source: string | undefined, silent: boolean) => VALUES.get(source) ?? silent;

/** The page's own words on what is decided, over conditions whose values are known. */
function expected(parts: readonly Parts[]): Verdict["kind"] {
  const applying = parts.filter(
    ({ mode, match, except }) =>
      mode !== "shadow" && valueOf(match.when, true) !== false && valueOf(except, false) !== true,
  );
  const refusals = applying.map(refusalsOf);
  const allows = applying.map(allowsOf);
  const values = [
    ...applying.map(({ match }) => valueOf(match.when, true)),
    ...refusals.flat(),
    ...allows.flatMap(({ faults }) => faults),
  ];
  const isRefused = [...refusals.flat(), ...allows.map(({ says }) => says)].includes("refuses");
  if (isRefused || !allows.some(({ canGrant }) => canGrant) || values.includes("request")) return "deny";
  return values.includes("ours") ? "error" : "allow";
}

/** What the denies and requires of a policy say. */
const refusalsOf = ({ rules }: Parts) =>
  rules
    .filter(({ kind, mode, when }) => kind !== "allow" && mode !== "shadow" && valueOf(when, true) !== false)
    .map(({ kind, condition: source }) => {
      const value = valueOf(source, true);
      return value === (kind === "deny") ? "refuses" : value;
    });

/** What its allows and its default come to. */
function allowsOf(one: Parts) {
  const allows = one.rules.filter(({ kind, mode }) => kind === "allow" && mode !== "shadow");
  const canGrant = allows.length > 0 || one.default === "allow";
  const values = allows
    .filter(({ when }) => valueOf(when, true) === true)
    .map(({ condition: source }) => valueOf(source, true));
  if (values.includes(true)) return { canGrant, faults: [], says: "grants" };
  const faults = values.filter((value) => value !== false);
  const refuses = one.default === "deny" || (canGrant && one.default === undefined);
  return { canGrant, faults, says: faults.length === 0 && refuses ? "refuses" : "nothing" };
}

describe("a verdict", () => {
  it("is what the policy language says, whatever the rules", () => {
    const seen = new Set<string>();
    const property = fc.property(files, (parts) => {
      const all = parts.map((one, index) => written(`p${index}`, numbered(one.rules), one));
      const { kind } = verdictOf(all);
      seen.add(kind);
      assert.equal(kind, expected(parts));
    });
    fc.assert(property, { numRuns: 250 });
    // Errors are rare among random rules; what becomes one stands in the table of decide.test.ts.
    assert.ok(seen.has("allow") && seen.has("deny"), [...seen].join());
  });
});

describe("the order of files and rules", () => {
  it("of files in a folder changes nothing at all", () => {
    const property = fc.property(
      files.chain((parts) => {
        const all = parts.map((one, index) => written(`p${index}`, numbered(one.rules), one));
        return fc.tuple(fc.constant(all), shuffled(all));
      }),
      ([one, other]) => assert.deepEqual(verdictOf(one), verdictOf(other)),
    );
    fc.assert(property, { numRuns: 60 });
  });

  it("of names and of rules changes no verdict", () => {
    const property = fc.property(
      files.chain((parts) =>
        fc.tuple(
          fc.constant(parts.map((one, index) => written(`p${index}`, numbered(one.rules), one))),
          shuffled(parts.map((_, index) => index)).chain((order) =>
            fc.tuple(
              ...parts.map((one, index) =>
                shuffled(numbered(one.rules)).map((rules) => written(`p${order[index] ?? 0}`, rules, one)),
              ),
            ),
          ),
        ),
      ),
      ([one, other]) => assert.equal(kindOf(verdictOf(one)), kindOf(verdictOf(other))),
    );
    fc.assert(property, { numRuns: 60 });
  });

  it("changes no verdict where it matters who asks, what handlers answer and what share is enforced", async () => {
    const answer = fc.constantFrom<CheckAnswer>(
      GOLD,
      allows({ plan: "tin" }),
      allows(),
      { verdict: "deny" },
      FAILS,
    );
    const finding = fc.constantFrom<Finding>(
      holds({ sub: "alice", roles: ["admin"] }),
      holds({}),
      { kind: "absent" },
      { kind: "bad", reason: "" },
      { kind: "unavailable", reason: "" },
    );
    const seen = new Set<string>();
    const property = fc.asyncProperty(
      fc
        .array(policyParts, { minLength: 1, maxLength: 3 })
        .chain((parts) =>
          fc.tuple(
            fc.constant(parts.map((one, index) => policyOf(`p${index}`, one, rulesOf(one, `p${index}`)))),
            fc
              .tuple(
                ...parts.map((one, index) =>
                  shuffled(rulesOf(one, `p${index}`)).map((rules) => policyOf(`p${index}`, one, rules)),
                ),
              )
              .chain(shuffled),
          ),
        ),
      fc.record({ plans: answer, others: answer }),
      fc.array(finding, { minLength: 3, maxLength: 3 }),
      async ([one, other], answers, found) => {
        const findings = Object.fromEntries(found.map((each, index) => [`p${index}/user`, each]));
        const asked = { path: "/a?q=1", headers: { "x-a": "1", "x-api-key": "k" } };
        const verdicts = await Promise.all(
          [one, other].map((files) => made(files, asked, { answers, findings })),
        );
        const [first, second] = verdicts.map(({ decision }) => decision.verdict.kind);
        seen.add(first ?? "");
        assert.equal(first, second, verdicts.map(({ line }) => line).join(" and "));
      },
    );
    // One in fourteen of these is allowed, so that none in 250 means that something is wrong (1 in 10⁸).
    await fc.assert(property, { numRuns: 250 });
    assert.ok(seen.has("allow") && seen.has("deny"), [...seen].join());
  }).timeout(60_000);
});
