import assert from "node:assert/strict";
import { z } from "zod";
import { examine } from "../../src/adapter/contract.ts";
import { KIT } from "../../src/adapter/kit.ts";
import type { Host } from "../../src/adapter/host.ts";
import { createTestHost } from "../adapters/host.ts";

const handler = {
  start: () => Promise.resolve(),
  check: () => ({ verdict: "deny" }),
  status: () => ({ state: "ready", detail: "fine" }),
  close: () => Promise.resolve(),
};

const SOUND = {
  id: "sound",
  summary: "Does what it says",
  config: KIT.mapping({ wait: KIT.durationMs(1, 1_000) }),
  inputs: { check: { value: { type: "string", presence: "required", class: "secret", meaning: "A value" } } },
  outputs: { names: { type: "list(string)", meaning: "All of them" } },
  credentialInput: "value",
  create: (): object => handler,
};

const reasonsOf = (value: unknown): readonly string[] => {
  const examined = examine(value);
  return examined.kind === "refused" ? examined.reasons : [];
};

describe("the contract of adapters", () => {
  it("is kept by what has all that it asks for, with any zod, and a class of its own", () => {
    class Own {
      readonly id = "own";
      readonly summary = "Is a class";
      readonly config = z.strictObject({});
      readonly inputs = { report: { presets: ["trace"], plain: "refused" } };
      readonly outputs = {};
      create(): object {
        return { ...handler, report: () => ({ kind: "delivered" }) };
      }
    }
    assert.deepEqual(reasonsOf(SOUND), []);
    assert.deepEqual(reasonsOf(new Own()), []);
  });

  it("has room for what depends on the configuration, and for a breaker of its own", () => {
    const plan = { type: "string", meaning: "The plan" };
    const input = { type: "json", presence: "required", class: "open", meaning: "All of it" };
    const declared = (declare: () => unknown) => {
      const examined = examine({ ...SOUND, breaker: "own", declare });
      assert.ok(examined.kind === "adapter");
      assert.equal(examined.adapter.breaker, "own");
      return examined.adapter.declare?.({ wait: "250ms" }, createTestHost().compiler);
    };
    const whole = { inputs: { all: input }, outputs: { plan }, problems: [] };
    assert.deepEqual(
      declared(() => whole),
      whole,
    );
    const complaint = (declare: () => unknown): string => declared(declare)?.problems?.[0]?.message ?? "";
    assert.match(
      complaint(() => assert.fail("no idea")),
      /fails with this configuration: no idea/,
    );
    assert.match(
      complaint(() => ({ outputs: { plan: { type: "text" } } })),
      /outputs.plan.type: write a CEL type/,
    );
    assert.deepEqual(reasonsOf({ ...SOUND, breaker: "none" }), ['breaker: write "own", or leave it out']);
  });

  it("has the configuration parsed before create sees it", () => {
    const seen: unknown[] = [];
    const examined = examine({ ...SOUND, create: (config: unknown) => (seen.push(config), handler) });
    assert.ok(examined.kind === "adapter");
    examined.adapter.create({ wait: "250ms" }, createTestHost());
    assert.deepEqual(seen, [{ wait: 250 }]);
  });

  it("is broken by a handler that lacks what its adapter says it can do", () => {
    const cases: readonly (readonly [unknown, RegExp])[] = [
      [undefined, /the adapter sound returns a handler without start, status, close, check/],
      [{ ...handler, check: undefined }, /without check$/],
      [{ ...handler, close: "later" }, /without close$/],
    ];
    for (const [made, why] of cases) {
      const examined = examine({ ...SOUND, create: () => made });
      assert.ok(examined.kind === "adapter");
      assert.throws(() => examined.adapter.create({ wait: "1s" }, {} as Host), why);
    }
  });

  const input = SOUND.inputs.check.value;
  const wrong: readonly (readonly [what: string, value: unknown, why: RegExp])[] = [
    ["nothing", undefined, /^write an adapter: an object with id/],
    ["a text", "list", /^write an adapter/],
    ["no id", { ...SOUND, id: undefined }, /^id: write the name of the adapter/],
    ["an id of other letters", { ...SOUND, id: "My-Own" }, /^id: write a name of small letters/],
    ["a summary of two lines", { ...SOUND, summary: "a\nb" }, /^summary: write what it does, in one line/],
    ["a config that is no schema", { ...SOUND, config: { url: "string" } }, /^config: write a schema of zod/],
    [
      "nothing that it can be asked",
      { ...SOUND, inputs: {}, credentialInput: undefined },
      /^inputs: write what it can be asked/,
    ],
    [
      "an operation that there is not",
      { ...SOUND, inputs: { chek: {} } },
      /^inputs: there is no chek; there are check, report/,
    ],
    [
      "a type that CEL has not",
      { ...SOUND, inputs: { check: { value: { ...input, type: "text" } } } },
      /^inputs\.check\.value\.type: write a CEL type/,
    ],
    [
      "no presence",
      { ...SOUND, inputs: { check: { value: { ...input, presence: true } } } },
      /^inputs\.check\.value\.presence: write one of required, optional/,
    ],
    [
      "a name that CEL cannot say",
      { ...SOUND, outputs: { "a-b": { type: "int", meaning: "x" } } },
      /^outputs\.a-b: a name has letters/,
    ],
    [
      "an output without a meaning",
      { ...SOUND, outputs: { a: { type: "int" } } },
      /^outputs\.a\.meaning: write what it means/,
    ],
    [
      "a credential that is no input",
      { ...SOUND, credentialInput: "key" },
      /^credentialInput: there is no input key/,
    ],
    ["no create", { ...SOUND, create: undefined }, /^create: write a function/],
    ["a key that it does not know", { ...SOUND, version: 2 }, /^there is no version; there are id, summary/],
    [
      "presets that there are not",
      { ...SOUND, inputs: { ...SOUND.inputs, report: { presets: ["spans"], plain: "taken" } } },
      /^inputs\.report\.presets\.0: write one of istio/,
    ],
  ];
  for (const [what, value, why] of wrong)
    it(`is not kept by ${what}`, () => assert.match(reasonsOf(value).join("\n"), why));

  it("takes the types of CEL", () => {
    const ofType = (type: string): readonly string[] =>
      reasonsOf({ ...SOUND, outputs: { a: { type, meaning: "x" } } });
    for (const type of ["bool", "ip", "list(int)", "map(string, dyn)", "map(string,int)"])
      assert.deepEqual(ofType(type), [], type);
    for (const type of ["string)", "list(text)", "map(int, int)", "list(list(int))"])
      assert.equal(ofType(type).length, 1, type);
  });

  it("is told of as a whole: every reason at once", () => {
    assert.equal(reasonsOf({ ...SOUND, id: 1, config: 1, outputs: 1, create: 1 }).length, 4);
  });
});
