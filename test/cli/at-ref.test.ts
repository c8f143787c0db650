import assert from "node:assert/strict";
import { join } from "node:path";
import { GIT_ENVIRONMENT, ownRepositories, type Repository } from "../support/repository.ts";
import { FILES, ordersWith, validate } from "./changed-orders.ts";
import { ORDERS, ownFolder } from "./fixture.ts";

describe("the commit that weir validate --diff reads", () => {
  const folderOf = ownFolder();
  const repositoryWith = ownRepositories();
  let repository: Repository;
  before(async () => {
    repository = await repositoryWith(FILES);
  });

  it("leaves the repository as it is", async () => {
    await repository.write(ordersWith(["status: 401", "status: 403"]));
    await repository.git("add", "--all");
    const state = () =>
      Promise.all([
        repository.git("status", "--porcelain=v2"),
        repository.git("stash", "list"),
        repository.git("worktree", "list"),
      ]);
    const before = await state();
    assert.equal((await validate(["--diff", "HEAD", join(repository.folder, "policies")])).code, 0);
    assert.deepEqual(await state(), before);
  });

  it("does not take a hook's words for the folder's", async () => {
    await repository.write(FILES);
    const environment = { ...GIT_ENVIRONMENT, GIT_DIR: ".git", GIT_INDEX_FILE: ".git/index" };
    const { code } = await validate(["--diff", "main", join(repository.folder, "policies")], environment);
    assert.equal(code, 0);
  });

  describe("called wrongly, says what to do", () => {
    const refusals: Readonly<Record<string, readonly [ref: string, folder: () => string, sentence: RegExp]>> =
      {
        "a ref that is not there": [
          "no-such-branch",
          () => repository.folder,
          /git knows no commit no-such-branch in \S+: .*fetch it first/,
        ],
        "a file of a commit": [
          "main:policies",
          () => repository.folder,
          /git knows no commit main:policies in/,
        ],
        "what could be an option": [
          "--output=/tmp/x",
          () => repository.folder,
          /"--output=\/tmp\/x" is no name of a commit/,
        ],
        nothing: ["", () => repository.folder, /"" is no name of a commit/],
        "no repository": [
          "main",
          () => folderOf({ "a.yaml": ORDERS }),
          /git finds no work tree for \S+, and there must be a clone: fatal: not a git repository/,
        ],
      };
    for (const [what, [ref, folder, sentence]] of Object.entries(refusals)) {
      it(what, async () => {
        const { code, printed: text, complained } = await validate([`--diff=${ref}`, folder()]);
        assert.deepEqual([code, text], [2, ""]);
        assert.match(complained, sentence);
        assert.match(complained, /^weir validate: [^\n]*\n$/);
      });
    }

    it("a repository without a commit", async () => {
      const empty = await repositoryWith();
      const { code, complained } = await validate(["--diff", "HEAD", empty.folder]);
      assert.equal(code, 2);
      assert.match(complained, /git knows no commit HEAD in/);
    });

    it("folders of two repositories", async () => {
      const other = await repositoryWith(FILES);
      const { code, complained } = await validate(["--diff", "main", repository.folder, other.folder]);
      assert.equal(code, 2);
      assert.equal(
        complained,
        `weir validate: ${other.folder} is outside of the work tree ${repository.folder}: name folders of one repository\n`,
      );
    });

    it("a machine without git", async () => {
      const { code, complained } = await validate(["--diff", "main", repository.folder], {
        ...GIT_ENVIRONMENT,
        PATH: "/nonexistent",
      });
      assert.equal(code, 2);
      assert.equal(complained, "weir validate: there is no program git here: install it\n");
    });
  });
});
