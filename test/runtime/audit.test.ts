import assert from "node:assert/strict";
import { problem } from "../../src/policy/diagnostic.ts";
import type { ActiveOverride, Snapshot } from "../../src/policy/snapshot.ts";
import { auditOf, auditOfReset } from "../../src/runtime/audit.ts";
import { granting } from "../check/conditions.ts";
import { snapshotOf } from "../check/fixture.ts";

const atMs = Date.UTC(2026, 0, 1);
const OVERRIDE: ActiveOverride = {
  policy: "orders",
  rule: "mfa",
  mode: "shadow",
  untilMs: Date.UTC(2026, 0, 2),
  reason: "INC-123",
};
const snapshot = (more: Partial<Snapshot>): Snapshot => ({ ...snapshotOf(granting), ...more });
const live = (one: Snapshot) => ({ kind: "live", snapshot: one, diagnostics: [], held: [] }) as const;
const place = { file: "a.yaml", line: 1, column: 1, length: 1, source: "" };
const error = problem(place, "unknown-key", "no");

describe("the audit of a load", () => {
  it("has the old and the new revision", () => {
    assert.deepEqual(auditOf(live(snapshot({ revision: "b" })), snapshot({ revision: "a" }), atMs), [
      {
        kind: "audit",
        time: "2026-01-01T00:00:00.000Z",
        event: "reload",
        result: "live",
        from: "a",
        to: "b",
        stance: "enforce",
        held: [],
        errors: 0,
      },
    ]);
  });

  it("says what was refused, and that nothing changed", () => {
    const held = [{ part: "", live: "last good", diagnostics: [error] }] as const;
    const [line] = auditOf(
      { kind: "refused", diagnostics: [error], held },
      snapshot({ revision: "a" }),
      atMs,
    );
    assert.ok(line?.event === "reload");
    const { result, from, to, errors } = line;
    assert.deepEqual([result, from, to, line.held, errors], ["refused", "a", undefined, ["platform"], 1]);
  });

  it("has nothing of files that did not change", () => {
    assert.deepEqual(auditOf({ kind: "unchanged" }, snapshot({}), atMs), []);
  });

  it("has each override that begins or ends", () => {
    const [none, one, longer] = [[], [OVERRIDE], [{ ...OVERRIDE, untilMs: OVERRIDE.untilMs + 1 }]].map(
      (overrides) => snapshot({ overrides }),
    );
    const changes = (before: Snapshot | undefined, after: Snapshot | undefined) => {
      assert.ok(after !== undefined);
      return auditOf(live(after), before, atMs).flatMap((line) =>
        line.event === "override"
          ? [`${line.change} ${line.policy}/${line.rule} ${line.until} ${line.reason}`]
          : [],
      );
    };
    const [began, ended] = ["began", "ended"].map(
      (change) => `${change} orders/mfa 2026-01-02T00:00:00.000Z INC-123`,
    );
    assert.deepEqual(changes(undefined, one), [began]);
    assert.deepEqual(changes(none, one), [began]);
    assert.deepEqual(changes(one, one), []);
    assert.deepEqual(changes(one, none), [ended]);
    assert.deepEqual(changes(one, longer), [ended, "began orders/mfa 2026-01-02T00:00:00.001Z INC-123"]);
  });
});

describe("the audit of a counter that somebody had forgotten", () => {
  it("has the quota or the rate limit, the key as it may be shown, what came of it, and the revision", () => {
    const came = { result: "reset", reason: undefined, revision: "a" } as const;
    for (const counter of [
      { policy: "shop", quota: "per-client", key: ["#0123"] },
      { domain: "edge", entries: [{ key: "remote_address", value: "#0123" }] },
    ])
      assert.deepEqual(auditOfReset(counter, came, atMs), {
        ...{ kind: "audit", time: "2026-01-01T00:00:00.000Z", event: "reset" },
        ...came,
        ...counter,
      });
  });
});
