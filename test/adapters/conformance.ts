import assert from "node:assert/strict";
import type { Adapter, CheckAnswer, Handler } from "../../src/adapter/adapter.ts";
import type { Delivery, ReportRecord } from "../../src/adapter/report.ts";
import { conforms, kindsOf } from "./declared.ts";
import { createTestHost, tick, type Remote, type TestHost } from "./host.ts";

/** What an adapter's own folder of tests tells the suite. */
export interface Fixture {
  /** Configurations that work, each with what it needs of the host. */
  readonly good: readonly { readonly config: object; readonly prepare: (host: TestHost) => void }[];
  /** Each is refused with a message like this. */
  readonly bad: readonly (readonly [config: object, message: RegExp])[];
  /** Configurations whose `start` rejects, since something local is missing. */
  readonly localFaults: readonly object[];
  /** Of an adapter that is asked: sample inputs that bring both verdicts. */
  readonly inputs: readonly ReadonlyMap<string, unknown>[];
  /** Of an adapter that takes records: a batch that its good configurations deliver. */
  readonly records?: readonly ReportRecord[];
  /** Texts that are secret, wherever the fixture brings them in; what records say is nothing for the log, either. */
  readonly secrets: readonly string[];
}

export interface Subject {
  readonly adapter: Adapter;
  readonly fixture: Fixture;
}

/** What every adapter keeps to: each rejects with an AssertionError when the subject does not. */
export const CONFORMANCE: Readonly<Record<string, (subject: Subject) => Promise<void>>> = {
  "creates without asking anyone or opening anything": async (subject) => {
    for (const { host, handler } of made(subject, () => activeResources())) {
      assert.deepEqual(host.calls, []);
      assert.deepEqual(host.lines, []);
      await handler.close();
    }
  },

  "refuses a key that it does not know": ({ adapter, fixture }) => {
    for (const { config } of fixture.good) {
      assert.ok(adapter.config.safeParse(config).success, "the good configuration is good");
      assert.ok(
        !adapter.config.safeParse({ ...config, "no-such-key": 1 }).success,
        "an unknown key is refused",
      );
    }
    return Promise.resolve();
  },

  "says in a sentence what is wrong with a configuration": ({ adapter, fixture }) => {
    for (const [config, message] of fixture.bad) {
      const parsed = adapter.config.safeParse(config);
      assert.ok(!parsed.success, `${JSON.stringify(config)} is refused`);
      assert.match(parsed.error.issues.map((issue) => issue.message).join("\n"), message);
      assert.doesNotMatch(parsed.error.message, /Invalid input|Unrecognized key|Too (small|big)/);
    }
    return Promise.resolve();
  },

  "starts while its remote is away or hangs, and does not start with a local fault": async (subject) => {
    for (const kind of ["away", "hangs"] as const) {
      for (const { handler, host } of made(subject)) {
        host.remote = { kind };
        await within(handler.start(), `start while the remote ${kind}`);
        await within(handler.close(), `close while the remote ${kind}`);
      }
    }
    for (const config of subject.fixture.localFaults) {
      const host = createTestHost();
      const handler = subject.adapter.create(config, host);
      await assert.rejects(within(handler.start(), "start with a local fault"), Error);
      assert.equal(host.repeated.size, 0, "nothing is left running");
      await handler.close();
    }
  },

  "ends a check in time, before the start and while its remote hangs": async (subject) => {
    for (const remote of [{ kind: "away" }, { kind: "hangs" }] satisfies readonly Remote[]) {
      for (const { handler, host } of made(subject)) {
        host.remote = remote;
        await used(subject, handler);
        await within(handler.start(), "start");
        await used(subject, handler);
        await within(handler.close(), "close");
        await used(subject, handler);
      }
    }
  },

  "closes twice and without a start, and leaves nothing running": async (subject) => {
    for (const { handler } of made(subject)) {
      await within(handler.close(), "close without a start");
      await within(handler.close(), "the second close");
    }
    for (const { handler, host } of made(subject)) {
      const before = activeResources();
      await within(handler.start(), "start");
      await tick(host);
      await within(handler.close(), "close");
      await within(handler.close(), "the second close");
      assert.equal(host.repeated.size, 0, "a repeated task is not stopped");
      assert.deepEqual(activeResources(), before);
    }
  },

  "says its status at any time": async (subject) => {
    const look = (handler: Handler): void => {
      const { state, detail } = handler.status();
      assert.ok(["ready", "stale", "failing", "starting"].includes(state), state);
      assert.match(detail, /^[^\n]+$/, "one line");
    };
    for (const { handler, host } of made(subject)) {
      look(handler);
      await within(handler.start(), "start");
      await tick(host);
      look(handler);
      host.remote = { kind: "away" };
      host.advance(7 * 86_400_000);
      await tick(host);
      look(handler);
      await handler.close();
      look(handler);
    }
  },

  "answers with what it declares": async (subject) => {
    const verdicts = new Set<string>();
    for (const { handler, adapter } of made(subject)) {
      await within(handler.start(), "start");
      for (const input of subject.fixture.inputs) {
        const answer = await checked(handler, input);
        verdicts.add(answer.verdict);
        conforms(adapter, answer);
      }
      await handler.close();
    }
    const isAsked = subject.adapter.inputs.check !== undefined;
    const hasBoth = verdicts.has("allow") && verdicts.has("deny");
    assert.ok(!isAsked || hasBoth, "the sample inputs bring both verdicts");
  },

  "delivers records, and says so": async (subject) => {
    const { adapter, fixture } = subject;
    assert.equal(fixture.records !== undefined, adapter.inputs.report !== undefined, "there are records");
    for (const { handler } of made(subject)) {
      assert.equal(handler.report !== undefined, adapter.inputs.report !== undefined, "it takes records");
      await within(handler.start(), "start");
      for (const batch of fixture.records === undefined ? [] : [fixture.records, fixture.records, []]) {
        assert.deepEqual(await reported(handler, batch), { kind: "delivered" });
      }
      await within(handler.close(), "close");
    }
  },

  "takes records of every kind that it declares, together and one by one, and changes none": async (
    subject,
  ) => {
    const { adapter, fixture } = subject;
    const records = fixture.records ?? [];
    for (const [kind, isOne] of kindsOf(adapter)) assert.ok(records.some(isOne), `a record of ${kind}`);
    for (const { handler } of made(subject)) {
      await within(handler.start(), "start");
      for (const batch of [...batchesOf(subject), ...records.map((one) => [one])]) {
        const before = structuredClone(batch);
        assert.equal((await reported(handler, batch)).kind, "delivered");
        assert.deepEqual(batch, before, "records are as they were");
      }
      await within(handler.close(), "close");
    }
  },

  "takes over from the handler before it, which goes on": async (subject) => {
    for (const { config, handler: before, host, adapter } of made(subject)) {
      await within(before.start(), "start");
      await tick(host);
      const next = subject.adapter.create(config, host, before);
      const foreign = subject.adapter.create(config, host, FOREIGN);
      for (const input of subject.fixture.inputs) {
        const answer = await checked(before, input);
        conforms(adapter, answer);
        assert.notEqual(answer.verdict, "error", "the handler before goes on");
      }
      for (const batch of batchesOf(subject)) {
        assert.equal((await reported(before, batch)).kind, "delivered", "the handler before goes on");
      }
      for (const handler of [next, foreign, before]) await within(handler.close(), "close");
    }
  },

  "shows no secret in errors, log or status": async (subject) => {
    const seen: string[] = [];
    for (const [config] of subject.fixture.bad) {
      const parsed = subject.adapter.config.safeParse(config);
      if (!parsed.success) seen.push(parsed.error.message);
    }
    for (const kind of ["as prepared", "away"] as const) {
      for (const { handler, host } of made(subject)) {
        if (kind === "away") host.remote = { kind };
        await handler.start().catch((error: unknown) => seen.push(String(error)));
        await tick(host).catch((error: unknown) => seen.push(String(error)));
        for (const input of subject.fixture.inputs) {
          const answer = await checked(handler, input).catch(String);
          seen.push(typeof answer === "string" ? answer : said(answer));
        }
        for (const batch of batchesOf(subject)) {
          const delivery = await reported(handler, batch).catch(String);
          seen.push(typeof delivery === "string" ? delivery : JSON.stringify(delivery));
        }
        seen.push(handler.status().detail, ...host.lines);
        await handler.close();
      }
    }
    assert.ok(subject.fixture.secrets.length > 0, "the fixture names secrets");
    for (const secret of subject.fixture.secrets) {
      assert.ok(!seen.some((text) => text.includes(secret)), `${secret} is shown`);
    }
  },
};

/** What of an answer is logged or shown to a caller. */
const said = (answer: CheckAnswer): string => {
  switch (answer.verdict) {
    case "allow":
      return "";
    case "deny":
      return answer.message ?? "";
    case "error":
      return answer.reason;
  }
};

interface Made {
  readonly config: object;
  readonly host: TestHost;
  readonly handler: Handler;
  /** With what it declares for this configuration. */
  readonly adapter: Adapter;
}

/** A handler for each good configuration; `around` gives the same before and after it was created. */
function made({ adapter, fixture }: Subject, around: () => unknown = () => undefined): readonly Made[] {
  return fixture.good.map(({ config, prepare }) => {
    const host = createTestHost();
    prepare(host);
    const before = around();
    const handler = adapter.create(config, host);
    assert.deepEqual(around(), before, "creating opens nothing");
    const { inputs, outputs, problems } = adapter.declare?.(config, host.compiler) ?? {};
    assert.deepEqual(problems ?? [], [], "nothing is wrong with its expressions");
    const check = { ...adapter.inputs.check, ...inputs };
    const whole: Adapter = {
      ...adapter,
      inputs: { ...adapter.inputs, ...(adapter.inputs.check === undefined ? {} : { check }) },
      outputs: { ...adapter.outputs, ...outputs },
    };
    return { config, host, handler, adapter: whole };
  });
}

/** A handler of another kind, as one finds when a name changes its adapter. */
const FOREIGN: Handler = {
  start: () => Promise.resolve(),
  status: () => ({ state: "ready", detail: "another" }),
  close: () => Promise.resolve(),
};

const PATIENCE_MS = 300;

async function within<T>(work: Promise<T>, what: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new assert.AssertionError({ message: `${what} does not end` })),
    PATIENCE_MS,
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** One check whose signal aborts soon. */
async function checked(handler: Handler, input: ReadonlyMap<string, unknown>): Promise<CheckAnswer> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), PATIENCE_MS / 10);
  try {
    const call = { deadlineAtMs: Date.now() + PATIENCE_MS / 10, signal: controller.signal };
    const answer = await within(Promise.resolve(handler.check?.(input, call)), "a check");
    assert.ok(answer !== undefined, "it can be asked");
    return answer;
  } finally {
    clearTimeout(timer);
  }
}

const batchesOf = ({ fixture: { records } }: Subject): readonly (readonly ReportRecord[])[] =>
  records === undefined ? [] : [records];

/** Every way in which it can be used, whatever comes of it, as long as it ends. */
async function used(subject: Subject, handler: Handler): Promise<void> {
  for (const input of subject.fixture.inputs) await checked(handler, input).catch(ownError);
  for (const batch of batchesOf(subject)) await reported(handler, batch).catch(ownError);
}

/** One batch whose signal aborts soon. */
async function reported(handler: Handler, batch: readonly ReportRecord[]): Promise<Delivery> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), PATIENCE_MS / 10);
  try {
    const call = { deadlineAtMs: Date.now() + PATIENCE_MS / 10, signal: controller.signal };
    const delivery = await within(Promise.resolve(handler.report?.(batch, call)), "a report");
    assert.ok(delivery !== undefined, "it takes records");
    assert.ok(delivery.kind === "delivered" || delivery.reason !== "", "it says why");
    return delivery;
  } finally {
    clearTimeout(timer);
  }
}

/** A handler may throw when it cannot decide; what the suite finds is another matter. */
function ownError(error: unknown): void {
  if (error instanceof assert.AssertionError) throw error;
}

const activeResources = (): readonly string[] =>
  process
    .getActiveResourcesInfo()
    .filter((name) => /Timeout|Immediate|FSReq|TCP|Watcher/.test(name))
    .sort();
