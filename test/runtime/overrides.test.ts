import assert from "node:assert/strict";
import { until } from "../support/until.ts";
import { ownRuntimes } from "./fixture.ts";
import { policyText } from "./folder.ts";

describe("overrides", () => {
  const { write, start } = ownRuntimes();
  const AT_MS = Date.parse("2026-06-01T00:00:00Z");
  const overriding = (...untils: readonly string[]): string =>
    `weir: 1\noverrides:\n${untils.map((until, index) => `  - rule: ${"ab"[index] ?? ""}/one\n    mode: shadow\n    until: ${until}\n    reason: INC-1\n`).join("")}`;
  const shadows = (live: {
    snapshot: { policies: readonly { id: string; shadows: readonly unknown[] }[] };
  }) => live.snapshot.policies.filter(({ shadows: rules }) => rules.length > 0).map(({ id }) => id);

  it("end by themselves, one after the other, by the clock and without a change of files", async () => {
    const clock = { ms: AT_MS };
    await write("a.yaml", policyText("a"));
    await write("b.yaml", policyText("b"));
    await write("overrides.yaml", overriding("2026-06-01T01:00:00Z", "2026-06-01T02:00:00Z"));
    const { runtime, results } = start({ nowMs: () => clock.ms });
    await runtime.load();
    const now = (): readonly string[] => (runtime.live === undefined ? [] : shadows(runtime.live));
    const steps: readonly (readonly [minutes: number, held: readonly string[]])[] = [
      [60, ["b"]],
      [120, []],
    ];
    assert.deepEqual(now(), ["a", "b"]);
    for (const [minutes, held] of steps) {
      clock.ms = AT_MS + minutes * 60_000;
      await until(() => now().length === held.length, { what: `the overrides of minute ${minutes} to end` });
      assert.deepEqual(now(), held);
    }
    assert.deepEqual(
      results.map(({ kind }) => kind),
      ["live", "live", "live"],
    );
    assert.equal(runtime.live?.snapshot.changesAtMs, undefined);
  });

  it("hold for as long as the clock says, though it is set back meanwhile", async () => {
    const clock = { ms: AT_MS };
    const asked: number[] = [];
    await write("a.yaml", policyText("a"));
    await write("overrides.yaml", overriding("2026-06-01T00:00:00.400Z"));
    const { runtime } = start({
      nowMs: () => {
        asked.push(clock.ms);
        return clock.ms;
      },
    });
    await runtime.load();
    clock.ms = AT_MS - 3_600_000;
    const before = asked.length;
    await until(() => asked.length > before + 1, { what: "the clock to be looked at again" });
    assert.deepEqual(runtime.live?.snapshot.overrides.length, 1);
    clock.ms = AT_MS + 400;
    await until(() => runtime.live?.snapshot.overrides.length === 0, { what: "the override to end" });
  });

  it("end while the newest files are refused", async () => {
    const clock = { ms: AT_MS };
    await write("a.yaml", policyText("a"));
    await write("overrides.yaml", overriding("2026-06-01T01:00:00Z"));
    const { runtime } = start({ nowMs: () => clock.ms });
    await runtime.load();
    await write("b.yaml", "weir: 2\n");
    assert.equal((await runtime.load()).kind, "refused");
    clock.ms = AT_MS + 3_600_000;
    await until(() => runtime.live?.snapshot.overrides.length === 0, { what: "the override to end" });
    assert.deepEqual(
      runtime.held.map(({ part }) => part),
      [""],
    );
    assert.deepEqual(runtime.live === undefined ? [] : shadows(runtime.live), []);
  });

  it("are looked at again where the load that should end them fails", async () => {
    const clock = { ms: AT_MS };
    let isBroken = false;
    await write("a.yaml", policyText("a"));
    await write("overrides.yaml", overriding("2026-06-01T01:00:00Z"));
    const { runtime, errors } = start({
      nowMs: () => clock.ms,
      onSettings: () => (isBroken ? Promise.reject(new Error("boom")) : Promise.resolve([])),
    });
    await runtime.load();
    isBroken = true;
    clock.ms = AT_MS + 3_600_000;
    await until(() => errors.length > 0, { what: "the load to fail" });
    isBroken = false;
    await until(() => runtime.live?.snapshot.overrides.length === 0, { what: "the override to end" });
  });
});
