import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHost } from "../../src/host/host.ts";
import { NO_METRICS } from "./no-metrics.ts";
import { until } from "../support/until.ts";
import { keptLog } from "./server.ts";

describe("the host", () => {
  it("lends files below its folder, secrets, the clock, and repeated tasks whose errors are logged", async () => {
    const folder = await mkdtemp(join(tmpdir(), "weir-host-"));
    await writeFile(join(folder, "a"), "content");
    const log = keptLog();
    const host = createHost({
      log,
      folder,
      nowMs: () => 7,
      fetch: () => Promise.reject(new Error("none")),
      secret: () => Promise.resolve("value"),
      metrics: NO_METRICS,
    });
    assert.equal((await host.readFile("a", 10)).toString(), "content");
    assert.equal((await host.readFile(join(folder, "a"), 10)).toString(), "content");
    await assert.rejects(host.readFile("a", 6), /longer than 6 bytes/);
    assert.equal(await host.secret({ env: "S" }), "value");
    assert.equal(host.nowMs(), 7);
    const stop = host.repeat(1, () => Promise.reject(new Error("in vain")));
    await until(() => log.lines.length > 1, { what: "two lines" });
    stop();
    assert.match(log.lines[0] ?? "", /a repeated task failed.*in vain/);
    await rm(folder, { recursive: true });
  });
});
