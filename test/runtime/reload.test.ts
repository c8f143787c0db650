import assert from "node:assert/strict";
import { until } from "../support/until.ts";
import { fakeAdapter, inShort, ownRuntimes } from "./fixture.ts";
import { policyText } from "./folder.ts";

const weirYaml = (about: string, timeout = "200ms"): string =>
  `weir: 1\ncheckTimeout: ${timeout}\nhandlers:\n  one:\n    adapter: fake\n    config:\n      about: ${about}\n`;

describe("handlers of the runtime", () => {
  const { at, write, start } = ownRuntimes();

  it("survive a reload that does not concern them, as the same object", async () => {
    const { adapter, made } = fakeAdapter();
    await write("weir.yaml", weirYaml("x"));
    await write("a.yaml", policyText("a"));
    const { runtime } = start({ adapters: [adapter] });
    await runtime.load();
    const running = runtime.live?.handlers.get("one");
    await write("b.yaml", policyText("b"));
    await runtime.load();
    assert.equal(runtime.live?.handlers.get("one"), running);
    await write("weir.yaml", weirYaml("x", "300ms"));
    await runtime.load();
    assert.equal(runtime.live?.handlers.get("one")?.handler, running?.handler, "its deadline is another");
    assert.deepEqual(
      made.map(({ started, closed }) => [started, closed]),
      [[1, 0]],
    );
  });

  it("that have changed get the one before them, which is closed only when no request can ask it any more", async () => {
    const { adapter, made } = fakeAdapter();
    await write("weir.yaml", weirYaml("x", "25ms"));
    await write("a.yaml", policyText("a"));
    const { runtime } = start({ adapters: [adapter] });
    await runtime.load();
    const before = runtime.live;
    await write("weir.yaml", weirYaml("y", "25ms"));
    const startedAtMs = performance.now();
    await runtime.load();
    const [old, fresh] = made;
    assert.ok(old !== undefined && fresh?.previous === old);
    assert.equal(old.closed, 0);
    assert.deepEqual(before?.ask("one", new Map(), Date.now() + 20), { verdict: "allow" });
    await until(() => old.closed === 1, { what: "the old handler to be closed" });
    assert.ok(performance.now() - startedAtMs >= 25);
    assert.equal(fresh.closed, 0);
  });

  it("that cannot start leave the old ones as they are, and none of the new ones running", async () => {
    const { adapter, made } = fakeAdapter({
      start: (about) => (about === "bad" ? Promise.reject(new Error("no such file")) : Promise.resolve()),
    });
    const two = (first: string, second: string): string =>
      `${weirYaml(first)}  two:\n    adapter: fake\n    config:\n      about: ${second}\n`;
    await write("weir.yaml", two("x", "y"));
    await write("a.yaml", policyText("a"));
    const { runtime, settings } = start({ adapters: [adapter] });
    await runtime.load();
    const { live } = runtime;
    await write("weir.yaml", two("good", "bad"));
    const refused = await runtime.load();
    assert.ok(refused.kind === "refused");
    assert.deepEqual(inShort(refused.diagnostics, at()), ["handler-config weir.yaml"]);
    assert.match(refused.diagnostics[0]?.message ?? "", /two cannot start: no such file/);
    assert.equal(runtime.live, live);
    assert.deepEqual(
      made.map(({ about, closed }) => [about, closed]),
      [
        ["x", 0],
        ["y", 0],
        ["good", 1],
        ["bad", 1],
      ],
    );
    assert.deepEqual(settings, [200, 200, 200]);
    assert.deepEqual(live?.ask("one", new Map(), Date.now() + 100), { verdict: "allow" });
  });

  it("that could not start are started when the same files are looked at again", async () => {
    let isThere = false;
    const { adapter } = fakeAdapter({
      start: () => (isThere ? Promise.resolve() : Promise.reject(new Error("no such file"))),
    });
    await write("weir.yaml", weirYaml("x"));
    await write("a.yaml", policyText("a"));
    const { runtime } = start({ adapters: [adapter] });
    assert.equal((await runtime.load()).kind, "refused");
    isThere = true;
    assert.equal((await runtime.load()).kind, "live");
  });

  it("are closed with the runtime, those that have just been replaced too", async () => {
    const { adapter, made } = fakeAdapter();
    await write("a.yaml", policyText("a"));
    const { runtime } = start({ adapters: [adapter] });
    for (const about of ["x", "y", "z"]) {
      await write("weir.yaml", weirYaml(about, "60s"));
      await runtime.load();
    }
    assert.deepEqual(
      made.map(({ closed }) => closed),
      [0, 0, 0],
    );
    await Promise.all([runtime.close(), runtime.close()]);
    assert.deepEqual(
      made.map(({ closed }) => closed),
      [1, 1, 1],
    );
  });
});
