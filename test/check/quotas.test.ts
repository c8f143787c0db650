import assert from "node:assert/strict";
import type { CheckAnswer } from "../../src/adapter/adapter.ts";
import { countsRefusal, refusedClaims } from "../../src/check/quotas.ts";
import { hasShadow, shadowOutcomes } from "../../src/check/shadow.ts";
import { assumedLimits, offlineLimits } from "../../src/limits/assumed.ts";
import type { Limits, Takes } from "../../src/limits/limits.ts";
import type { Snapshot } from "../../src/policy/snapshot.ts";
import { Attributes } from "../../src/attributes/attributes.ts";
import { checkFacts } from "../../src/check/attributes.ts";
import { policy, rule, YES } from "./conditions.ts";
import { type Asked, checkRequest, type File, inShort, NO_BACKENDS } from "./fixture.ts";
import { ask, type Circumstances, deciding, GOLD, holds, jwt, snapshotWith } from "./stubs.ts";

const NOW_MS = Date.parse("2026-11-21T12:00:10Z");

const minute = (limit: unknown, more: object = {}): object => ({ limit: String(limit), per: "1m", ...more });
const quota = (id: string, windows: readonly object[], more: object = {}): object => ({
  id,
  windows,
  algorithm: "fixed",
  ...more,
});

/** A policy that grants, with quotas. */
const open = (name: string, quotas: readonly object[], more: object = {}): File =>
  policy(name, [rule("allow", YES)], { ...(quotas.length === 0 ? {} : { quotas }), ...more });

/** Requests at one moment, one after the other, with everything that follows their answers. */
class Traffic {
  readonly limits: Limits;
  readonly #snapshot: Snapshot;

  constructor(files: readonly File[], limits: Limits = offlineLimits(NOW_MS)) {
    this.#snapshot = snapshotWith(files);
    this.limits = limits;
  }

  async ask(asked: Asked = {}, circumstances: Circumstances = {}) {
    const { limits } = this;
    const all = { nowMs: NOW_MS, limits, ...circumstances };
    const { decision, backends } = deciding(this.#snapshot, asked, all);
    const isSync = !(decision instanceof Promise);
    const known = await decision;
    const question = {
      snapshot: this.#snapshot,
      attributes: new Attributes(checkFacts(checkRequest(asked)), this.#snapshot.settings),
      backends: NO_BACKENDS,
      limits,
      nowMs: NOW_MS,
      askUntilMs: Infinity,
    };
    if (countsRefusal(known)) limits.count(refusedClaims(known, question));
    const shadows = hasShadow(known) ? await shadowOutcomes(known, question) : [];
    const headers = known.verdict.kind === "deny" ? Object.fromEntries(known.verdict.headers) : {};
    return {
      line: inShort(known.verdict),
      verdict: known.verdict,
      headers,
      isSync,
      backends,
      shadows: shadows.map(({ policy: of, rule: id, verdict }) => `${verdict} ${of}/${id}`),
    };
  }

  /** The verdicts of several such requests. */
  async lines(
    count: number,
    asked: Asked = {},
    circumstances: Circumstances = {},
  ): Promise<readonly string[]> {
    const lines: string[] = [];
    for (let index = 0; index < count; index++) lines.push((await this.ask(asked, circumstances)).line);
    return lines;
  }
}

describe("a quota", () => {
  it("lets pass what is within its limit, without a promise, and refuses the rest with 429", async () => {
    const traffic = new Traffic([open("a", [quota("q", [minute(2)])])]);
    assert.equal((await traffic.ask()).isSync, true);
    assert.deepEqual(await traffic.lines(2), ["allow a/allows", "deny a/q 429"]);
  });

  it("tells the refused when to come again, in old words and new ones", async () => {
    const traffic = new Traffic([
      open("a", [quota("q", [minute(1), { limit: "1000", per: "day", zone: "Europe/Berlin" }])]),
    ]);
    await traffic.ask();
    const { headers, verdict } = await traffic.ask();
    assert.deepEqual(headers, {
      "retry-after": "50",
      "ratelimit-limit": "1",
      "ratelimit-remaining": "0",
      "ratelimit-reset": "50",
      "ratelimit-policy": '"q 1m";q=1;w=60, "q day Europe/Berlin";q=1000;w=86400',
      ratelimit: '"q 1m";r=0;t=50, "q day Europe/Berlin";r=999;t=39590',
    });
    assert.equal(verdict.kind === "deny" && verdict.body, "Too Many Requests\n");
  });

  it("tells those who pass only where it says so", async () => {
    const traffic = new Traffic([
      open("a", [quota("q", [minute(5)], { headers: "always" }), quota("p", [minute(9)])]),
    ]);
    const { verdict } = await traffic.ask();
    assert.ok(verdict.kind === "allow");
    assert.deepEqual(Object.fromEntries(verdict.responseSet)["ratelimit"], '"q";r=4;t=50');
  });

  it("counts each value of its key apart, and parts of the key as parts", async () => {
    const keyed = quota("q", [minute(1)], { key: ["request.host", 'request.headers["x-a"]'] });
    const traffic = new Traffic([open("a", [keyed])]);
    const asked = (host: string, a: string): Asked => ({ host, headers: { "x-a": a } });
    assert.deepEqual(await traffic.lines(2, asked("a.example.com", "b")), ["allow a/allows", "deny a/q 429"]);
    assert.deepEqual(await traffic.lines(1, asked("a.example.co", "mb")), ["allow a/allows"]);
    assert.deepEqual(await traffic.lines(1, asked("A.example.com.:80", "b")), ["deny a/q 429"]);
  });

  it("is not asked where its `when` is false or all its limits are unlimited", async () => {
    const limits = assumedLimits(() => assert.fail("a quota was asked"));
    const files = [
      open("a", [quota("q", [minute(0)], { when: "false" }), quota("p", [minute("unlimited")])]),
    ];
    assert.deepEqual(await new Traffic(files, limits).lines(1), ["allow a/allows"]);
  });

  it("without a value refuses with 400 and charges nobody", async () => {
    const missing = 'request.headers["x-a"]';
    for (const broken of [
      quota("q", [minute(9)], { key: [missing] }),
      quota("q", [minute(`int(${missing})`)]),
      quota("q", [minute(9)], { when: `${missing} == "1"` }),
      quota("q", [minute(9)], { cost: `int(${missing})` }),
      quota("q", [minute(9)], { cost: "size(request.host) - 100" }),
      quota("q", [minute("size(request.host) - 100")]),
    ]) {
      const limits = assumedLimits(() => assert.fail("a quota was asked"));
      const files = [open("a", [quota("p", [minute(9)]), broken])];
      assert.deepEqual(await new Traffic(files, limits).lines(1), ["deny a/q 400"], JSON.stringify(broken));
    }
  });

  it("costs what it says, and nothing where that is nothing", async () => {
    const costing = quota("q", [minute(10)], { cost: 'int(request.headers["x-cost"])' });
    const traffic = new Traffic([open("a", [costing])]);
    const asked = (cost: number): Asked => ({ headers: { "x-cost": String(cost) } });
    assert.deepEqual(await traffic.lines(3, asked(4)), ["allow a/allows", "allow a/allows", "deny a/q 429"]);
    assert.deepEqual(await traffic.lines(2, asked(0)), ["allow a/allows", "allow a/allows"]);
    assert.deepEqual(await traffic.lines(2, asked(2)), ["allow a/allows", "deny a/q 429"]);
    const { headers } = await traffic.ask(asked(11));
    assert.equal(headers["retry-after"], undefined, "it never fits");
  });

  it("has limits that the request decides", async () => {
    const limit = 'request.headers["x-plan"] == "gold" ? 2 : 1';
    const traffic = new Traffic([open("a", [quota("q", [minute(limit)])])]);
    assert.deepEqual(await traffic.lines(2), ["deny a/q 400", "deny a/q 400"]);
    const gold: Asked = { headers: { "x-plan": "gold" } };
    assert.deepEqual(await traffic.lines(3, gold), ["allow a/allows", "allow a/allows", "deny a/q 429"]);
  });

  it("may read who asks and what a handler answers", async () => {
    const keyed = quota("q", [minute("plan.limit")], { key: ["auth.user.sub", "plan.plan"] });
    const file = policy("a", [ask(), rule("allow", YES)], { quotas: [keyed], identities: { user: jwt() } });
    const traffic = new Traffic([file]);
    const asks = (sub: string) => ({ findings: { "a/user": holds({ sub }) }, answers: { plans: GOLD } });
    assert.deepEqual((await traffic.lines(6, {}, asks("alice"))).slice(4), [
      "allow a/allows",
      "deny a/q 429",
    ]);
    assert.deepEqual(await traffic.lines(1, {}, asks("bob")), ["allow a/allows"]);
  });
});

describe("quotas of one request", () => {
  it("are charged all or none, within a policy and across policies", async () => {
    const files = [
      open("a", [quota("wide", [minute(10)]), quota("narrow", [minute(1)], { key: ["request.path"] })]),
      open("b", [quota("other", [minute(3)])]),
    ];
    const traffic = new Traffic(files);
    assert.deepEqual(await traffic.lines(4, { path: "/1" }), [
      "allow a/allows",
      "deny a/narrow 429",
      "deny a/narrow 429",
      "deny a/narrow 429",
    ]);
    // What was refused has cost nothing of the others.
    assert.deepEqual(await traffic.lines(1, { path: "/2" }), ["allow a/allows"]);
    assert.deepEqual(await traffic.lines(1, { path: "/3" }), ["allow a/allows"]);
    assert.deepEqual(await traffic.lines(1, { path: "/4" }), ["deny b/other 429"]);
  });

  it("are not asked for what anything else refuses, and for what is UNKNOWN", async () => {
    const limits = assumedLimits(() => assert.fail("a quota was asked"));
    const refusing: readonly (readonly [File, string])[] = [
      [
        policy("a", [rule("deny", YES), rule("allow", YES)], { quotas: [quota("q", [minute(1)])] }),
        "deny a/denys 403",
      ],
      [policy("a", [rule("allow", "false")], { quotas: [quota("q", [minute(1)])] }), "deny a/default 403"],
      [
        policy("a", [rule("allow", 'request.headers["x"] == "1"')], { quotas: [quota("q", [minute(1)])] }),
        "deny a/allows 400",
      ],
    ];
    for (const [file, line] of refusing) assert.deepEqual(await new Traffic([file], limits).lines(1), [line]);
    const effect = { ...rule("allow", YES), request: { set: { "x-a": '${request.headers["x"]}' } } };
    const setting = policy("a", [effect], { quotas: [quota("q", [minute(1)])] });
    assert.deepEqual(await new Traffic([setting], limits).lines(1), ["deny a/allows 400"]);
  });

  it("of a guard count what another policy grants", async () => {
    const guard = policy("guard", [], { quotas: [quota("q", [minute(1)])], match: "everything" });
    const traffic = new Traffic([guard, open("a", [])]);
    assert.deepEqual(await traffic.lines(2), ["allow a/allows", "deny guard/q 429"]);
    const alone = new Traffic([guard]);
    assert.deepEqual(await alone.lines(1), ["deny weir/ungoverned 403"]);
  });
});

describe("a quota of refused requests", () => {
  const guarded = (count: string): Traffic =>
    new Traffic([
      policy("a", [rule("allow", 'request.headers["x-key"] == "right"')], {
        default: "deny",
        quotas: [quota("guesses", [minute(3)], { key: ["client.ip"], count })],
      }),
    ]);
  const wrong: Asked = { headers: { "x-key": "wrong" }, address: "10.0.0.1" };
  const right: Asked = { headers: { "x-key": "right" }, address: "10.0.0.1" };

  it("is charged for them alone, and then refuses who is right, too", async () => {
    const traffic = guarded("denied");
    assert.deepEqual(await traffic.lines(5, right), Array(5).fill("allow a/allows"));
    assert.deepEqual(await traffic.lines(3, wrong), Array(3).fill("deny a/default 403"));
    assert.deepEqual(await traffic.lines(2, right), Array(2).fill("deny a/guesses 429"));
    assert.deepEqual(await traffic.lines(1, { ...right, address: "10.0.0.2" }), ["allow a/allows"]);
  });

  it("keeps the refusals that are not its own", async () => {
    const traffic = guarded("denied");
    assert.deepEqual(await traffic.lines(6, wrong), Array(6).fill("deny a/default 403"));
  });

  it("may count both", async () => {
    const traffic = guarded("all");
    assert.deepEqual(await traffic.lines(2, wrong), Array(2).fill("deny a/default 403"));
    assert.deepEqual(await traffic.lines(2, right), ["allow a/allows", "deny a/guesses 429"]);
  });
});

describe("a quota in shadow", () => {
  it("refuses nobody, is counted apart, and says what it would have refused", async () => {
    const traffic = new Traffic([
      open("a", [quota("q", [minute(2)]), quota("s", [minute(1)], { mode: "shadow" })]),
    ]);
    const first = await traffic.ask();
    const second = await traffic.ask();
    assert.deepEqual([first.line, first.shadows], ["allow a/allows", []]);
    assert.deepEqual([second.line, second.shadows], ["allow a/allows", ["deny a/s"]]);
    const third = await traffic.ask();
    assert.deepEqual([third.line, third.shadows], ["deny a/q 429", []]);
  });

  it("of a policy in shadow is charged where the policy would let pass", async () => {
    const shadow = policy("s", [rule("allow", 'request.method == "GET"')], {
      mode: "shadow",
      quotas: [quota("q", [minute(1)])],
    });
    const traffic = new Traffic([open("a", []), shadow]);
    assert.deepEqual((await traffic.ask({ method: "PUT" })).shadows, ["deny s/default"]);
    assert.deepEqual((await traffic.ask()).shadows, ["allow s/allows"]);
    assert.deepEqual((await traffic.ask()).shadows, ["allow s/allows", "deny s/q"]);
  });

  it("for a share of requests is enforced for that share", async () => {
    const shared = quota("q", [minute(0)], { mode: { enforce: "50%", by: "request.path" } });
    const traffic = new Traffic([open("a", [shared])]);
    const found = await Promise.all(
      Array.from({ length: 40 }, (_, index) => traffic.ask({ path: `/${index}` })),
    );
    const refused = found.filter(({ line }) => line === "deny a/q 429").length;
    const shadowed = found.filter(({ shadows }) => shadows.includes("deny a/q")).length;
    assert.ok(refused > 5 && shadowed > 5, `${refused} and ${shadowed}`);
    assert.equal(refused + shadowed, 40);
  });
});

describe("a store that cannot be asked", () => {
  const failing = (result: "passed" | "failed"): Limits => ({
    ...assumedLimits(() => ({ result, readings: [] })),
    take: (claims) => {
      const outcomes = claims.map((claim) => ({
        claim,
        result,
        by: "local" as const,
        readings: [],
        reserved: undefined,
      }));
      const takes: Takes = { verdict: result === "passed" ? "fits" : "failed", outcomes };
      return Promise.resolve(takes);
    },
  });

  it("lets pass or refuses with 503, as the quota says", async () => {
    const files = [open("a", [quota("q", [minute(1)])])];
    assert.deepEqual(await new Traffic(files, failing("passed")).lines(1), ["allow a/allows"]);
    assert.deepEqual(await new Traffic(files, failing("failed")).lines(1), ["deny a/q 503"]);
  });
});

describe("who asks a quota", () => {
  it("is asked for as where a rule reads it", async () => {
    const keyed = quota("q", [minute(1)], { when: "has(auth.user)", key: ["auth.user.sub"] });
    const traffic = new Traffic([open("a", [keyed], { identities: { user: jwt() } })]);
    const bad: CheckAnswer = { verdict: "deny" };
    const asks = { findings: { "a/user": { kind: "bad" as const, reason: "" } }, answers: { plans: bad } };
    assert.deepEqual(await traffic.lines(1, {}, asks), ["deny a/identity/user 401"]);
    assert.deepEqual(await traffic.lines(2, {}, {}), ["allow a/allows", "allow a/allows"]);
  });
});
