import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadFolders, loadFiles, type Loaded } from "../../src/policy/load.ts";
import { dividingOf, ONE_PART, PLATFORM } from "../../src/policy/parts.ts";
import { resolveReference } from "../../src/policy/references.ts";
import { dividing, readConfiguration, type Reading, type Versions } from "../../src/runtime/reading.ts";
import { finish } from "../../src/std/steps.ts";

const DIGEST = "a".repeat(64);
const KEYS = `weir: 1\nkeys:\n  - id: acme\n    digest: ${DIGEST}\n`;
const SHARED = `weir: 1
shared: platform
data:
  tiers: tiers.yaml
  nets: ../lists/nets.txt
identities:
  partner:
    apiKey: { header: x-api-key, keys: partners.yaml }
  user:
    jwt: { issuer: i, audiences: [a], jwks: { file: ../lists/certs.json } }
`;

/** What a reading has as one part. */
const platformOf = (reading: Reading): Loaded =>
  finish(dividing(reading, ONE_PART, new Map())).get(PLATFORM)?.loaded ?? assert.fail();

describe("files that others name", () => {
  let folder = "";
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), "weir-companions-"))));
  afterEach(async () => rm(folder, { recursive: true, force: true }));

  const write = async (path: string, text: string) => {
    await mkdir(join(folder, path, ".."), { recursive: true });
    await writeFile(join(folder, path), text);
  };
  const writeAll = async () => {
    await write("policies/platform.yaml", SHARED);
    await write("policies/tiers.yaml", "gold: 5\n");
    await write("policies/partners.yaml", KEYS);
    await write("lists/nets.txt", "10.0.0.0/8\n");
    await write("lists/certs.json", '{"keys": []}');
  };
  const policies = () => join(folder, "policies");

  it("are read from inside the folder and beside it, and found by the path that names them", async () => {
    await writeAll();
    const { documents, diagnostics, companions } = await loadFolders([policies()]);
    assert.deepEqual(diagnostics, []);
    const [{ file } = { file: "" }] = documents;
    assert.equal(documents.length, 1);
    const at = (written: string): string => resolveReference(file, written);
    assert.deepEqual(companions.data.get(at("tiers.yaml")), {
      value: new Map([["gold", 5n]]),
      type: "map(string, int)",
    });
    assert.deepEqual(companions.data.get(at("../lists/nets.txt"))?.value, ["10.0.0.0/8"]);
    assert.equal(companions.keys.get(at("./partners.yaml"))?.get(DIGEST)?.id, "acme");
    assert.equal(companions.jwks.get(at("../lists/certs.json")), '{"keys": []}');
  });

  it("are part of the revision, and are to be watched", async () => {
    await writeAll();
    const before = await readConfiguration([policies()], 5);
    assert.deepEqual(
      new Set(before.named),
      new Set(
        ["policies/tiers.yaml", "policies/partners.yaml", "lists/nets.txt", "lists/certs.json"].map((path) =>
          join(folder, path),
        ),
      ),
    );
    assert.equal((await readConfiguration([policies()], 5)).revision, before.revision);
    await write("lists/nets.txt", "10.0.0.0/8\n::1\n");
    const after = await readConfiguration([policies()], 5);
    assert.notEqual(after.revision, before.revision);
    assert.deepEqual(platformOf(after).diagnostics, []);
  });

  it("are missed at the place that names them, and looked for again", async () => {
    await writeAll();
    await rm(join(folder, "lists"), { recursive: true });
    await mkdir(join(folder, "lists", "nets.txt"), { recursive: true });
    const missing = await readConfiguration([policies()], 5);
    assert.deepEqual(
      platformOf(missing).diagnostics.map(({ code, line, file }) => [code, line, file]),
      [
        ["unreadable-file", 5, join(policies(), "platform.yaml")],
        ["unreadable-file", 10, join(policies(), "platform.yaml")],
      ],
    );
    const again = await readConfiguration([policies()], 5);
    assert.equal(again.revision, missing.revision);
    await rm(join(folder, "lists", "nets.txt"), { recursive: true });
    const otherwise = await readConfiguration([policies()], 5);
    assert.notEqual(otherwise.revision, missing.revision, "why it cannot be read is another reason");
    await write("lists/nets.txt", "");
    assert.notEqual((await readConfiguration([policies()], 5)).revision, otherwise.revision);
  });

  it("have their faults told once, at their own places", async () => {
    await writeAll();
    await write("policies/other.yaml", SHARED.replace("platform", "other"));
    await write("policies/tiers.yaml", "gold: 5\ngold: 6\n");
    await write("policies/partners.yaml", `${KEYS}    digest: ${DIGEST}\n`);
    const { diagnostics } = await loadFolders([policies()]);
    assert.deepEqual(
      diagnostics.map(({ file, line, code }) => [file.slice(folder.length + 1), line, code]),
      [
        ["policies/partners.yaml", 5, "duplicate-key"],
        ["policies/tiers.yaml", 2, "duplicate-key"],
      ],
    );
  });

  it("stay configuration when they say that they are, so that naming a policy does not remove it", () => {
    const orders = { path: "orders.yaml", text: "weir: 1\npolicy: orders\nmatch: everything\n" };
    const shared = { path: "platform.yaml", text: "weir: 1\nshared: platform\ndata: { x: orders.yaml }\n" };
    const { documents, diagnostics } = loadFiles([orders, shared], [orders]);
    assert.deepEqual(
      documents.map(({ kind }) => kind),
      ["policy", "shared"],
    );
    assert.deepEqual(
      diagnostics.map(({ file, code }) => [file, code]),
      [["orders.yaml", "data-syntax"]],
    );
  });
});

describe("a reading", () => {
  let folder = "";
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), "weir-reading-"))));
  afterEach(async () => rm(folder, { recursive: true, force: true }));
  const write = async (path: string, text: string) => {
    await mkdir(join(folder, path, ".."), { recursive: true });
    await writeFile(join(folder, path), text);
  };
  const read = (before?: Reading) => readConfiguration([folder], 5, before);
  const policy = (name: string): string =>
    `weir: 1\npolicy: ${name}\nmatch:\n  hosts:\n    - ${name}.example.com\n`;
  const divisionOf = ({ loaded }: Reading) => {
    const found = dividingOf(loaded.documents);
    return found.kind === "divided" ? found.division : assert.fail(found.kind);
  };
  const versionsOf = (reading: Reading, known: Versions = new Map()) =>
    finish(dividing(reading, divisionOf(reading), known));
  const writeTeams = async () => {
    const team = (name: string): string =>
      `  ${name}:\n    folder: teams/${name}\n    owns:\n      hosts:\n        - ${name}.example.com\n`;
    await write("weir.yaml", `weir: 1\nteams:\n${team("a")}${team("b")}`);
    for (const name of ["a", "b"]) {
      await write(`teams/${name}/policy.yaml`, policy(name));
      await write(`teams/${name}/shared.yaml`, `weir: 1\nshared: s${name}\ndata:\n  names: names.txt\n`);
      await write(`teams/${name}/names.txt`, `${name}\n`);
    }
  };

  it("parses again only what has changed since the one before", async () => {
    await write("a.yaml", policy("a"));
    await write("b.yaml", policy("b"));
    const before = await read();
    await write("b.yaml", `${policy("b")}default: deny\n`);
    const after = await read(before);
    const [oldA, oldB] = before.loaded.documents;
    const [newA, newB] = after.loaded.documents;
    assert.equal(newA, oldA);
    assert.notEqual(newB, oldB);
    assert.equal((await read(after)).loaded, after.loaded);
  });

  it("is divided into parts, each with its own files, named ones included", async () => {
    await writeTeams();
    await write("platform.yaml", policy("platform"));
    const versions = versionsOf(await read());
    const shown = Array.from(versions, ([part, { loaded, folder: of }]) => ({
      part,
      of: of.replace(folder, ""),
      files: loaded.documents.map(({ file }) => file.slice(folder.length + 1)),
      data: [...loaded.companions.data.keys()].map((path) => path.slice(folder.length + 1)),
    }));
    assert.deepEqual(shown, [
      { part: "", of: "", files: ["platform.yaml", "weir.yaml"], data: [] },
      {
        part: "a",
        of: "/teams/a",
        files: ["teams/a/policy.yaml", "teams/a/shared.yaml"],
        data: ["teams/a/names.txt"],
      },
      {
        part: "b",
        of: "/teams/b",
        files: ["teams/b/policy.yaml", "teams/b/shared.yaml"],
        data: ["teams/b/names.txt"],
      },
    ]);
  });

  const CHANGES: readonly (readonly [what: string, path: string, text: string, parts: readonly string[]])[] =
    [
      ["a team's policy", "teams/a/policy.yaml", policy("other"), ["a"]],
      ["a file that a team names", "teams/b/names.txt", "x\n", ["b"]],
      ["weir.yaml", "weir.yaml", "", [""]],
      ["a file of the platform", "more.yaml", policy("more"), [""]],
      ["a file that is no configuration", "teams/a/README.md", "hello", []],
    ];
  for (const [what, path, text, parts] of CHANGES) {
    it(`has a new version of ${parts.map((part) => part || "the platform").join(", ") || "nothing"} when ${what} changes`, async () => {
      await writeTeams();
      const before = versionsOf(await read());
      await write(path, text === "" ? `${await readFile(join(folder, path), "utf8")}maxInFlight: 5\n` : text);
      const reading = await read();
      const after = versionsOf(reading, before);
      const changed = [...after]
        .filter(([part, version]) => before.get(part) !== version)
        .map(([part]) => part);
      assert.deepEqual(changed, parts);
      const revisions = [...versionsOf(reading)].filter(
        ([part, { revision }]) => before.get(part)?.revision !== revision,
      );
      assert.deepEqual(
        revisions.map(([part]) => part),
        parts,
      );
    });
  }

  it("puts a file where it stands, though a link in a team's folder leads to it as well", async () => {
    await writeTeams();
    await write("zguards/guard.yaml", policy("guard"));
    await symlink(join(folder, "zguards"), join(folder, "teams/a/theirs"));
    await symlink(join(folder, "teams/b"), join(folder, "teams/a/taken"));
    const versions = versionsOf(await read());
    const filesOf = (part: string) =>
      versions.get(part)?.loaded.documents.map(({ file }) => file.slice(folder.length + 1));
    assert.deepEqual(filesOf(""), ["weir.yaml", "zguards/guard.yaml"]);
    assert.deepEqual(filesOf("a"), ["teams/a/policy.yaml", "teams/a/shared.yaml"]);
    assert.deepEqual(filesOf("b"), ["teams/b/policy.yaml", "teams/b/shared.yaml"]);
  });

  it("is nobody's newest when there are more files than weir reads: some are missing, whosoever they are", async () => {
    await writeTeams();
    const whole = await read();
    const [cut] = whole.loaded.documents.map(({ file }) => ({
      ...{ file, line: 1, column: 1, length: 1, source: "", severity: "error" as const },
      ...{ code: "too-large" as const, message: "more than weir reads" },
    }));
    const reading = { ...whole, content: { ...whole.content, cut } };
    for (const [part, { loaded }] of versionsOf(reading)) {
      assert.deepEqual(
        loaded.diagnostics.map(({ code }) => code),
        ["too-large"],
        part,
      );
    }
  });
});
