import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rename, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Stop } from "../../src/adapter/host.ts";
import { readBounded, watchFile, writeWhole } from "../../src/host/files.ts";
import { until } from "../support/until.ts";

describe("a file", () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), "weir-files-"))));
  afterEach(() => rm(folder, { recursive: true }));

  it("is read up to its bound", async () => {
    const path = join(folder, "a");
    for (const length of [0, 1, 65_536, 65_537, 200_000]) {
      await writeFile(path, Buffer.alloc(length, 7));
      assert.equal((await readBounded(path, Math.max(1, length))).length, length);
    }
    await assert.rejects(readBounded(path, 199_999), /a is longer than 199999 bytes/);
  });

  it("says why it cannot be read", async () => {
    await mkdir(join(folder, "inner"));
    await symlink("circle", join(folder, "circle"));
    await promisify(execFile)("mkfifo", [join(folder, "pipe")]);
    const faults: readonly [string, RegExp][] = [
      ["none", /none cannot be read: there is no such file/],
      ["inner", /inner is not a file/],
      ["circle", /links lead in a circle/],
      ["pipe", /pipe is not a file/],
    ];
    for (const [name, message] of faults) await assert.rejects(readBounded(join(folder, name), 10), message);
  });

  it("is put in place whole, for this user alone, in a folder that is made", async () => {
    const path = join(folder, "state", "deep", "a.json");
    for (const content of ["one", Buffer.from("and two")]) {
      await writeWhole(path, content);
      assert.equal((await readBounded(path, 100)).toString(), content.toString());
    }
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(join(folder, "state", "deep")), ["a.json"]);
  });

  it("says why it cannot be written, and stays as it was", async () => {
    await writeFile(join(folder, "a"), "old");
    await mkdir(join(folder, "inner"));
    await assert.rejects(
      writeWhole(join(folder, "a", "b"), "x"),
      /b cannot be written: a part of the path is not/,
    );
    await assert.rejects(writeWhole(join(folder, "inner"), "x"), /inner cannot be written: it is a folder/);
    assert.equal((await readBounded(join(folder, "a"), 100)).toString(), "old");
    assert.deepEqual((await readdir(folder)).sort(), ["a", "inner"]);
  });

  describe("that is watched", () => {
    let contents: string[];
    let errors: string[];
    let stop: Stop;
    const watch = (name: string, known: string | undefined, onChange?: () => Promise<void>): void => {
      contents = [];
      errors = [];
      stop = watchFile({
        path: join(folder, name),
        maxBytes: 100,
        known: known === undefined ? undefined : Buffer.from(known),
        onChange: (content) => {
          contents.push(content.toString());
          return onChange?.();
        },
        onError: (error) => errors.push(String(error)),
        everyMs: 5,
      });
    };
    afterEach(() => stop());
    /** In one step, as editors do: in between a file that is written is empty, and that is a content too. */
    const put = async (name: string, content: string): Promise<void> => {
      await writeFile(join(folder, "next"), content);
      await rename(join(folder, "next"), join(folder, name));
    };
    const sees = (...wanted: string[]): Promise<unknown> =>
      until(() => contents.join() === wanted.join(), { what: wanted.join() });

    it("tells of each new content once, and of no touch", async () => {
      await put("a", "one");
      watch("a", "one");
      await put("a", "two");
      await sees("two");
      await utimes(join(folder, "a"), new Date(), new Date());
      await put("a", "two");
      await put("a", "three");
      await sees("two", "three");
      assert.deepEqual(errors, []);
    });

    it("tells of what changed between the caller's reading and the watch", async () => {
      await put("a", "two");
      watch("a", "one");
      await sees("two");
    });

    it("sees a write of equal length into the same file", async () => {
      await put("a", "one");
      watch("a", "one");
      await writeFile(join(folder, "a"), "two", { flag: "r+" });
      await sees("two");
    });

    it("survives a file that is away, complaining once", async () => {
      watch("a", undefined);
      await until(() => errors.length > 0, { what: "a complaint" });
      await put("a", "here");
      await sees("here");
      await rm(join(folder, "a"));
      await until(() => errors.length > 1, { what: "another complaint" });
      await put("a", "here");
      await put("a", "again");
      await sees("here", "again");
      assert.equal(errors.length, 2);
    });

    it("sees the swapped link of a ConfigMap", async () => {
      for (const version of ["one", "two"]) {
        await mkdir(join(folder, version));
        await writeFile(join(folder, version, "a"), version);
      }
      await symlink("one", join(folder, "..data"));
      await symlink("..data/a", join(folder, "a"));
      watch("a", "one");
      await symlink("two", join(folder, "..next"));
      await rename(join(folder, "..next"), join(folder, "..data"));
      await sees("two");
    });

    it("complains of a file that is too long, and of a callback that fails", async () => {
      await put("a", "x".repeat(101));
      watch("a", undefined, () => Promise.reject(new Error("bad content")));
      await until(() => errors.some((error) => error.includes("longer than 100 bytes")), {
        what: "the length",
      });
      await put("a", "short");
      await until(() => errors.some((error) => error.includes("bad content")), {
        what: "the callback's error",
      });
      assert.deepEqual(contents, ["short"]);
    });
  });
});
