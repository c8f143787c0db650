import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import type { Call, CheckAnswer, Handler } from "../../src/adapter/adapter.ts";
import type { ConfiguredHandler } from "../../src/policy/handlers.ts";
import { RunningHandler, type HandlerWorld } from "../../src/runtime/handlers.ts";
import { configured, fakeAdapter, HANDLER_WORLD } from "./fixture.ts";

/** A handler that answers as it is told, by a clock that stands still. */
function running(check: Handler["check"], more: Partial<ConfiguredHandler> = {}) {
  const clock = { ms: 1_000_000 };
  const seen: string[] = [];
  const adapter = more.adapter ?? fakeAdapter(check === undefined ? {} : { check }).adapter;
  const world: HandlerWorld = {
    ...HANDLER_WORLD,
    nowMs: () => clock.ms,
    observe: (handler, verdict, seconds) => void seen.push(`${handler} ${verdict} ${seconds}`),
  };
  const one = configured(adapter, "x", more);
  const handler = new RunningHandler(
    one,
    { handler: adapter.create(one.config, world.hostFor(one)), queue: undefined },
    world,
  );
  return { clock, seen, ask: (leftMs = 40) => handler.ask(new Map(), clock.ms + leftMs) };
}

const ALLOW: CheckAnswer = { verdict: "allow" };
const error = (reason: string): CheckAnswer => ({ verdict: "error", reason });
const NEVER = new Promise<CheckAnswer>(() => undefined);

describe("a handler that is asked", () => {
  const ANSWERS: readonly (readonly [what: string, check: () => unknown, answer: CheckAnswer])[] = [
    ["answers", () => ALLOW, ALLOW],
    ["answers later", () => Promise.resolve(ALLOW), ALLOW],
    [
      "answers with outputs",
      () => ({
        verdict: "allow",
        outputs: new Map<string, unknown>([
          ["plan", "gold"],
          ["quota", 5n],
        ]),
      }),
      {
        verdict: "allow",
        outputs: new Map<string, unknown>([
          ["plan", "gold"],
          ["quota", 5n],
        ]),
      },
    ],
    [
      "refuses",
      () => ({ verdict: "deny", status: 402, message: "pay" }),
      { verdict: "deny", status: 402, message: "pay" },
    ],
    ["cannot decide", () => error("no idea"), error("no idea")],
    [
      "throws",
      () => {
        throw new Error("boom");
      },
      error("boom"),
    ],
    ["rejects", () => Promise.reject(new Error("boom")), error("boom")],
    [
      "has promises of its own kind",
      () => ({ then: (take: (one: CheckAnswer) => void) => take(ALLOW) }),
      ALLOW,
    ],
    ["does not answer in time", () => NEVER, error("the time was up")],
    ["says nothing", () => undefined, error("what the handler answered is no answer")],
    ["says true", () => true, error("what the handler answered is no answer")],
    [
      "has another verdict",
      () => ({ verdict: "ok" }),
      error("what the handler answered has no verdict that is known"),
    ],
    [
      "has none, later",
      () => Promise.resolve({}),
      error("what the handler answered has no verdict that is known"),
    ],
    [
      "has outputs of another kind",
      () => ({ verdict: "allow", outputs: { plan: "gold" } }),
      error("what the handler answered has outputs that are no Map"),
    ],
    [
      "has an output of another type",
      () => ({ verdict: "allow", outputs: new Map([["quota", 5]]) }),
      error("what the handler answered has the output quota, which is no int"),
    ],
    [
      "has a list that is none",
      () => ({ verdict: "allow", outputs: new Map([["tags", "a"]]) }),
      error("what the handler answered has the output tags, which is no list(string)"),
    ],
    [
      "has an output that it does not declare",
      () => ({ verdict: "allow", outputs: new Map([["constructor", "x"]]) }),
      error("what the handler answered has outputs that the adapter does not declare"),
    ],
    ["refuses with nonsense", () => ({ verdict: "deny", status: "401", message: 5 }), { verdict: "deny" }],
  ];
  for (const [what, check, answer] of ANSWERS) {
    it(`and ${what}: ${answer.verdict}`, async () => {
      const { ask, seen } = running(check as Handler["check"]);
      assert.deepEqual(await ask(), answer);
      assert.deepEqual(seen, [`one ${answer.verdict} 0`]);
    });
  }

  it("answers without a promise where the answer is at hand", () => {
    assert.ok(!(running(() => ALLOW).ask() instanceof Promise));
  });

  it("has the smaller of its own deadline and what is left, and is not asked when nothing is", async () => {
    const calls: Call[] = [];
    const { ask, clock } = running((_input, call) => {
      calls.push(call);
      return ALLOW;
    });
    for (const leftMs of [40, 60, 0, -5]) await ask(leftMs);
    assert.deepEqual(
      calls.map(({ deadlineAtMs }) => deadlineAtMs - clock.ms),
      [40, 50],
    );
    assert.deepEqual(await ask(0), error("the time was up"));
  });

  it("is told by the signal that the time is up, also when it looks at it only then", async () => {
    const calls: Call[] = [];
    let early: AbortSignal | undefined;
    const { ask } = running((_input, call) => {
      calls.push(call);
      early = call.signal;
      return NEVER;
    });
    const asked = ask(5);
    assert.equal(early?.aborted, false);
    await asked;
    assert.ok(early.aborted);
    assert.equal(calls[0]?.signal, early);
    const late = running((_input, call) => {
      calls.push(call);
      return NEVER;
    });
    await late.ask(5);
    assert.equal(calls[1]?.signal.aborted, true);
  });

  it("may answer or fail when its time is long up: nobody hears of it", async () => {
    const late = Promise.withResolvers<CheckAnswer>();
    const { ask, seen } = running(() => late.promise);
    assert.deepEqual(await ask(1), error("the time was up"));
    late.reject(new Error("too late"));
    await turn();
    assert.deepEqual(seen, ["one error 0"]);
  });

  const FAILURES: readonly (readonly [what: string, check: () => CheckAnswer | Promise<CheckAnswer>])[] = [
    ["says error", () => Promise.resolve(error("no"))],
    ["rejects", () => Promise.reject(new Error("no"))],
    ["never answers", () => NEVER],
  ];
  for (const [what, check] of FAILURES) {
    it(`and ${what} again and again is left alone for a moment, then tried once, and trusted when it answers`, async () => {
      let asked = 0;
      let isWell = false;
      const { ask, clock } = running(() => {
        asked++;
        return isWell ? Promise.resolve(ALLOW) : check();
      });
      for (let turns = 0; turns < 5; turns++) await ask(1);
      assert.equal(asked, 5);
      const alone = error("it failed again and again and is left alone for a moment");
      assert.deepEqual(await ask(1), alone);
      assert.equal(asked, 5);
      clock.ms += 1_000;
      // One tries; who comes meanwhile is not let through.
      const tried = ask(1);
      assert.deepEqual(await ask(1), alone);
      assert.equal((await tried).verdict, "error");
      assert.equal(asked, 6);
      clock.ms += 1_000;
      isWell = true;
      assert.deepEqual(await ask(), ALLOW);
      assert.deepEqual(await Promise.all([ask(), ask()]), [ALLOW, ALLOW]);
    });
  }

  it("is asked however often it failed, where it spares its back-end itself", async () => {
    let asked = 0;
    const check = (): Promise<CheckAnswer> => Promise.resolve(++asked > 9 ? ALLOW : error("no"));
    const { ask } = running(check, { adapter: { ...fakeAdapter({ check }).adapter, breaker: "own" } });
    for (let turns = 0; turns < 9; turns++) assert.deepEqual(await ask(), error("no"));
    assert.deepEqual(await ask(), ALLOW);
  });

  it("is spared by weir where it says so itself, whatever its adapter says", async () => {
    let asked = 0;
    const check = (): Promise<CheckAnswer> => Promise.resolve(error(`${++asked}`));
    const { adapter } = fakeAdapter({ check });
    const create: typeof adapter.create = (...given) => ({ ...adapter.create(...given), breaker: "lent" });
    const { ask } = running(check, { adapter: { ...adapter, breaker: "own", create } });
    for (let turns = 0; turns < 9; turns++) await ask();
    assert.equal(asked, 5);
  });

  it("is measured with no time below zero, though the clock is set back", () => {
    const { ask, clock, seen } = running(() => {
      clock.ms -= 5_000;
      return ALLOW;
    });
    void ask();
    assert.deepEqual(seen, ["one allow 0"]);
  });
});
