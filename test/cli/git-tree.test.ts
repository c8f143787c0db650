import assert from "node:assert/strict";
import { rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { GitObjects } from "../../src/cli/git-objects.ts";
import { GitTree, isWithin } from "../../src/cli/git-tree.ts";
import { DISK, type FileTree } from "../../src/policy/file-tree.ts";
import { reasonOf } from "../../src/policy/folders.ts";
import { type Files, GIT_ENVIRONMENT, ownRepositories, type Repository } from "../support/repository.ts";

const FILES: Files = {
  "policies/orders.yaml": "weir: 1\n",
  "policies/empty.yaml": "",
  "policies/deep/er/é and more.yaml": "é",
  "policies/large.txt": "x".repeat(300_000),
  "lists/one": "1",
  "policies/link.yaml": { leadsTo: "orders.yaml" },
  "policies/up": { leadsTo: "../lists" },
  "policies/twice": { leadsTo: "up" },
  "policies/round": { leadsTo: "round" },
  "policies/nowhere": { leadsTo: "../gone" },
};

/** What a tree says, errors in the words that people read. */
async function said(ask: Promise<unknown>): Promise<unknown> {
  return ask.then(
    (value) => (value instanceof Uint8Array ? Buffer.from(value).toString() : value),
    (error: unknown) => reasonOf(error),
  );
}

describe("the files of a commit", () => {
  const repositoryWith = ownRepositories();
  let repository: Repository;
  let objects: GitObjects;
  let tree: FileTree;

  before(async () => {
    repository = await repositoryWith(FILES);
    const root = await repository.git("rev-parse", "HEAD^{tree}");
    objects = new GitObjects({ folder: repository.folder, environment: GIT_ENVIRONMENT });
    tree = new GitTree(objects, repository.folder, root);
  });
  after(() => objects.close());

  /** Of which disk and commit must say the same, while they are the same. */
  const PATHS = [
    ...["", "policies", "policies/orders.yaml", "policies/empty.yaml", "policies/deep/er"],
    ...["policies/deep/er/é and more.yaml", "policies/large.txt", "policies/link.yaml", "policies/up"],
    ...["policies/up/one", "policies/twice/one", "policies/twice/../orders.yaml", "policies/round"],
    ...["policies/nowhere", "policies/missing.yaml"],
  ];
  for (const path of PATHS) {
    it(`are those of the disk: ${path === "" ? "the top" : path}`, async () => {
      const at = join(repository.folder, path);
      for (const [ask, what] of [
        [(from: FileTree) => from.stat(at).then(({ kind, size }) => [kind, kind === "file" && size]), "stat"],
        [(from: FileTree) => from.realpath(at), "realpath"],
        [
          (from: FileTree) =>
            from.list(at).then((list) =>
              list
                .filter(({ name }) => name !== ".git")
                .map(({ name, kind }) => `${name} ${kind}`)
                .sort(),
            ),
          "list",
        ],
        [(from: FileTree) => from.read(at), "read"],
      ] as const) {
        const [found, expected] = [await said(ask(tree)), await said(ask(DISK))];
        // A folder cannot be read, nor a file listed; how that is said is the system's own.
        const isAsked = !(typeof expected === "string" && /^E(ISDIR|NOTDIR)/.test(expected));
        if (isAsked) assert.deepEqual(found, expected, what);
      }
    });
  }

  it("are still there when the disk has others, or none", async () => {
    const own = await repositoryWith({ "policies/a.yaml": "before" });
    const root = await own.git("rev-parse", "HEAD^{tree}");
    await own.write({ "policies/a.yaml": "after", "policies/b.yaml": "new" });
    const kept = new GitObjects({ folder: own.folder, environment: GIT_ENVIRONMENT });
    try {
      const before = new GitTree(kept, own.folder, root);
      const path = join(own.folder, "policies");
      assert.equal(await said(before.read(join(path, "a.yaml"))), "before");
      assert.equal(await before.has(join(path, "b.yaml")), false);
      await rm(path, { recursive: true });
      assert.equal(await said(before.read(join(path, "a.yaml"))), "before");
      assert.deepEqual(
        (await before.list(path)).map(({ name }) => name),
        ["a.yaml"],
      );
    } finally {
      await kept.close();
    }
  });

  it("are found through a link of the disk that leads to the work tree", async () => {
    const elsewhere = await repositoryWith();
    await symlink(repository.folder, join(elsewhere.folder, "here"));
    const found = await said(tree.read(join(elsewhere.folder, "here", "policies", "orders.yaml")));
    assert.equal(found, "weir: 1\n");
  });

  it("are those of the disk outside of the work tree", async () => {
    const elsewhere = await repositoryWith({ "data.txt": "of the disk" });
    assert.equal(await said(tree.read(join(elsewhere.folder, "data.txt"))), "of the disk");
  });

  it("are read one after the other, however they are asked for", async () => {
    const paths = ["policies/large.txt", "policies/orders.yaml", "lists/one"].map((path) =>
      join(repository.folder, path),
    );
    const texts = await Promise.all(paths.map(async (path) => said(tree.read(path))));
    assert.deepEqual(texts, ["x".repeat(300_000), "weir: 1\n", "1"]);
  });

  it("cannot be read of a repository that has lost them, nor when git has ended", async () => {
    await assert.rejects(objects.read("0".repeat(40)), /git has no object 0{40}/);
    const ended = new GitObjects({ folder: repository.folder, environment: GIT_ENVIRONMENT });
    await ended.close();
    await assert.rejects(ended.read("0".repeat(40)));
    const absent = new GitObjects({ folder: repository.folder, environment: { PATH: "/nonexistent" } });
    await assert.rejects(absent.read("0".repeat(40)), /git ended before it had answered/);
    await absent.close();
  });
});

describe("whether a path is within a folder", () => {
  for (const [folder, path, expected] of [
    ["/a", "/a", true],
    ["/a", "/a/b", true],
    ["/a", "/a/..b", true],
    ["/a", "/ab", false],
    ["/a/b", "/a", false],
    ["/", "/a", true],
  ] as const) {
    it(`${path} in ${folder}: ${String(expected)}`, () => assert.equal(isWithin(folder, path), expected));
  }
});
