import assert from "node:assert/strict";
import type { Adapter, Handler } from "../../src/adapter/adapter.ts";
import type { Handlers, HandlerWorld } from "../../src/runtime/handlers.ts";
import { closeHandlers, prepareHandlers } from "../../src/runtime/prepare.ts";
import { configured, fakeAdapter, HANDLER_WORLD, type Behaviour } from "./fixture.ts";

describe("handlers of a new configuration", () => {
  const prepared = async (
    behaviour: Behaviour,
    names: readonly string[],
    { current = new Map(), ...world }: Partial<HandlerWorld> & { current?: Handlers } = {},
  ) => {
    const { adapter, made } = fakeAdapter(behaviour);
    const wanted = new Map(names.map((name) => [name, configured(adapter, name, { name })]));
    return { made, adapter, result: await prepareHandlers(wanted, current, { ...HANDLER_WORLD, ...world }) };
  };
  const messagesOf = ({ result }: Awaited<ReturnType<typeof prepared>>): readonly string[] =>
    "diagnostics" in result ? result.diagnostics.map(({ message }) => message) : [];

  it("are made and started once each", async () => {
    const { made, result } = await prepared({}, ["a", "b"]);
    assert.ok("handlers" in result);
    assert.deepEqual([...result.handlers.keys()], ["a", "b"]);
    assert.deepEqual(
      made.map(({ started, closed }) => [started, closed]),
      [
        [1, 0],
        [1, 0],
      ],
    );
  });

  it("leave none running when one of them cannot be made, cannot start or does not end to start; all are told", async () => {
    let made = 0;
    const found = await prepared(
      {
        create: () => {
          if (++made === 2) throw new Error("cannot be made");
        },
        start: (about) => {
          if (about === "c") throw new Error("no such file");
          return about === "d" ? new Promise(() => undefined) : Promise.resolve();
        },
      },
      ["a", "b", "c", "d", "e"],
      { patienceMs: 5 },
    );
    assert.deepEqual(messagesOf(found), [
      "the handler b cannot start: cannot be made",
      "the handler c cannot start: no such file",
      "the handler d cannot start: it was not done within 5 ms",
    ]);
    assert.deepEqual(
      found.made.map(({ about, closed }) => [about, closed]),
      [
        ["a", 1],
        ["c", 1],
        ["d", 1],
        ["e", 1],
      ],
    );
  });

  it("are refused where weir.yaml names them", async () => {
    const { result } = await prepared({ start: () => Promise.reject(new Error("no")) }, ["a"]);
    assert.ok("diagnostics" in result);
    const [{ code, file, line } = assert.fail()] = result.diagnostics;
    assert.deepEqual([code, file, line], ["handler-config", "weir.yaml", 3]);
  });

  it("take over from one of the same adapter only", async () => {
    const { result: before, adapter } = await prepared({}, ["a"]);
    assert.ok("handlers" in before);
    const old = before.handlers.get("a")?.handler;
    const cases = [
      [adapter, old],
      [fakeAdapter().adapter, old],
      [{ ...adapter, id: "other" }, undefined],
    ] as const;
    for (const [kind, previous] of cases) {
      const taken: (Handler | undefined)[] = [];
      const taking: Adapter = {
        ...kind,
        create: (config, host, one) => {
          taken.push(one);
          return kind.create(config, host, one);
        },
      };
      const wanted = new Map([["a", configured(taking, "changed", { name: "a" })]]);
      await prepareHandlers(wanted, before.handlers, HANDLER_WORLD);
      assert.deepEqual(taken, [previous]);
    }
  });

  it("are closed each whatever the others do, and not waited for without end", async () => {
    const outcomes = [() => Promise.reject(new Error("boom")), () => new Promise<void>(() => undefined)];
    const { result, made } = await prepared({ close: () => outcomes.pop()?.() ?? Promise.resolve() }, [
      "a",
      "b",
      "c",
    ]);
    assert.ok("handlers" in result);
    await closeHandlers(result.handlers.values(), { patienceMs: 5 });
    assert.deepEqual(
      made.map(({ closed }) => closed),
      [1, 1, 1],
    );
  });
});
