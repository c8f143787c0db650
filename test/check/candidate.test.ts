import assert from "node:assert/strict";
import { CandidateTrial } from "../../src/check/candidate.ts";
import { Differences } from "../../src/check/differences.ts";
import type { Made } from "../../src/check/recent.ts";
import type { Finding, Presented } from "../../src/identity/verifier.ts";
import type { Snapshot } from "../../src/policy/snapshot.ts";
import type { Backends } from "../../src/runtime/backends.ts";
import { MISSING, policy, rule, YES } from "./conditions.ts";
import { type Asked, type File } from "./fixture.ts";
import {
  madeOn,
  ask,
  asking,
  allows,
  type Circumstances,
  GOLD,
  holds,
  HANDLERS,
  jwt,
  snapshotWith,
} from "./stubs.ts";

const GET: Asked = { path: "/orders/1?token=hush" };

/** Tries a candidate on what live policies have decided. */
function trial(candidate: Snapshot | undefined, find: Backends["find"] = () => ({ kind: "absent" })) {
  const checks: string[] = [];
  const counted: string[] = [];
  const differences = new Differences({ maxBytes: 100_000, maxExplainedPerSecond: 20 }, String);
  const tried = new CandidateTrial({
    candidate: () => candidate && { snapshot: candidate, find },
    share: 1,
    metrics: {
      countCandidateCheck: (result) => checks.push(result),
      countCandidateDifference: ({ policy: id, rule: by }, from, to) =>
        counted.push(`${id}/${by} ${from} ${to}`),
    },
    differences,
  });
  return { tried, checks, counted, differences };
}

const madeBy = (live: Snapshot, request: Asked, circumstances: Circumstances = {}): Promise<Made> =>
  madeOn(live, request, { circumstances, atMs: 1_000 });

/** What is counted of one request: the result, and the difference if there is one. */
async function compared(
  live: readonly File[],
  candidate: readonly File[],
  {
    request = GET,
    find,
    ...circumstances
  }: Circumstances & { request?: Asked; find?: Backends["find"] } = {},
): Promise<readonly string[]> {
  const { tried, checks, counted } = trial(snapshotWith(candidate), find);
  const made = await madeBy(snapshotWith(live), request, circumstances);
  assert.ok(tried.wants(made));
  await tried.try(made);
  return [...checks, ...counted];
}

const reads = (more: object = {}): File => policy("a", [rule("allow", 'request.method == "GET"', more)]);
const closed = policy("a", [rule("deny", YES), rule("allow", YES)]);
const header = (value: string) => reads({ request: { set: { "x-a": value } } });

describe("a candidate", () => {
  for (const [what, live, candidate, expected] of [
    ["that says the same", [reads()], [reads()], ["same"]],
    ["in which another rule says the same", [reads()], [policy("b", [rule("allow", YES)])], ["same"]],
    ["that refuses", [reads()], [closed], ["different", "a/denys allow deny"]],
    ["that allows", [closed], [reads()], ["different", "a/allows deny allow"]],
    ["that sets another header", [header("1")], [header("2")], ["different", "a/allows allow allow"]],
    [
      "that refuses with another status",
      [closed],
      [policy("a", [rule("deny", YES, { status: 404 }), rule("allow", YES)])],
      ["different", "a/denys deny deny"],
    ],
    [
      "in which a value is missing",
      [reads()],
      [policy("a", [rule("allow", MISSING)])],
      ["different", "a/allows allow deny"],
    ],
    ["that would have to ask", [reads()], [asking()], ["unknown", "a/plan allow unknown"]],
  ] as const) {
    it(`${what}: ${expected.join(", ")}`, async () =>
      assert.deepEqual(await compared(live, candidate), expected));
  }

  it("reads the request by its own weir.yaml", async () => {
    const inside = policy("a", [rule("allow", "has(source.principal)")]);
    const request = { ...GET, source: "spiffe://prod.example.com/ns/a/sa/b" };
    const live: File = { ...HANDLERS, mesh: { trustDomains: ["prod.example.com"] } };
    assert.deepEqual(await compared([live, inside], [inside], { request }), [
      "different",
      "a/default allow deny",
    ]);
  });

  it("takes the answers and the findings that are there, and asks nobody", async () => {
    const answers = { plans: GOLD };
    const golden = policy("a", [ask(), rule("allow", 'plan.plan == "gold"')]);
    assert.deepEqual(await compared([asking()], [golden], { answers }), ["same"]);
    const other = policy("a", [ask({ with: { method: "other" } }), rule("allow", YES)]);
    assert.deepEqual(await compared([asking()], [other], { answers }), ["unknown", "a/plan allow unknown"]);
    assert.deepEqual(await compared([asking()], [golden], { answers: { plans: allows({ plan: "tin" }) } }), [
      "different",
      "a/default allow deny",
    ]);
    const signed = (id: string, condition: string): File =>
      policy(id, [rule("allow", condition)], { identities: { user: jwt() } });
    const found = { findings: { "a/user": holds({ sub: "alice" }) } };
    const never = () => assert.fail("a verifier was asked again");
    const [live, candidate] = [signed("a", "has(auth.user)"), signed("b", 'auth.user.sub == "alice"')];
    assert.deepEqual(await compared([live], [candidate], { ...found, find: never }), ["same"]);
  });

  it("verifies what the live policies did not look at, and waits for keys", async () => {
    const signed = policy("b", [rule("allow", "has(auth.user)")], { identities: { user: jwt() } });
    const holding = holds({ sub: "alice" });
    assert.deepEqual(await compared([reads()], [signed], { find: () => holding }), ["same"]);
    assert.deepEqual(await compared([reads()], [signed], { find: () => Promise.resolve(holding) }), ["same"]);
    const unavailable: Finding = { kind: "unavailable", reason: "not yet" };
    assert.deepEqual(await compared([reads()], [signed], { find: () => unavailable }), [
      "unknown",
      "b/identity/user allow unknown",
    ]);
  });

  it("hands on what the request presents, held against nobody", async () => {
    const signed = policy("b", [rule("allow", "has(auth.user)")], { identities: { user: jwt() } });
    const seen: Presented[] = [];
    const { tried } = trial(snapshotWith([signed]), (_identity, presented) => {
      seen.push(presented);
      return { kind: "absent" };
    });
    const request: Asked = { path: "/?key=1", headers: { authorization: "Bearer x" }, address: "10.0.0.9" };
    await tried.try(await madeBy(snapshotWith([reads()]), request));
    const [presented] = seen;
    assert.equal(presented?.headers.get("authorization"), "Bearer x");
    assert.deepEqual(presented.query?.get("key"), ["1"]);
    assert.equal(presented.client, "");
  });

  it("explains a difference, with nothing secret in it", async () => {
    const { tried, differences } = trial(snapshotWith([closed]));
    const made = await madeBy(snapshotWith([reads()]), GET);
    await tried.try(made);
    const [difference] = differences.list({ limit: 9 });
    assert.ok(difference !== undefined);
    const { policies, ...rest } = difference;
    assert.deepEqual(rest, {
      ...{ decision: made.decisionId, time: "1970-01-01T00:00:01.000Z", kind: "candidate" },
      ...{ policy: "a", rule: "denys", from: "allow", to: "deny 403" },
      request: { method: "GET", host: "a.example.com", path: "/orders/1" },
    });
    assert.equal(policies?.[0]?.rules[0]?.outcome, "refuses");
    assert.doesNotMatch(JSON.stringify(difference), /hush/);
    assert.deepEqual(differences.counts, [
      { kind: "candidate", policy: "a", rule: "denys", from: "allow", to: "deny 403", count: 1 },
    ]);
  });

  it("is tried on a share, on what was decided, and where there is one", async () => {
    const made = await madeBy(snapshotWith([reads()]), GET);
    assert.equal(trial(undefined).tried.wants(made), false);
    const { tried } = trial(snapshotWith([closed]));
    assert.deepEqual([tried.wants(made), tried.wants({ ...made, question: undefined })], [true, false]);
  });

  it("that waits for keys too often is given up", async () => {
    const signed = policy("b", [rule("allow", "has(auth.user)")], { identities: { user: jwt() } });
    const waiting = Promise.withResolvers<Finding>();
    const { tried, checks } = trial(snapshotWith([signed]), () => waiting.promise);
    const made = await madeBy(snapshotWith([reads()]), GET);
    const all = Array.from({ length: 101 }, () => tried.try(made)).filter((one) => one !== undefined);
    assert.deepEqual(checks, ["dropped"]);
    waiting.resolve(holds({ sub: "alice" }));
    await Promise.all(all);
    assert.equal(checks.filter((one) => one === "same").length, 100);
  });
});

describe("the differences of rules in shadow", () => {
  it("are those that would have turned the verdict", async () => {
    const made = await madeBy(snapshotWith([reads()]), GET);
    const { differences } = trial(undefined);
    for (const verdict of ["deny", "allow", "unknown"] as const)
      differences.addShadow(made, [{ policy: "a", rule: verdict, verdict }]);
    assert.deepEqual(
      differences.list({ limit: 9, kind: "shadow" }).map(({ rule: id, from, to }) => [id, from, to]),
      [["deny", "allow", "deny"]],
    );
  });

  it("stay within their bounds", async () => {
    const made = await madeBy(snapshotWith([reads()]), GET);
    const differences = new Differences({ maxBytes: 20_000, maxExplainedPerSecond: 1 }, String);
    for (let turn = 0; turn < 3_000; turn++) {
      differences.addShadow({ ...made, decisionId: `d_${turn}` }, [
        { policy: "a", rule: `r${turn}`, verdict: "deny" },
      ]);
      assert.ok(differences.bytes <= 20_000);
    }
    assert.equal(differences.counts.length, 2_001);
    assert.equal(differences.counts.at(-1)?.count, 1_000);
  });
});
