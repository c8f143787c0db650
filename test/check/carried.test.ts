import assert from "node:assert/strict";
import fc from "fast-check";
import { Attributes } from "../../src/attributes/attributes.ts";
import { lastField } from "../../src/attributes/decode.ts";
import { Unknown } from "../../src/cel/expression.ts";
import { checkFacts } from "../../src/check/attributes.ts";
import { carriedOf, MAX_CARRIED_BYTES } from "../../src/check/carried.ts";
import { decide, type Decision } from "../../src/check/decide.ts";
import type { Question } from "../../src/check/question.ts";
import { explain } from "../../src/check/explain.ts";
import { encodeResponse } from "../../src/check/response.ts";
import type { Snapshot } from "../../src/policy/snapshot.ts";
import { readStruct } from "../../src/std/struct.ts";
import { WireReader } from "../../src/std/wire-reader.ts";
import { entryOf, reportingSnapshot } from "../report/fixture.ts";
import { checkRequest, NO_BACKENDS, NO_LIMITS, snapshotOf, type Asked } from "./fixture.ts";
import { granting } from "./conditions.ts";

const NAMESPACE = "envoy.filters.http.jwt_authn";

/** A decision about a request with the claims that Envoy has verified. */
function decideOn(
  snapshot: Snapshot,
  claims?: ReadonlyMap<string, unknown>,
  asked: Asked = {},
): { readonly decision: Decision; readonly question: Question } {
  const facts = checkFacts(checkRequest(asked));
  const metadata = (): Map<string, unknown> => new Map(claims && [[NAMESPACE, claims]]);
  const { request, source, destination, serverName, proxy } = facts;
  const all = { request, source, destination, serverName, proxy, metadata };
  const contextExtensions = (): Map<string, string> => facts.contextExtensions();
  const attributes = new Attributes({ ...all, contextExtensions }, snapshot.settings);
  const question = {
    ...{ snapshot, attributes, backends: NO_BACKENDS, limits: NO_LIMITS },
    ...{ nowMs: 1_000, askUntilMs: Infinity },
  };
  const decision = decide(question);
  return decision instanceof Promise ? assert.fail("somebody was waited for") : { decision, question };
}

const ENVELOPE = { decisionId: "d_a", dialect: "http" } as const;

/** The field `weir` of the answer's dynamic metadata, read from its bytes. */
function weirOf(answer: Buffer): ReadonlyMap<string, unknown> {
  const reader = new WireReader(answer);
  const found = readStruct(reader, lastField(reader, reader.whole, 4)).get("weir");
  return found instanceof Map
    ? (found as ReadonlyMap<string, unknown>)
    : assert.fail("there is no field weir");
}

/** What an answer carries for a policy. */
function carriedFor(answer: Buffer, policy: string): ReadonlyMap<string, unknown> {
  const carried = weirOf(answer).get("carried");
  const found: unknown = carried instanceof Map ? carried.get(policy) : undefined;
  return found instanceof Map ? (found as ReadonlyMap<string, unknown>) : new Map();
}

const answerOf = ({ decision, question }: ReturnType<typeof decideOn>): Buffer =>
  encodeResponse(decision.verdict, { ...ENVELOPE, carried: carriedOf(decision, question) });

const CLAIMS = {
  s: "string",
  i: "int",
  d: "double",
  b: "bool",
  ls: "list(string)",
  m: "map(string, dyn)",
  x: "dyn",
};

const ORDERS = {
  policy: "orders",
  match: { paths: ["/{owner}", "/{owner}/{item}"] },
  identities: { user: { metadata: { namespace: NAMESPACE, claims: CLAIMS } } },
  let: { longer: "auth.user.s + path.owner" },
  rules: [
    { id: "deny", deny: 'has(auth.user) && auth.user.s == "refused"' },
    { id: "all", allow: "true" },
  ],
  telemetry: [
    {
      id: "line",
      to: "lines",
      when: "has(auth.user) || has(path.item)",
      with: {
        scalars: "${auth.user.s} ${auth.user.i} ${auth.user.d} ${auth.user.b} ${path.owner} ${longer}",
        collections:
          '${auth.user.ls.join(",")} ${size(auth.user.m)} ${auth.user.x == 1} ${auth.user.raw["x-y"]["z"]}',
      },
    },
  ],
};

const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.oneof(fc.string(), fc.boolean(), fc.double()),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.array(fc.tuple(fc.string(), tie("value")), { maxLength: 3 }).map((entries) => new Map(entries)),
  ),
})).value;

const claims = fc
  .record(
    {
      s: fc.oneof(
        fc.string({ unit: "binary" }),
        fc.constant("refused"),
        fc.string({ minLength: 1_500, maxLength: 2_500 }),
      ),
      i: fc.maxSafeInteger(),
      d: fc.double(),
      b: fc.boolean(),
      ls: fc.array(fc.string()),
      m: fc.array(fc.tuple(fc.string(), json)).map((entries) => new Map(entries)),
      x: json,
      "x-y": fc.string().map((z) => new Map([["z", z]])),
    },
    { requiredKeys: [] },
  )
  .map((record) => new Map<string, unknown>(Object.entries(record)));

describe("what an answer carries to the access log", () => {
  it("is what the check read, whatever was claimed, and never more than there is room for", () => {
    const snapshot = reportingSnapshot(ORDERS);
    const telemetry = snapshot.policies[0]?.telemetry ?? assert.fail("there is no telemetry");
    fc.assert(
      fc.property(claims, (found) => {
        const decided = decideOn(snapshot, found, { path: "/me" });
        const { decision, question } = decided;
        const { context } = decision.governing[0] ?? assert.fail("the policy does not apply");
        const answer = answerOf(decided);
        const bare = encodeResponse(decision.verdict, ENVELOPE);
        assert.ok(answer.length - bare.length <= MAX_CARRIED_BYTES, `${answer.length - bare.length} bytes`);
        assert.equal(weirOf(answer).get("policies"), "orders");
        const values = carriedFor(answer, "orders");
        const isCut = weirOf(answer).get("cut") === true;
        for (const { name, expression } of telemetry.carries) {
          const before = expression.evaluate(context);
          const seen = { ...decided, values, name };
          if (before instanceof Unknown) assert.ok(!values.has(name), name);
          else if (values.has(name)) assert.deepEqual(readBack(snapshot, seen), before, name);
          else assert.ok(isCut, `${name} is lost`);
        }
        assert.equal(carriedOf(decision, question)?.isCut, isCut);
      }),
    );
  });

  /** The value as an expression over the entry would read it. */
  function readBack(
    snapshot: Snapshot,
    { values, name }: { readonly values: ReadonlyMap<string, unknown>; readonly name: string },
  ): unknown {
    const [policy] = snapshot.policies;
    const context =
      policy?.telemetry?.context(entryOf(snapshot), values) ?? assert.fail("there is no telemetry");
    const asked = /^has\((.*)\)$/.exec(name)?.[1];
    const steps = (asked ?? name).match(/\w+(?:-\w+)*/g) ?? [];
    let value: unknown = Reflect.get(context, steps[0] ?? "");
    for (const step of steps.slice(1)) value = value instanceof Map ? value.get(step) : undefined;
    return asked === undefined ? value : value !== undefined;
  }

  it("never costs a token that settles", () => {
    const snapshot = reportingSnapshot(ORDERS);
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[A-Za-z0-9_.-]{1,900}$/), { minLength: 1, maxLength: 20 }),
        (settle) => {
          const found = new Map<string, unknown>([["s", "x".repeat(4_000)]]);
          const { decision, question } = decideOn(snapshot, found, { path: "/me" });
          const { verdict } = decision;
          assert.ok(verdict.kind === "allow");
          const carried = carriedOf(decision, question);
          const weir = weirOf(encodeResponse({ ...verdict, settle }, { ...ENVELOPE, carried }));
          assert.deepEqual(String(weir.get("settle")).split(" "), settle);
          assert.equal(weir.get("cut"), true);
        },
      ),
      { numRuns: 20 },
    );
  });

  it("goes with refusals, too, as far as the check came", () => {
    const snapshot = reportingSnapshot(ORDERS);
    const decided = decideOn(snapshot, new Map([["s", "refused"]]), { path: "/me/1" });
    assert.equal(decided.decision.verdict.kind, "deny");
    const values = carriedFor(answerOf(decided), "orders");
    assert.deepEqual(
      [values.get("auth.user.s"), values.get("longer"), values.get("has(path.item)")],
      ["refused", "refusedme", true],
    );
  });

  it("names no policies where none was asked", () => {
    const snapshot = reportingSnapshot(ORDERS);
    const weir = weirOf(answerOf(decideOn(snapshot, undefined, { path: "/a//b" })));
    assert.deepEqual([weir.get("rule"), weir.has("policies")], ["weir/ambiguous-path", false]);
    assert.equal(weirOf(answerOf(decideOn(snapshot, undefined, { path: "/a/b/c" }))).get("policies"), "");
  });

  it("is nothing where no policy has telemetry", () => {
    const { decision, question } = decideOn(snapshotOf(granting));
    assert.equal(carriedOf(decision, question), undefined);
    assert.deepEqual(
      [...weirOf(answerOf({ decision, question })).keys()],
      ["decision", "verdict", "policy", "rule"],
    );
  });

  it("keeps telemetry that reads nothing of checks out of them", () => {
    const mesh = {
      policy: "mesh",
      match: "everything",
      telemetry: [{ id: "all", to: "graphs", preset: "istio" }],
    };
    const { decision } = decideOn(reportingSnapshot(ORDERS, mesh), undefined, { path: "/me" });
    assert.deepEqual(
      decision.governing.map(({ policy }) => policy.id),
      ["orders"],
    );
  });

  it("refuses nobody for what telemetry alone cannot tell", () => {
    const alone = {
      policy: "alone",
      match: { when: 'request.headers["x-a"] == "b"' },
      identities: { user: { metadata: { namespace: NAMESPACE, claims: { s: "string" } } } },
      telemetry: [{ id: "all", to: "lines", with: { s: "${auth.user.s}" } }],
    };
    const snapshot = reportingSnapshot(alone, granting);
    assert.equal(decideOn(snapshot).decision.verdict.kind, "allow");
    const matched = decideOn(snapshot, new Map([["s", "a"]]), { headers: { "x-a": "b" } });
    assert.equal(carriedFor(answerOf(matched), "alone").get("auth.user.s"), "a");
  });

  it("is shown to who asks for an explanation, persons by digests", () => {
    const mesh = {
      policy: "mesh",
      match: "everything",
      telemetry: [{ id: "all", to: "graphs", preset: "istio" }],
    };
    const decided = decideOn(reportingSnapshot(ORDERS, mesh), new Map([["s", "a"]]), { path: "/me" });
    const explained = explain({ ...decided, personal: (printed) => `#${printed}` });
    assert.deepEqual(
      explained.map(({ policy, carries }) => [
        policy,
        carries.slice(0, 2).map(({ key, value }) => [key, value.value]),
      ]),
      [
        [
          "orders",
          [
            ["has(auth.user)", "true"],
            ["has(path.item)", "false"],
          ],
        ],
      ],
    );
    const team = explained[0]?.carries.find(({ key }) => key === "auth.user.s");
    assert.equal(team?.value.value, '#"a"');
  });
});
