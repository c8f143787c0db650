import assert from "node:assert/strict";
import { ADAPTERS } from "../../adapters/index.ts";
import { defineAdapter, type Adapter, type Handler } from "../../src/adapter/adapter.ts";
import { httpUrl, mapping } from "../../src/adapter/config.ts";
import type { ReportRecord } from "../../src/adapter/report.ts";
import type { Host } from "../../src/adapter/host.ts";
import { CONFORMANCE, type Fixture, type Subject } from "./conformance.ts";
import { FIXTURES } from "./fixtures.ts";

describe("every adapter", () => {
  it("has an id of its own and a fixture", () => {
    const ids = ADAPTERS.map(({ id }) => id);
    assert.deepEqual(ids.toSorted(), [...FIXTURES.keys()].sort());
    for (const id of ids) assert.match(id, /^[a-z][a-z0-9]*$/);
  });

  for (const adapter of ADAPTERS) {
    const fixture = FIXTURES.get(adapter.id);
    if (fixture === undefined) continue;
    describe(adapter.id, () => {
      for (const [name, check] of Object.entries(CONFORMANCE)) it(name, () => check({ adapter, fixture }));
    });
  }
});

/** An adapter that asks a remote at each check and does everything right. */
const sound = (
  over: Partial<Adapter>,
  handlerOver: (host: Host) => Partial<Handler> = () => ({}),
): Adapter => ({
  ...defineAdapter({
    id: "sound",
    summary: "Asks a remote",
    config: mapping({ url: httpUrl() }),
    inputs: { check: { value: { type: "string", presence: "required", class: "open", meaning: "A value" } } },
    outputs: { size: { type: "int", meaning: "How long the answer is" } },
    create: ({ url }, host) => ({
      start: () => Promise.resolve(),
      check: async (input, { signal }) => {
        const { body } = await host.fetch({ url, maxBytes: 100, timeoutMs: 1_000, signal });
        if (input.get("value") !== "good") return { verdict: "deny" };
        return { verdict: "allow", outputs: new Map([["size", BigInt(body.length)]]) };
      },
      status: () => ({ state: "ready", detail: "fine" }),
      close: () => Promise.resolve(),
      ...handlerOver(host),
    }),
  }),
  ...over,
});

const SECRET = "tok-77";
const FIXTURE: Fixture = {
  good: [
    {
      config: { url: `https://remote.example.com/?key=${SECRET}` },
      prepare: (host) => (host.remote = { kind: "answers", answer: () => ({ body: Buffer.from("yes") }) }),
    },
  ],
  bad: [[{}, /write a URL/]],
  localFaults: [],
  inputs: [new Map([["value", "good"]]), new Map([["value", "bad"]])],
  secrets: [SECRET],
};

const RECORD: ReportRecord = {
  kind: "fields",
  rule: "orders/slow",
  observedAtMs: 0,
  timeMs: 0,
  severity: "info",
  fields: new Map([["status", 200]]),
  added: new Map(),
  trace: undefined,
};
const PLAIN: ReportRecord = { ...RECORD, fields: new Map(), added: new Map([["team", "shop"]]) };
const REPORTED: Fixture = { ...FIXTURE, records: [RECORD, PLAIN] };

/** One that takes records, too. */
function reporting(over: Partial<Handler> = {}): Adapter {
  const base = sound({}, () => ({ report: () => ({ kind: "delivered" }), ...over }));
  return { ...base, inputs: { ...base.inputs, report: { presets: ["access-log"], plain: "taken" } } };
}

const began = (begin: () => unknown): Promise<void> => {
  begin();
  return Promise.resolve();
};
const never = <T>(): Promise<T> => new Promise<T>(() => undefined);
const openTimer = (): NodeJS.Timeout => {
  const timer = setTimeout(() => undefined, 400);
  return timer;
};
const request = { url: "https://remote.example.com/", maxBytes: 1, timeoutMs: 1_000 };
const loose = {
  safeParse: (value: unknown) => ({ success: true, data: value }),
  parse: (value: unknown) => value,
};

/** For each check, adapters that it has to catch. */
const BROKEN: Readonly<Record<string, readonly Partial<Subject>[]>> = {
  "creates without asking anyone or opening anything": [
    { adapter: sound({}, (host) => (host.fetch(request).catch(() => undefined), {})) },
    { adapter: sound({}, (host) => (host.repeat(1, () => Promise.resolve()), {})) },
    { adapter: sound({}, () => (openTimer(), {})) },
    { adapter: sound({}, (host) => (host.log.info({}, "here I am"), {})) },
  ],
  "refuses a key that it does not know": [
    {
      adapter: {
        ...sound({}),
        config: Object.assign(Object.create(sound({}).config), loose) as Adapter["config"],
      },
    },
  ],
  "says in a sentence what is wrong with a configuration": [
    { fixture: { ...FIXTURE, bad: [[{ url: "https://fine.example.com/" }, /./]] } },
    { fixture: { ...FIXTURE, bad: [[{ url: 5 }, /another sentence/]] } },
  ],
  "starts while its remote is away or hangs, and does not start with a local fault": [
    { adapter: sound({}, (host) => ({ start: () => host.fetch(request).then(() => undefined) })) },
    { adapter: sound({}, () => ({ close: never })) },
    { fixture: { ...FIXTURE, localFaults: [{ url: "https://remote.example.com/" }] } },
  ],
  "ends a check in time, before the start and while its remote hangs": [
    { adapter: sound({}, () => ({ check: () => never() })) },
    // The signal is not handed on.
    {
      adapter: sound({}, (host) => ({ check: () => host.fetch(request).then(() => ({ verdict: "deny" })) })),
    },
  ],
  "closes twice and without a start, and leaves nothing running": [
    { adapter: sound({}, () => ({ close: failsSecond() })) },
    { adapter: sound({}, () => ({ start: () => began(openTimer) })) },
    { adapter: sound({}, (host) => ({ start: () => began(() => host.repeat(1, () => Promise.resolve())) })) },
  ],
  "says its status at any time": [
    {
      adapter: sound({}, () => ({
        status: () => {
          throw new Error("not yet");
        },
      })),
    },
    { adapter: sound({}, () => ({ status: () => ({ state: "ready", detail: "two\nlines" }) })) },
  ],
  "answers with what it declares": [
    { adapter: sound({ outputs: { size: { type: "string", meaning: "It is none" } } }) },
    { adapter: sound({ outputs: {} }) },
    { adapter: sound({}, () => ({ check: () => ({ verdict: "deny", status: 200 }) })) },
    { fixture: { ...FIXTURE, inputs: [] } },
  ],
  "takes over from the handler before it, which goes on": [
    { adapter: stealing() },
    {
      adapter: {
        ...sound({}),
        create: (config, host, previous) => {
          if (previous !== undefined && previous.check === undefined) throw new Error("not one of mine");
          return sound({}).create(config, host);
        },
      },
    },
  ],
  "delivers records, and says so": [
    { fixture: { ...FIXTURE, records: [RECORD] } },
    { adapter: reporting() },
    { adapter: sound({ inputs: reporting().inputs }), fixture: REPORTED },
    { adapter: reporting({ report: () => never() }), fixture: REPORTED },
    { adapter: reporting({ report: () => ({ kind: "retry", reason: "" }) }), fixture: REPORTED },
    {
      adapter: reporting({ report: () => ({ kind: "refused", dropped: 1, reason: "not today" }) }),
      fixture: REPORTED,
    },
  ],
  "takes records of every kind that it declares, together and one by one, and changes none": [
    { adapter: reporting(), fixture: { ...REPORTED, records: [PLAIN] } },
    { adapter: reporting(), fixture: { ...REPORTED, records: [RECORD] } },
    {
      adapter: reporting({
        report: (batch) => ({ kind: batch.length > 1 ? "delivered" : "retry", reason: "too few" }),
      }),
      fixture: REPORTED,
    },
    {
      adapter: reporting({
        report: ([first]) => {
          (first?.added as Map<string, string> | undefined)?.set("seen", "yes");
          return { kind: "delivered" };
        },
      }),
      fixture: REPORTED,
    },
  ],
  "shows no secret in errors, log or status": [
    { adapter: sound({}, () => ({ status: () => ({ state: "ready", detail: `asks ${SECRET}` }) })) },
    { adapter: sound({}, (host) => ({ start: () => began(() => host.log.warn({ key: SECRET }, "begun")) })) },
    { adapter: sound({}, () => ({ check: () => Promise.reject(new Error(`no ${SECRET}`)) })) },
    { fixture: { ...FIXTURE, secrets: [] } },
  ],
};

function failsSecond(): () => Promise<void> {
  let isClosed = false;
  return () => {
    if (isClosed) return Promise.reject(new Error("closed already"));
    isClosed = true;
    return Promise.resolve();
  };
}

/** Ends the handler before it when it is created. */
function stealing(): Adapter {
  const ended = new WeakSet<Handler>();
  const base = sound({});
  return {
    ...base,
    create: (config, host, previous) => {
      if (previous !== undefined) ended.add(previous);
      const handler = base.create(config, host);
      const own: Handler = {
        ...handler,
        check: (input, call) =>
          ended.has(own) || handler.check === undefined
            ? { verdict: "error", reason: "taken over" }
            : handler.check(input, call),
      };
      return own;
    },
  };
}

describe("the conformance suite", () => {
  for (const [name, check] of Object.entries(CONFORMANCE)) {
    it(`lets a sound adapter pass: ${name}`, () => check({ adapter: sound({}), fixture: FIXTURE }));
    it(`lets one that takes records pass: ${name}`, () => check({ adapter: reporting(), fixture: REPORTED }));

    for (const [index, broken] of (BROKEN[name] ?? []).entries()) {
      it(`catches broken adapter ${index + 1}: ${name}`, async () => {
        const subject = { adapter: sound({}), fixture: FIXTURE, ...broken };
        await assert.rejects(Promise.resolve().then(() => check(subject)));
      });
    }
  }

  it("has a broken adapter for every check", () => {
    assert.deepEqual(Object.keys(BROKEN).sort(), Object.keys(CONFORMANCE).sort());
  });
});
