import assert from "node:assert/strict";
import { createHook } from "node:async_hooks";
import { pino } from "pino";
import type { CheckHost } from "../../src/check/check-host.ts";
import { Records } from "../../src/check/records.ts";
import { checkService, type CheckService } from "../../src/check/service.ts";
import { Lines, type LineResult } from "../../src/host/lines.ts";
import type { Snapshot } from "../../src/policy/snapshot.ts";
import type { Backends } from "../../src/runtime/backends.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { CheckResponse } from "../../src/wire/envoy/service/auth/v3/external_auth.ts";
import { parseExposition, type Series } from "../telemetry/exposition.ts";
import { granting, MISSING, NO, policy, rule, YES } from "./conditions.ts";
import { reportingSnapshot } from "../report/fixture.ts";
import { type Asked, checkRequest, NO_BACKENDS, snapshotOf, NO_LIMITS } from "./fixture.ts";
import { asking, snapshotWith } from "./stubs.ts";

const BASE: Asked = { headers: { "content-type": "text/plain" } };

/** A check path over one snapshot, and what it leaves behind. */
function serve(snapshot: Snapshot | undefined, more: Partial<CheckHost> = {}) {
  const metrics = createMetrics();
  const logged: string[] = [];
  const tasks: (() => void)[] = [];
  const log = pino({ base: null }, { write: (line: string) => void logged.push(line) });
  const later = (task: () => void): boolean => tasks.push(task) > 0;
  const live = () => snapshot && { snapshot, backends: NO_BACKENDS };
  const service = checkService({ live, limits: NO_LIMITS, metrics, log, nowMs: () => 1_000, later, ...more });
  return {
    service,
    logged,
    tasks,
    check: (asked: Asked | Buffer = BASE, deadlineAtMs = Infinity): CheckResponse =>
      CheckResponse.decode(
        atOnce(service, Buffer.isBuffer(asked) ? asked : checkRequest(asked), deadlineAtMs),
      ),
    series: async (): Promise<Series> => parseExposition((await metrics.render()).text),
  };
}

/** The answer to a check that nobody is waited for in. */
function atOnce(service: CheckService, request: Buffer, deadlineAtMs: number): Uint8Array {
  const answer = service.check(request, deadlineAtMs, ANY_PROXY);
  return answer instanceof Uint8Array ? answer : assert.fail("somebody was waited for");
}

const ANY_PROXY = { principal: undefined, listenerRole: undefined };

/** The field `weir` of the dynamic metadata. */
function told({ dynamicMetadata }: CheckResponse): Readonly<Record<string, string | undefined>> {
  const fields =
    dynamicMetadata?.fields.get("weir")?.structValue?.fields ?? new Map<string, { stringValue?: string }>();
  return Object.fromEntries(Array.from(fields, ([name, { stringValue }]) => [name, stringValue]));
}

const headersOf = (response: CheckResponse): Record<string, string | undefined> =>
  Object.fromEntries(
    (response.deniedResponse?.headers ?? []).map(({ header }) => [header?.key ?? "", header?.value]),
  );

const open = snapshotOf(granting);

describe("the check path", () => {
  it("answers a grant with OK", () => {
    const response = serve(open).check();
    assert.equal(response.status?.code, 0);
    assert.ok(response.okResponse);
    assert.deepEqual(
      { ...told(response), decision: "" },
      { decision: "", verdict: "allow", policy: "z", rule: "allows" },
    );
  });

  it("counts the answers that have no room for what telemetry reads", async () => {
    const snapshot = reportingSnapshot(granting, {
      policy: "a",
      match: "everything",
      let: { all: 'context_extensions["a"]' },
      telemetry: [{ id: "line", to: "lines", with: { all: "${all}" } }],
    });
    const { check, series } = serve(snapshot);
    for (const a of ["b", "b".repeat(5_000)])
      assert.equal(told(check({ ...BASE, extensions: { a } }))["policies"], "a z");
    assert.equal((await series()).get("weir_report_carried_cut_total"), 1);
  });

  const broken: Snapshot = {
    ...open,
    lookup: {
      find: () => {
        throw new RangeError("a bug");
      },
    },
  };
  const clockThatJumps = (afterCalls: number): (() => number) => {
    let calls = 0;
    return () => (calls++ < afterCalls ? 1_000 : 1_201);
  };
  const rows: readonly (readonly [
    what: string,
    snapshot: Snapshot | undefined,
    rule: string,
    status: number,
    more?: Partial<CheckHost>,
    request?: Buffer | undefined,
    deadlineAtMs?: number,
  ])[] = [
    ["without a configuration", undefined, "weir/not-ready", 503],
    ["past its deadline", open, "weir/overload", 503, {}, undefined, 999],
    ["at its deadline", open, "weir/overload", 503, {}, undefined, 1_000],
    ["whose deadline passes while it is decided", open, "weir/overload", 503, { nowMs: clockThatJumps(1) }],
    ["whose bytes are no message", open, "weir/bad-request", 400, {}, Buffer.from([0x0a, 0xff])],
    ["in which weir has a bug", broken, "weir/internal", 500],
    ["that says nothing", open, "weir/bad-request", 400, {}, Buffer.alloc(0)],
    ["without a host", open, "weir/bad-host", 400, {}, checkRequest({ host: "" })],
    ["that is too large", open, "weir/too-large", 413, {}, Buffer.alloc(4 * 1024 * 1024 + 1)],
    ["that nothing governs", snapshotOf(), "weir/ungoverned", 403],
  ];
  for (const [what, snapshot, id, status, more, request, deadlineAtMs] of rows) {
    it(`refuses a check ${what}: ${status} ${id}`, async () => {
      const served = serve(snapshot, more);
      const response = served.check(request, deadlineAtMs);
      assert.equal(response.status?.code, 7);
      assert.equal(response.deniedResponse?.status?.code, status);
      assert.deepEqual([response.okResponse, response.errorResponse], [undefined, undefined]);
      const { decision, ...rest } = told(response);
      assert.deepEqual(rest, { verdict: "deny", policy: "", rule: id });
      assert.equal(headersOf(response)["x-weir-decision"], decision);
      const series = await served.series();
      assert.equal(series.get(`weir_checks_total{policy="",rule="${id}",verdict="deny"}`), 1);
      assert.equal(series.get("weir_check_duration_seconds_count"), 1);
      const bugs = id === "weir/internal" ? 1 : 0;
      assert.equal(series.get('weir_internal_errors_total{method="Check"}') ?? 0, bugs);
      assert.equal(served.logged.length, bugs);
      if (bugs === 1) assert.match(served.logged.join(""), /"level":50.*RangeError.*a bug/);
    });
  }

  it("tells the caller nothing of an exception", () => {
    const { deniedResponse } = serve(broken).check();
    assert.doesNotMatch(JSON.stringify(deniedResponse), /bug|RangeError/);
  });

  it("has as much time as the configuration gives, though Envoy gives more", () => {
    const slow = serve(open, { nowMs: clockThatJumps(1) });
    assert.equal(told(slow.check(BASE, 5_000))["rule"], "weir/overload");
    const patient = serve(
      { ...open, settings: { ...open.settings, checkTimeoutMs: 300 } },
      { nowMs: clockThatJumps(1) },
    );
    assert.equal(told(patient.check(BASE, 5_000))["rule"], "allows");
  });

  it("counts by policy, rule and verdict", async () => {
    const served = serve(snapshotOf(policy("a", [rule("deny", 'request.query == "no"')]), granting));
    for (const path of ["/", "/?no", "/", "//"]) served.check({ path });
    const series = await served.series();
    assert.equal(series.get('weir_checks_total{policy="z",rule="allows",verdict="allow"}'), 2);
    assert.equal(series.get('weir_checks_total{policy="a",rule="denys",verdict="deny"}'), 1);
    assert.equal(series.get('weir_checks_total{policy="",rule="weir/ambiguous-path",verdict="deny"}'), 1);
    assert.equal(series.get("weir_check_duration_seconds_count"), 4);
  });

  it("gives each decision an id of its own", () => {
    const { check } = serve(open);
    const ids = Array.from({ length: 1_200 }, () => told(check())["decision"] ?? "");
    assert.equal(new Set(ids).size, ids.length);
    for (const id of ids) assert.match(id, /^d_[a-z2-7]{16}$/);
  });

  it("is synchronous and starts nothing where there is nothing to wait for", () => {
    const { service, tasks } = serve(open);
    const requests = [checkRequest(BASE), checkRequest({ path: "//" }), Buffer.from([0xff])];
    // The first check fills the pool of random bits for decision ids.
    for (const request of requests) atOnce(service, request, Infinity);
    const started: string[] = [];
    const hook = createHook({ init: (_id, type) => void started.push(type) }).enable();
    const answers = requests.map((request) => atOnce(service, request, Infinity));
    hook.disable();
    assert.deepEqual(started, []);
    for (const answer of answers) assert.ok(answer instanceof Uint8Array && answer.length > 0);
    assert.equal(tasks.length, 0);
  });
});

describe("the check path and shadows", () => {
  const shadow = snapshotOf(
    policy("a", [
      rule("deny", YES, { mode: "shadow" }),
      rule("require", MISSING, { mode: "shadow" }),
      { id: "quiet", deny: NO, mode: "shadow" },
    ]),
    policy("b", [rule("deny", YES)], { mode: "shadow" }),
    granting,
  );

  it("judges them after the answer", async () => {
    const served = serve(shadow);
    assert.equal(served.check().status?.code, 0);
    const name = "weir_shadow_decisions_total";
    assert.equal([...(await served.series()).keys()].filter((key) => key.startsWith(`${name}{`)).length, 0);
    assert.equal(served.tasks.length, 1);
    for (const task of served.tasks) task();
    const series = [...(await served.series())].filter(([key]) => key.startsWith(`${name}{`));
    assert.deepEqual(Object.fromEntries(series), {
      [`${name}{policy="a",rule="denys",verdict="deny"}`]: 1,
      [`${name}{policy="a",rule="requires",verdict="unknown"}`]: 1,
      [`${name}{policy="b",rule="denys",verdict="deny"}`]: 1,
    });
  });

  it("counts what it could not judge", async () => {
    const served = serve(shadow, { later: () => false });
    served.check();
    served.check();
    assert.equal((await served.series()).get("weir_shadow_dropped_total"), 2);
  });
});

describe("the check path and those it waits for", () => {
  const asked = snapshotWith([asking()]);
  const asksWith = (ask: Backends["ask"], more: Partial<CheckHost> = {}) => {
    const backends: Backends = { find: () => ({ kind: "absent" }), ask };
    return serve(asked, { live: () => ({ snapshot: asked, backends }), ...more });
  };
  const later = async (served: ReturnType<typeof serve>, deadlineAtMs = Infinity): Promise<CheckResponse> => {
    const answer = served.service.check(checkRequest(BASE), deadlineAtMs, ANY_PROXY);
    assert.ok(answer instanceof Promise);
    return CheckResponse.decode(await answer);
  };

  it("answers when they have", async () => {
    const served = asksWith(() => Promise.resolve({ verdict: "allow" }));
    assert.equal((await later(served)).status?.code, 0);
    const series = await served.series();
    assert.equal(series.get('weir_checks_total{policy="a",rule="allows",verdict="allow"}'), 1);
    assert.equal(series.get("weir_check_duration_seconds_count"), 1);
  });

  it("is an error when they fail, and says by which rule", async () => {
    const response = await later(asksWith(() => Promise.resolve({ verdict: "error", reason: "" })));
    assert.deepEqual([response.status?.code, response.errorResponse?.status?.code], [14, 503]);
    assert.deepEqual(
      { ...told(response), decision: "" },
      { decision: "", verdict: "error", policy: "a", rule: "plan" },
    );
  });

  it("leaves them the time of the check, less its own share", async () => {
    const deadlines: number[] = [];
    const served = asksWith((_handler, _input, deadlineAtMs) => {
      deadlines.push(deadlineAtMs);
      return Promise.resolve({ verdict: "allow" });
    });
    await later(served);
    await later(served, 1_100);
    assert.deepEqual(deadlines, [1_180, 1_080]);
  });

  it("refuses what was decided too late", async () => {
    let nowMs = 1_000;
    const served = asksWith(
      () => {
        nowMs = 1_200;
        return Promise.resolve({ verdict: "allow" });
      },
      { nowMs: () => nowMs },
    );
    assert.equal(told(await later(served))["rule"], "weir/overload");
  });

  it("refuses with 500 what ends in an exception of ours", async () => {
    const served = asksWith(() => Promise.reject(new RangeError("a bug")));
    const response = await later(served);
    assert.equal(response.deniedResponse?.status?.code, 500);
    assert.equal(told(response)["rule"], "weir/internal");
    assert.match(served.logged.join(""), /RangeError.*a bug/);
    assert.equal((await served.series()).get('weir_internal_errors_total{method="Check"}'), 1);
  });
});

describe("a policy with `audit: required`", () => {
  const audited = snapshotWith([
    { decisions: { to: "stdout" } },
    policy("a", [rule("allow", YES)], { audit: "required" }),
  ]);
  const answered = async (append: () => Promise<void>, deadlineAtMs = Infinity, nowMs = () => 1_000) => {
    const told: LineResult[] = [];
    const target = { append, close: () => Promise.resolve() };
    const lines = new Lines({
      target,
      maxBytes: 10_000,
      onLine: (result) => told.push(result),
      onError: () => undefined,
    });
    const records = new Records({ lines: () => lines, digest: String, live: () => audited });
    const { service, tasks } = serve(audited, { records, nowMs });
    const answer = service.check(checkRequest(BASE), deadlineAtMs, ANY_PROXY);
    assert.ok(answer instanceof Promise, "nobody waited for the line");
    const response = CheckResponse.decode(await answer);
    for (const task of tasks) task();
    return { told, response };
  };

  it("allows when the line is written, and not before", async () => {
    const order: string[] = [];
    const { response, told } = await answered(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      order.push("written");
    });
    order.push("answered");
    assert.deepEqual(order, ["written", "answered"]);
    assert.ok(response.okResponse !== undefined);
    assert.deepEqual(told, ["written"]);
  });

  it("refuses with 503 where it cannot be written", async () => {
    const { response } = await answered(() => Promise.reject(new Error("disk full")));
    assert.equal(response.deniedResponse?.status?.code, 503);
    assert.equal(response.okResponse, undefined);
  });

  it("refuses with 503 where it is not written in time", async () => {
    const { response } = await answered(() => new Promise(() => undefined), 1_020);
    assert.equal(response.deniedResponse?.status?.code, 503);
  });

  it("refuses with 503 where there is nowhere to write to", async () => {
    const { service } = serve(audited);
    const response = CheckResponse.decode(await service.check(checkRequest(BASE), Infinity, ANY_PROXY));
    assert.equal(response.deniedResponse?.status?.code, 503);
  });
});
