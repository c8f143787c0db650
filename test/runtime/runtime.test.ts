import assert from "node:assert/strict";
import { rename, rm, symlink } from "node:fs/promises";
import { setImmediate as turn } from "node:timers/promises";
import type { LoadResult } from "../../src/runtime/runtime.ts";
import { fakeAdapter, inShort, ownRuntimes } from "./fixture.ts";
import { policyText } from "./folder.ts";

const problem = { file: "weir.yaml", line: 1, column: 1, length: 1, source: "" } as const;

const weirYaml = (about: string, timeout = "200ms"): string =>
  `weir: 1\ncheckTimeout: ${timeout}\nhandlers:\n  one:\n    adapter: fake\n    config:\n      about: ${about}\n`;

describe("the runtime", () => {
  const { at, write, start } = ownRuntimes();

  it("has nothing live before the first load, nor after one that was refused", async () => {
    const { runtime, results } = start();
    assert.equal(runtime.live, undefined);
    await write("a.yaml", "weir: 1\npolicy: a\n");
    const result = await runtime.load();
    assert.equal(result.kind, "refused");
    assert.equal(runtime.live, undefined);
    assert.deepEqual(results, [result]);
  });

  it("makes good files live, and leaves them alone where nothing has changed", async () => {
    await write("b.yaml", policyText("b"));
    await write("sub/a.yaml", `${policyText("a")}mode: shadow\n`);
    const { runtime, names } = start();
    const result = await runtime.load();
    const { live } = runtime;
    assert.ok(result.kind === "live" && result.snapshot === live?.snapshot);
    assert.deepEqual(names(), ["a", "b"]);
    await write("notes.txt", "no configuration");
    assert.equal((await runtime.load()).kind, "unchanged");
    assert.equal(runtime.live, live);
  });

  it("keeps the last good configuration, says why once, and takes the next good one", async () => {
    await write("a.yaml", policyText("a"));
    const { runtime, names } = start();
    await runtime.load();
    const { live } = runtime;
    await write("b.yaml", policyText("b").replace("allow:", "alow:"));
    const refused = await runtime.load();
    assert.ok(refused.kind === "refused");
    assert.ok(inShort(refused.diagnostics, at()).includes("unknown-key b.yaml"));
    assert.deepEqual(
      refused.held.map(({ part, live: kept }) => [part, kept]),
      [["", "last good"]],
    );
    assert.equal(runtime.live, live);
    assert.deepEqual(runtime.held, refused.held);
    assert.equal((await runtime.load()).kind, "unchanged");
    assert.deepEqual(runtime.held, refused.held, "what is held back is not forgotten");
    await write("b.yaml", policyText("b"));
    assert.equal((await runtime.load()).kind, "live");
    assert.deepEqual(names(), ["a", "b"]);
    assert.deepEqual(runtime.held, []);
  });

  it("is live again, as it was, when a bad change is taken back", async () => {
    await write("a.yaml", policyText("a"));
    const { runtime } = start();
    await runtime.load();
    const { live } = runtime;
    const bad = [
      [() => write("b.yaml", "weir: 2\n"), () => rm(at("b.yaml"))],
      // A folder that cannot be read leaves the same files.
      [() => symlink(at("nowhere"), at("z.yaml")), () => rm(at("z.yaml"))],
    ] as const;
    for (const [make, takeBack] of bad) {
      await make();
      assert.equal((await runtime.load()).kind, "refused");
      assert.equal((await runtime.load()).kind, "unchanged");
      await takeBack();
      const again = await runtime.load();
      assert.ok(again.kind === "live" && again.held.length === 0);
      assert.equal(runtime.live, live);
      assert.deepEqual(runtime.held, []);
    }
  });

  it("names what is live by its revision, not by files that were refused", async () => {
    await write("a.yaml", policyText("a"));
    const { runtime } = start();
    await runtime.load();
    const revision = runtime.live?.snapshot.revision;
    await write("b.yaml", "weir: 2\n");
    await runtime.load();
    assert.equal(runtime.live?.snapshot.revision, revision);
    const other = start({ folders: [at("a.yaml")] });
    await other.runtime.load();
    assert.equal(other.runtime.live?.snapshot.revision, revision, "two that read the same are the same");
  });

  it("refuses a folder that is missing or empty", async () => {
    assert.equal((await start({ folders: [at("nowhere")] }).runtime.load()).kind, "refused");
    assert.equal((await start().runtime.load()).kind, "refused");
  });

  it("makes one of the loads that wait for one that is under way, and reads the newest files", async () => {
    await write("a.yaml", policyText("a"));
    const { runtime, results, names } = start();
    const first = runtime.load();
    assert.equal(runtime.load(), first, "it has not begun");
    await turn();
    await write("b.yaml", policyText("b"));
    const later = [runtime.load(), runtime.load(), runtime.load()];
    assert.equal(new Set(later).size, 1);
    await Promise.all([first, ...later]);
    assert.ok(results.length <= 2);
    assert.deepEqual(names(), ["a", "b"]);
  });

  it("never mixes two versions of a folder that is swapped while it reads, data files included", async () => {
    for (const version of ["one", "two"]) {
      await write(`${version}/shared.yaml`, "weir: 1\nshared: platform\ndata:\n  names: names.txt\n");
      await write(`${version}/names.txt`, `${version}\n`);
      for (const name of ["a", "b", "c"])
        await write(`${version}/${name}.yaml`, `${policyText(`${name}-${version}`)}use:\n  - platform\n`);
    }
    await symlink(at("one"), at("live"));
    const { runtime, names } = start({ folders: [at("live")] });
    for (let swap = 0; swap < 20; swap++) {
      const target = swap % 2 === 0 ? "two" : "one";
      const loaded = runtime.load();
      await symlink(at(target), at("next"));
      await rename(at("next"), at("live"));
      await loaded;
      assert.equal(new Set(names()?.map((name) => name.slice(2))).size, 1);
      await runtime.load();
      assert.deepEqual(
        names(),
        ["a", "b", "c"].map((name) => `${name}-${target}`),
      );
    }
  });

  it("watches the files that others name, and reads again when they were not watched before", async () => {
    await write("shared.yaml", "weir: 1\nshared: platform\ndata:\n  names: names.txt\n");
    await write("names.txt", "before\n");
    let isFirst = true;
    const { runtime } = start({
      watch: async (paths) => {
        assert.deepEqual(paths, [at("names.txt")]);
        // Changed after it was read and before it was watched.
        if (isFirst) await write("names.txt", "after\n");
        isFirst = false;
      },
    });
    await runtime.load();
    assert.equal((await runtime.load()).kind, "unchanged", "the change was seen");
  });

  it("does not go live with settings that cannot be followed, and leads back what follows them", async () => {
    await write("weir.yaml", "weir: 1\ncheckTimeout: 100ms\n");
    await write("a.yaml", policyText("a"));
    const followed: number[] = [];
    const { runtime } = start({
      onSettings: ({ checkTimeoutMs }) => {
        followed.push(checkTimeoutMs);
        const refused = { ...problem, severity: "error", code: "unreadable-file", message: "no" } as const;
        return Promise.resolve(checkTimeoutMs === 300 ? [refused] : []);
      },
    });
    await runtime.load();
    const { live } = runtime;
    await write("weir.yaml", "weir: 1\ncheckTimeout: 300ms\n");
    const result = await runtime.load();
    assert.ok(result.kind === "refused" && result.diagnostics.some(({ message }) => message === "no"));
    assert.equal(runtime.live, live);
    assert.deepEqual(followed, [100, 300, 100]);
  });

  it("keeps what is live when something throws, and loads the same files when asked again", async () => {
    await write("a.yaml", policyText("a"));
    let isBroken = false;
    const { runtime, names } = start({
      onSettings: () => (isBroken ? Promise.reject(new Error("boom")) : Promise.resolve([])),
    });
    await runtime.load();
    isBroken = true;
    await write("b.yaml", policyText("b"));
    await assert.rejects(runtime.load(), /boom/);
    assert.deepEqual(names(), ["a"]);
    isBroken = false;
    assert.equal((await runtime.load()).kind, "live");
    assert.deepEqual(names(), ["a", "b"]);
  });
});

describe("closing the runtime", () => {
  const { write, start } = ownRuntimes();

  it("waits for the load that is under way, which then changes nothing and leaves nothing running", async () => {
    const begun = Promise.withResolvers<undefined>();
    const goOn = Promise.withResolvers<undefined>();
    const { adapter, made } = fakeAdapter({
      start: async () => {
        begun.resolve(undefined);
        await goOn.promise;
      },
    });
    await write("weir.yaml", weirYaml("x"));
    await write("a.yaml", policyText("a"));
    const { runtime, results } = start({ adapters: [adapter] });
    const loading = runtime.load();
    await begun.promise;
    let isClosed = false;
    const closing = runtime.close().then(() => (isClosed = true));
    await turn();
    assert.equal(isClosed, false);
    goOn.resolve(undefined);
    assert.deepEqual(await loading, { kind: "unchanged" });
    await closing;
    assert.equal(runtime.live, undefined);
    assert.deepEqual(
      made.map(({ closed }) => closed),
      [1],
    );
    assert.deepEqual(results, []);
  });

  it("is the end: what is loaded afterwards is not", async () => {
    await write("a.yaml", policyText("a"));
    const { runtime } = start();
    await runtime.close();
    assert.deepEqual(await runtime.load(), { kind: "unchanged" });
    assert.equal(runtime.live, undefined);
  });
});

describe("what a load came to", () => {
  const { write, start } = ownRuntimes();

  it("is told with its phase", async () => {
    await write("a.yaml", "weir: 2\n");
    const told: string[] = [];
    const { runtime } = start({
      onResult: ({ kind }: LoadResult, phase) => void told.push(`${phase} ${kind}`),
    });
    await runtime.load();
    await write("a.yaml", policyText("a"));
    await runtime.load();
    await runtime.load();
    await write("a.yaml", "weir: 2\n");
    await runtime.load();
    assert.deepEqual(told, ["starting refused", "starting live", "running unchanged", "running refused"]);
  });
});
