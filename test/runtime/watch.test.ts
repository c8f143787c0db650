import assert from "node:assert/strict";
import { mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { watchFolders, type FolderWatch } from "../../src/runtime/watch.ts";
import { until } from "../support/until.ts";
import { ownFolder } from "./folder.ts";

describe("watching folders", () => {
  const folder = ownFolder();
  const at = (...names: string[]): string => join(folder.path, ...names);
  const open: FolderWatch[] = [];
  afterEach(() => {
    for (const one of open.splice(0)) one.close();
  });

  /** Watches, and tells how often a change was told of. */
  async function start(folders: readonly string[], onChange?: () => Promise<void>) {
    let calls = 0;
    const errors: unknown[] = [];
    const change = async (): Promise<void> => {
      calls += 1;
      await onChange?.();
    };
    const watch = await watchFolders({ folders, onChange: change, onError: (error) => errors.push(error) });
    open.push(watch);
    const heard = async (what: string, deed: () => Promise<unknown>): Promise<void> => {
      const before = calls;
      await deed();
      await until(() => calls > before, { what: `${what} to be heard` });
    };
    return { watch, heard, errors, calls: () => calls };
  }

  it("tells of files that are written, changed, renamed and removed", async () => {
    const { heard, errors } = await start([folder.path]);
    await heard("a new file", () => writeFile(at("a.yaml"), "1"));
    await heard("a changed file", () => writeFile(at("a.yaml"), "2"));
    await heard("a renamed file", () => rename(at("a.yaml"), at("b.yaml")));
    await heard("a removed file", () => rm(at("b.yaml")));
    assert.deepEqual(errors, []);
  });

  it("tells of files in a folder that came later, and in one that was there", async () => {
    await mkdir(at("old", "deep"), { recursive: true });
    const { heard } = await start([folder.path]);
    await heard("a file deep below", () => writeFile(at("old", "deep", "a.yaml"), "1"));
    await heard("a new folder", () => mkdir(at("new")));
    await heard("a file in it", () => writeFile(at("new", "a.yaml"), "1"));
  });

  it("tells of a ConfigMap's swap of ..data, and of the swap after it", async () => {
    const version = async (name: string): Promise<void> => {
      await mkdir(at(name));
      await writeFile(at(name, "a.yaml"), name);
    };
    const swap = async (name: string): Promise<void> => {
      await symlink(name, at("..data_tmp"));
      await rename(at("..data_tmp"), at("..data"));
    };
    await version("..one");
    await swap("..one");
    await symlink("..data/a.yaml", at("a.yaml"));
    const { heard } = await start([folder.path]);
    for (const name of ["..two", "..three"]) {
      await heard(`the version ${name}`, () => version(name));
      await heard(`the swap to ${name}`, () => swap(name));
    }
  });

  it("goes on after a folder is replaced by another of its name", async () => {
    await mkdir(at("sub"));
    const { heard } = await start([folder.path]);
    await heard("the other folder", async () => {
      await rm(at("sub"), { recursive: true });
      await mkdir(at("sub"));
    });
    await heard("a file in it", () => writeFile(at("sub", "a.yaml"), "1"));
  });

  it("goes on after the folder that was named is replaced", async () => {
    await mkdir(at("policies"));
    const { heard } = await start([at("policies")]);
    await heard("its end", () => rm(at("policies"), { recursive: true }));
    await heard("its return", () => mkdir(at("policies")));
    await heard("a file in it", () => writeFile(at("policies", "a.yaml"), "1"));
  });

  it("tells of a swap of the link that was named", async () => {
    for (const name of ["one", "two"]) await mkdir(at(name));
    await symlink("one", at("live"));
    const { heard } = await start([at("live")]);
    await heard("the swap", async () => {
      await symlink("two", at("next"));
      await rename(at("next"), at("live"));
    });
    await heard("a file behind the link", () => writeFile(at("two", "a.yaml"), "1"));
  });

  it("tells of changes to a file that was named", async () => {
    await writeFile(at("weir.yaml"), "1");
    const { heard } = await start([at("weir.yaml")]);
    await heard("a change in place", () => writeFile(at("weir.yaml"), "2"));
    await heard("another file in its place", async () => {
      await writeFile(at("next"), "3");
      await rename(at("next"), at("weir.yaml"));
    });
  });

  it("tells of a file outside the folders that another names, missing at first, until it is named no more", async () => {
    await mkdir(at("policies"));
    const { heard, watch, calls } = await start([at("policies")]);
    await watch.alsoWatch([at("lists", "deep", "tiers.csv")]);
    await heard("the first folder", () => mkdir(at("lists")));
    await heard("the second folder", () => mkdir(at("lists", "deep")));
    await heard("the file", () => writeFile(at("lists", "deep", "tiers.csv"), "1"));
    await heard("a change of it", () => writeFile(at("lists", "deep", "tiers.csv"), "2"));
    await watch.alsoWatch([]);
    const before = calls();
    await writeFile(at("lists", "deep", "tiers.csv"), "3");
    await heard("a file of the folder", () => writeFile(at("policies", "a.yaml"), "1"));
    assert.equal(calls(), before + 1);
  });

  it("tells of a ConfigMap's swap under a file that another names", async () => {
    await mkdir(at("policies"));
    for (const name of ["..one", "..two"]) {
      await mkdir(at("lists", name), { recursive: true });
      await writeFile(at("lists", name, "tiers.csv"), name);
    }
    await symlink("..one", at("lists", "..data"));
    await symlink("..data/tiers.csv", at("lists", "tiers.csv"));
    const { heard, watch } = await start([at("policies")]);
    await watch.alsoWatch([at("lists", "tiers.csv")]);
    await heard("the swap", async () => {
      await symlink("..two", at("lists", "..data_tmp"));
      await rename(at("lists", "..data_tmp"), at("lists", "..data"));
    });
    await heard("a change in place", () => writeFile(at("lists", "..two", "tiers.csv"), "3"));
  });

  it("tells of a burst once", async () => {
    const { heard, calls } = await start([folder.path]);
    await heard("the burst", async () => {
      for (let index = 0; index < 50; index++) await writeFile(at(`${index}.yaml`), "1");
    });
    assert.equal(calls(), 1);
  });

  it("tells again of what changes while it is acted on", async () => {
    let isFirst = true;
    const { heard, calls } = await start([folder.path], async () => {
      if (isFirst) await writeFile(at("b.yaml"), "1");
      isFirst = false;
    });
    await heard("the first", () => writeFile(at("a.yaml"), "1"));
    await until(() => calls() === 2, { what: "the change in between" });
  });

  it("tells of a failure, and goes on", async () => {
    let fails = true;
    const { heard, errors } = await start([folder.path], () =>
      fails ? Promise.reject(new Error("no")) : Promise.resolve(),
    );
    await heard("the first", () => writeFile(at("a.yaml"), "1"));
    await until(() => errors.length === 1, { what: "the failure" });
    fails = false;
    await heard("the second", () => writeFile(at("a.yaml"), "2"));
    assert.equal(errors.length, 1);
  });

  it("is silent once it is closed", async () => {
    const closed = await start([folder.path]);
    const { heard } = await start([folder.path]);
    closed.watch.close();
    closed.watch.close();
    await heard("a change by another", () => writeFile(at("a.yaml"), "1"));
    assert.equal(closed.calls(), 0);
  });

  it("forgets a change that it was about to tell of when it is closed", async () => {
    const closed = await start([folder.path]);
    const { heard } = await start([folder.path]);
    await heard("a change by another", async () => {
      await writeFile(at("a.yaml"), "1");
      closed.watch.close();
    });
    assert.equal(closed.calls(), 0);
  });
});
