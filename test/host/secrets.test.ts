import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecrets } from "../../src/host/secrets.ts";
import { standingClock } from "./server.ts";

describe("a secret", () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), "weir-secrets-"))));
  afterEach(() => rm(folder, { recursive: true }));
  const make = (environment: Record<string, string> = {}) => {
    const clock = standingClock();
    return { clock, secret: createSecrets({ environment, folder, nowMs: clock.nowMs }) };
  };

  const trimmed: readonly [written: string, value: string][] = [
    ["s3cret", "s3cret"],
    ["s3cret\n", "s3cret"],
    ["s3cret\r\n", "s3cret"],
    ["s3cret\n\n", "s3cret\n"],
    [" s3cret ", " s3cret "],
  ];
  for (const [written, value] of trimmed) {
    it(`${JSON.stringify(written)} is ${JSON.stringify(value)}`, async () => {
      const { secret } = make({ S: written });
      await writeFile(join(folder, "s"), written);
      assert.equal(await secret({ file: "s" }), value);
      assert.equal(await secret({ env: "S" }), value);
    });
  }

  it("is refused when it is empty, missing or too long, without being repeated", async () => {
    const { secret } = make({ EMPTY: "\n" });
    await writeFile(join(folder, "empty"), "\n");
    await writeFile(join(folder, "long"), "hunter2".repeat(10_000));
    await assert.rejects(secret({ env: "EMPTY" }), /the environment variable EMPTY is empty/);
    await assert.rejects(secret({ env: "NONE" }), /the environment variable NONE is not set/);
    await assert.rejects(secret({ file: "empty" }), /empty is empty/);
    await assert.rejects(secret({ file: "none" }), /there is no such file/);
    await assert.rejects(secret({ file: "long" }), (error: Error) => {
      return error.message.includes("longer than 65536 bytes") && !error.message.includes("hunter2");
    });
  });

  it("is looked at once a second, and read again when a link is swapped", async () => {
    const { clock, secret } = make();
    for (const version of ["one", "two"]) {
      await mkdir(join(folder, version));
      await writeFile(join(folder, version, "s"), version);
    }
    await symlink("one", join(folder, "..data"));
    await symlink("..data/s", join(folder, "s"));
    assert.equal(await secret({ file: "s" }), "one");
    await symlink("two", join(folder, "..next"));
    await rename(join(folder, "..next"), join(folder, "..data"));
    clock.advance(999);
    assert.equal(await secret({ file: "s" }), "one");
    clock.advance(1);
    assert.equal(await secret({ file: "s" }), "two");
  });

  it("is gone when its file is", async () => {
    const { clock, secret } = make();
    await writeFile(join(folder, "s"), "one");
    await secret({ file: "s" });
    await rm(join(folder, "s"));
    clock.advance(1_000);
    await assert.rejects(secret({ file: "s" }), /there is no such file/);
  });
});
