import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadFiles, loadFolders, type Loaded } from "../../src/policy/load.ts";

const POLICY = "weir: 1\npolicy: orders\nmatch: everything\n";

describe("loading folders", () => {
  let folder = "";
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), "weir-load-"))));
  afterEach(async () => rm(folder, { recursive: true, force: true }));

  const write = async (path: string, text = POLICY) => {
    await mkdir(join(folder, path, ".."), { recursive: true });
    await writeFile(join(folder, path), text);
  };
  const seen = ({ documents }: Loaded) => documents.map(({ file }) => file.slice(folder.length + 1));
  const found = ({ diagnostics }: Loaded) =>
    diagnostics.map(({ file, code }) => [file.slice(folder.length + 1), code] as const);

  it("reads every .yaml below them, by path, and nothing else", async () => {
    await write("orders.yaml");
    await write("a/b/c.yaml");
    await write("B.yaml");
    await write("notes.md", "none");
    await write("other.yml", "none");
    await write(".hidden.yaml", "none");
    await write(".git/x.yaml", "none");
    const loaded = await loadFolders([folder]);
    assert.deepEqual(loaded.diagnostics, []);
    assert.deepEqual(seen(loaded), ["B.yaml", "a/b/c.yaml", "orders.yaml"]);
  });

  it("reads several as one, and a file that is named", async () => {
    await write("one/a.yaml");
    await write("two/b.yaml");
    await write("three/c.txt");
    const loaded = await loadFolders(["two/", "one", "three/c.txt"].map((name) => join(folder, name)));
    assert.deepEqual(seen(loaded), ["one/a.yaml", "three/c.txt", "two/b.yaml"]);
  });

  it("reads a folder once, however often it is named or linked to", async () => {
    await write("a/x.yaml");
    await symlink(join(folder, "a"), join(folder, "b"));
    assert.deepEqual(seen(await loadFolders([folder, join(folder, "a"), folder])), ["a/x.yaml"]);
  });

  it("follows the links of a ConfigMap's mount", async () => {
    await write("..2026_01_01/orders.yaml");
    await symlink("..2026_01_01", join(folder, "..data"));
    await symlink("..data/orders.yaml", join(folder, "orders.yaml"));
    const loaded = await loadFolders([folder]);
    assert.deepEqual(loaded.diagnostics, []);
    assert.deepEqual(seen(loaded), ["orders.yaml"]);
  });

  it("ends where links go round", async () => {
    await write("a/x.yaml");
    await symlink(folder, join(folder, "a", "up"));
    await symlink(join(folder, "self.yaml"), join(folder, "self.yaml"));
    const loaded = await loadFolders([folder]);
    assert.deepEqual(seen(loaded), ["a/x.yaml"]);
    assert.deepEqual(found(loaded), [["self.yaml", "unreadable-file"]]);
  });

  it("says what cannot be read", async () => {
    await write("ok.yaml");
    await write("secret.yaml");
    await chmod(join(folder, "secret.yaml"), 0);
    await symlink("nowhere.yaml", join(folder, "dangling.yaml"));
    await symlink("/dev/zero", join(folder, "endless.yaml"));
    await write("huge.yaml");
    await truncate(join(folder, "huge.yaml"), 2 * 1024 * 1024);
    await mkdir(join(folder, "empty"));
    const loaded = await loadFolders([folder, join(folder, "missing"), join(folder, "empty", "..", "empty")]);
    assert.ok(seen(loaded).includes("ok.yaml"));
    const codes = new Map(found(loaded));
    assert.equal(codes.get("dangling.yaml"), "unreadable-file");
    assert.equal(codes.get("endless.yaml"), "unreadable-file");
    assert.equal(codes.get("huge.yaml"), "too-large");
    assert.equal(codes.get("missing"), "unreadable-file");
    // The superuser may read everything.
    if (process.getuid?.() !== 0) assert.equal(codes.get("secret.yaml"), "unreadable-file");
  });

  it("does not take a folder without files for a configuration", async () => {
    const { documents, diagnostics } = await loadFolders([folder]);
    assert.deepEqual(documents, []);
    assert.deepEqual(
      diagnostics.map(({ code, message }) => [code, message]),
      [["unreadable-file", "the folder has no .yaml file in it"]],
    );
  });
});

describe("what a file is", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ["a.yaml", POLICY, "policy"],
    ["a.yaml", "policy: orders\nmatch: everything\nweir: 1\n", "policy"],
    ["a.yaml", "weir: 1\ntests: orders\n", "tests"],
    ["a.yaml", "weir: 1\nlisten: {}\n", "server"],
    ["x/weir.yaml", "weir: 1\n", "server"],
    ["a.yaml", "---\nweir: 1\npolicy: orders\n", "policy"],
  ];
  for (const [path, text, kind] of cases) {
    it(`${path} with ${JSON.stringify(text)} is ${kind}`, () => {
      const { documents, diagnostics } = loadFiles([{ path, text }]);
      assert.deepEqual(diagnostics, []);
      assert.deepEqual(
        documents.map((document) => document.kind),
        [kind],
      );
    });
  }

  it("is told in the order of the paths, whatever the order of the files", () => {
    const files = ["b.yaml", "a/z.yaml", "a.yaml"].map((path) => ({ path, text: POLICY }));
    assert.deepEqual(
      loadFiles(files).documents.map(({ file }) => file),
      ["a.yaml", "a/z.yaml", "b.yaml"],
    );
  });
});
