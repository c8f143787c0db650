import assert from "node:assert/strict";
import type { Finding } from "../../src/identity/verifier.ts";
import { policy, rule, YES } from "./conditions.ts";
import { ADAPTERS } from "../../adapters/index.ts";
import { Unknown } from "../../src/cel/expression.ts";
import { HANDLERS as REPORT_HANDLERS } from "../report/fixture.ts";
import { SINKS } from "../report/sinks.ts";
import { inShort, type Asked } from "./fixture.ts";
import {
  allows,
  askedTable,
  type Circumstances,
  deciding,
  FAILS,
  GOLD,
  holds,
  jwt,
  made,
  snapshotWith,
  verified,
} from "./stubs.ts";

const ALICE = holds({ sub: "alice" });
const BAD: Finding = { kind: "bad", reason: "a test says so" };

describe("a credential", () => {
  const rules = [
    rule("require", "has(auth.user)", { status: 401 }),
    rule("allow", 'auth.user.sub == "alice"'),
  ];
  const strict = policy("a", rules, { identities: { user: jwt() } });
  const lenient = policy("a", rules, { identities: { user: jwt(undefined, { invalid: "ignore" }) } });
  const rows: readonly (readonly [what: string, finding: Finding, strict: string, lenient: string])[] = [
    ["that holds", ALICE, "allow a/allows", "allow a/allows"],
    ["of somebody else", holds({ sub: "bob" }), "deny a/default 403", "deny a/default 403"],
    ["without the claim that is read", holds({}), "deny a/allows 400", "deny a/allows 400"],
    ["whose claim has another type", holds({ sub: 5 }), "deny a/allows 400", "deny a/allows 400"],
    ["that is absent", { kind: "absent" }, "deny a/requires 401", "deny a/requires 401"],
    ["that is bad", BAD, "deny a/identity/user 401", "deny a/requires 401"],
    [
      "that is ambiguous",
      { kind: "ambiguous", reason: "" },
      "deny a/identity/user 400",
      "deny a/identity/user 400",
    ],
    [
      "that cannot be verified now",
      { kind: "unavailable", reason: "" },
      "deny a/identity/user 503",
      "deny a/identity/user 503",
    ],
    ["of a flood", { kind: "flooded" }, "deny a/identity/user 429", "deny a/requires 401"],
  ];
  for (const [what, finding, whenStrict, whenLenient] of rows) {
    for (const how of ["at once", "later"] as const) {
      it(`${what}, known ${how}: ${whenStrict}; with invalid: ignore: ${whenLenient}`, async () => {
        const found = how === "later" ? Promise.resolve(finding) : finding;
        const findings = { "a/user": found };
        assert.equal((await made([strict], {}, { findings })).line, whenStrict);
        assert.equal((await made([lenient], {}, { findings })).line, whenLenient);
      });
    }
  }

  it("that is not known in time cannot be verified", async () => {
    const never = new Promise<Finding>(() => undefined);
    const circumstances = { findings: { "a/user": never }, nowMs: 1_000, askUntilMs: 1_001 };
    assert.equal((await made([strict], {}, circumstances)).line, "deny a/identity/user 503");
  });

  it("is looked at in the order of policies, and refuses whatever the rules say", async () => {
    const findings = { "a/user": BAD, "b/user": { kind: "flooded" } } as const;
    const other = policy("b", rules, { identities: { user: jwt() } });
    const refusing = policy("c", [rule("deny", YES)]);
    const open = policy("a", [rule("allow", `${YES} || has(auth.user)`)], { identities: { user: jwt() } });
    assert.equal((await made([other, strict, refusing], {}, { findings })).line, "deny a/identity/user 401");
    assert.equal((await made([open], {}, { findings })).line, "deny a/identity/user 401");
  });

  it("of several identities: each holds or not by itself", async () => {
    const file = policy("a", [rule("allow", "has(auth.user) && has(auth.workload) && !has(auth.guest)")], {
      identities: {
        user: jwt(),
        guest: jwt(),
        workload: { mtls: { trustDomains: ["cluster.local"] } },
      },
    });
    const source = "spiffe://cluster.local/ns/shop/sa/web";
    const findings = { "a/user": ALICE };
    assert.equal((await made([file], { source }, { findings })).line, "allow a/allows");
    assert.equal((await made([file], {}, { findings })).line, "deny a/default 403");
    const both = { ...findings, "a/guest": ALICE };
    assert.equal((await made([file], { source }, { findings: both })).line, "deny a/default 403");
  });
});

describe("an identity that only telemetry reads", () => {
  const file = policy("a", [rule("allow", YES)], {
    identities: { user: jwt() },
    telemetry: [{ id: "line", to: "lines", with: { sub: "${auth.user.sub}", is: "${has(auth.user)}" } }],
  });
  const files = [REPORT_HANDLERS, file];
  const world = { adapters: [...ADAPTERS, ...SINKS] };

  /** What the decision carries, and its verdict. */
  async function carriedOn(finding: Finding | Promise<Finding>, more: Circumstances = {}): Promise<unknown> {
    const snapshot = snapshotWith(files, world);
    const { decision } = deciding(snapshot, {}, { findings: { "a/user": finding }, ...more });
    const known = await decision;
    assert.equal(inShort(known.verdict), "allow a/allows");
    const [governing] = known.governing;
    return governing?.policy.telemetry?.carries.map(({ name, expression }) => {
      const value = expression.evaluate(governing.context);
      return `${name}: ${value instanceof Unknown ? "UNKNOWN" : String(value)}`;
    });
  }

  const rows: readonly (readonly [what: string, finding: Finding, carried: readonly string[]])[] = [
    ["that holds is carried", ALICE, ["auth.user.sub: alice", "has(auth.user): true"]],
    ["that is absent is", { kind: "absent" }, ["auth.user.sub: UNKNOWN", "has(auth.user): false"]],
    ["that is bad refuses nobody", BAD, ["auth.user.sub: UNKNOWN", "has(auth.user): false"]],
    [
      "that cannot be verified is not known",
      { kind: "unavailable", reason: "" },
      ["auth.user.sub: UNKNOWN", "has(auth.user): UNKNOWN"],
    ],
  ];
  for (const [what, finding, carried] of rows) {
    it(what, async () => {
      assert.deepEqual(await carriedOn(finding), carried);
      assert.deepEqual(await carriedOn(Promise.resolve(finding)), carried);
    });
  }

  it("is waited for, but not for long", async () => {
    const never = new Promise<Finding>(() => undefined);
    assert.deepEqual(await carriedOn(never), ["auth.user.sub: UNKNOWN", "has(auth.user): UNKNOWN"]);
  });

  it("is looked at once, and refuses, where a rule of another policy reads it", async () => {
    const shared = { shared: "s", identities: { user: jwt() } };
    const strict = policy("b", [rule("require", "has(auth.user)", { status: 401 })], { use: ["s"] });
    const open = policy("a", [rule("allow", YES)], {
      use: ["s"],
      telemetry: [{ id: "line", to: "lines", with: { sub: "${auth.user.sub}" } }],
    });
    const both = snapshotWith([REPORT_HANDLERS, shared, open, strict], world);
    const { decision, backends } = deciding(both, {}, { findings: { "s/user": BAD } });
    assert.equal(inShort((await decision).verdict), "deny b/identity/user 401");
    assert.equal(backends.clients.length, 1);
  });
});

describe("an identity that a handler verifies", () => {
  const identities = { partner: verified() };
  const rules = [
    rule("require", "has(auth.partner)", { status: 401 }),
    rule("allow", 'auth.partner.plan == "gold"'),
  ];
  const file = policy("a", rules, { identities });
  const ignoring = policy("a", rules, { identities: { partner: verified({ invalid: "ignore" }) } });
  const presented: Asked = { headers: { "x-api-key": "k" } };
  const twice: Asked = {
    lines: [
      ["x-api-key", "k"],
      ["x-api-key", "l"],
    ],
  };
  const long: Asked = { headers: { "x-api-key": "k".repeat(16_385) } };
  const answers = { plans: GOLD };
  const denies = { plans: { verdict: "deny", status: 404 } } as const;
  const second = policy("b", [{ id: "o", ask: "others" }]);
  askedTable([
    ["holds where it allows", [file], { request: presented, answers }, "allow a/allows", ["plans key=k"]],
    [
      "is asked for once for two policies",
      [file, policy("b", rules, { identities })],
      { request: presented, answers },
      "allow a/allows",
      ["plans key=k"],
    ],
    [
      "has the handler's answer for its fields",
      [file],
      { request: presented, answers: { plans: allows({ plan: "tin" }) } },
      "deny a/default 403",
      ["plans key=k"],
    ],
    [
      "is absent where nothing is presented, and nobody is asked",
      [file],
      { answers },
      "deny a/requires 401",
      [],
    ],
    [
      "is bad where it denies",
      [file],
      { request: presented, answers: denies },
      "deny a/identity/partner 401",
      ["plans key=k"],
    ],
    [
      "counts as none where it denies and is to be ignored",
      [ignoring],
      { request: presented, answers: denies },
      "deny a/requires 401",
      ["plans key=k"],
    ],
    [
      "that is presented twice is ambiguous",
      [file, second],
      { request: twice, answers },
      "deny a/identity/partner 400",
      [],
    ],
    [
      "that is presented twice is ambiguous, to be ignored or not",
      [ignoring, second],
      { request: twice, answers },
      "deny a/identity/partner 400",
      [],
    ],
    [
      "that is too long is bad",
      [file, second],
      { request: long, answers },
      "deny a/identity/partner 401",
      [],
    ],
    [
      "that is too long counts as none where it is to be ignored",
      [ignoring],
      { request: long, answers },
      "deny a/requires 401",
      [],
    ],
    [
      "is an error where the handler fails",
      [file],
      { request: presented, answers: { plans: FAILS } },
      "error a/identity/partner",
      ["plans key=k"],
    ],
    [
      "is not asked for where no rule reads it",
      [policy("a", [rule("allow", YES)], { identities })],
      { request: presented, answers: denies },
      "allow a/allows",
      [],
    ],
    [
      "is not asked for where a shadow rule alone reads it",
      [
        policy("a", [rule("deny", "has(auth.partner)", { mode: "shadow" }), rule("allow", YES)], {
          identities,
        }),
      ],
      { request: presented, answers: denies },
      "allow a/allows",
      [],
    ],
    [
      "is not asked for after a refusal",
      [file, policy("b", [rule("deny", YES)])],
      { request: presented, answers },
      "deny b/denys 403",
      [],
    ],
    [
      "is what a test gives it to be",
      [file],
      { given: new Map([["partner", new Map([["plan", "gold"]])]]) },
      "allow a/allows",
      [],
    ],
    [
      "is absent where a test does not give it",
      [file],
      { request: presented, given: new Map() },
      "deny a/requires 401",
      [],
    ],
  ]);
});
