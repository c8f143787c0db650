import assert from "node:assert/strict";
import { mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { Runtime } from "../../src/runtime/runtime.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { parseExposition, type Series } from "../telemetry/exposition.ts";
import { ownFolder, policyText } from "./folder.ts";

describe("the runtime", () => {
  const folder = ownFolder();
  const at = (...names: string[]): string => join(folder.path, ...names);

  function start(folders: readonly string[] = [folder.path]) {
    const metrics = createMetrics();
    const logged: string[] = [];
    const log = pino({ base: null }, { write: (line: string) => void logged.push(line) });
    const runtime = new Runtime({ folders, metrics, log });
    const series = async (): Promise<Series> => parseExposition((await metrics.render()).text);
    const names = (): readonly string[] | undefined => runtime.snapshot?.policies.map(({ id }) => id);
    return { runtime, series, names, logged };
  }

  it("has no snapshot before the first load, nor after one that was refused", async () => {
    const { runtime, series } = start();
    assert.equal(runtime.snapshot, undefined);
    await writeFile(at("a.yaml"), "weir: 1\npolicy: a\n");
    const result = await runtime.load();
    assert.equal(result.kind, "refused");
    assert.equal(runtime.snapshot, undefined);
    assert.equal((await series()).get("weir_config_last_reload_successful"), 0);
  });

  it("makes good files live", async () => {
    await writeFile(at("b.yaml"), policyText("b"));
    await mkdir(at("sub"));
    await writeFile(at("sub", "a.yaml"), `${policyText("a")}mode: shadow\n`);
    const { runtime, series, names, logged } = start();
    const result = await runtime.load();
    assert.ok(result.kind === "live" && result.snapshot === runtime.snapshot);
    assert.deepEqual(names(), ["a", "b"]);
    const found = await series();
    assert.equal(found.get("weir_config_last_reload_successful"), 1);
    assert.equal(found.get(`weir_config_info{revision="${result.snapshot.revision}"}`), 1);
    assert.equal(found.get('weir_config_policies{mode="enforce"}'), 1);
    assert.equal(found.get('weir_config_policies{mode="shadow"}'), 1);
    assert.ok(
      Math.abs((found.get("weir_config_last_reload_success_timestamp_seconds") ?? 0) - Date.now() / 1_000) <
        60,
    );
    assert.match(logged.join(""), /configuration is live/);
  });

  it("leaves the snapshot alone where nothing has changed", async () => {
    await writeFile(at("a.yaml"), policyText("a"));
    const { runtime, series } = start();
    await runtime.load();
    const { snapshot } = runtime;
    await writeFile(at("notes.txt"), "no configuration");
    assert.equal((await runtime.load()).kind, "unchanged");
    assert.equal(runtime.snapshot, snapshot);
    const found = await series();
    assert.equal(found.get('weir_config_reloads_total{result="unchanged"}'), 1);
    assert.equal(found.get("weir_config_last_reload_successful"), 1);
  });

  it("keeps the last good configuration, says why, and takes the next good one", async () => {
    await writeFile(at("a.yaml"), policyText("a"));
    const { runtime, series, names, logged } = start();
    await runtime.load();
    await writeFile(at("b.yaml"), policyText("b").replace("allow:", "alow:"));
    const refused = await runtime.load();
    assert.ok(refused.kind === "refused" && refused.diagnostics.length > 0);
    assert.deepEqual(names(), ["a"]);
    assert.match(logged.at(-1) ?? "", /b\.yaml:6:5 {2}unknown-key/);
    assert.equal((await series()).get("weir_config_last_reload_successful"), 0);
    await writeFile(at("b.yaml"), policyText("b"));
    assert.equal((await runtime.load()).kind, "live");
    assert.deepEqual(names(), ["a", "b"]);
    const found = await series();
    assert.equal(found.get("weir_config_last_reload_successful"), 1);
    assert.equal([...found.keys()].filter((key) => key.startsWith("weir_config_info{")).length, 1);
  });

  it("is live again when a bad change is taken back", async () => {
    await writeFile(at("a.yaml"), policyText("a"));
    const { runtime, series } = start();
    await runtime.load();
    const bad = [
      [() => writeFile(at("b.yaml"), "weir: 2\n"), () => rm(at("b.yaml"))],
      // A folder that cannot be read leaves the same files.
      [() => symlink(at("nowhere"), at("z.yaml")), () => rm(at("z.yaml"))],
    ] as const;
    for (const [make, takeBack] of bad) {
      await make();
      assert.equal((await runtime.load()).kind, "refused");
      assert.equal((await series()).get("weir_config_last_reload_successful"), 0);
      await takeBack();
      assert.equal((await runtime.load()).kind, "live");
      assert.equal((await series()).get("weir_config_last_reload_successful"), 1);
    }
  });

  it("refuses a folder that is missing or empty", async () => {
    const { runtime } = start([at("nowhere")]);
    assert.equal((await runtime.load()).kind, "refused");
    const empty = start();
    assert.equal((await empty.runtime.load()).kind, "refused");
  });

  it("reads loads that are asked for at once one after the other, so that the newest files win", async () => {
    await writeFile(at("a.yaml"), policyText("a"));
    const { runtime, names } = start();
    const first = runtime.load();
    const second = first.then(() => writeFile(at("b.yaml"), policyText("b"))).then(() => runtime.load());
    const results = await Promise.all([first, runtime.load(), second]);
    assert.deepEqual(results.map(({ kind }) => kind).sort(), ["live", "live", "unchanged"]);
    assert.deepEqual(names(), ["a", "b"]);
  });

  it("never mixes two versions of a folder that is swapped while it reads", async () => {
    for (const version of ["one", "two"]) {
      await mkdir(at(version));
      for (const name of ["a", "b", "c"])
        await writeFile(at(version, `${name}.yaml`), policyText(`${name}-${version}`));
    }
    await symlink(at("one"), at("live"));
    const { runtime, names } = start([at("live")]);
    for (let turn = 0; turn < 20; turn++) {
      const target = turn % 2 === 0 ? "two" : "one";
      const loaded = runtime.load();
      await symlink(at(target), at("next"));
      await rename(at("next"), at("live"));
      await loaded;
      await runtime.load();
      assert.deepEqual(
        names(),
        ["a", "b", "c"].map((name) => `${name}-${target}`),
      );
      assert.equal(new Set(names()?.map((name) => name.slice(2))).size, 1);
    }
  });

  it("says that a changed listener needs a start", async () => {
    await writeFile(at("weir.yaml"), "weir: 1\nungoverned: deny\n");
    const { runtime, logged } = start();
    await runtime.load();
    await writeFile(at("weir.yaml"), "weir: 1\nungoverned: allow\n");
    await runtime.load();
    assert.doesNotMatch(logged.join(""), /`listen` .*has changed/);
    await writeFile(at("weir.yaml"), "weir: 1\nlisten:\n  grpc:\n    address: 127.0.0.1:1\n");
    await runtime.load();
    assert.match(logged.join(""), /`listen` .*has changed/);
  });
});
