import assert from "node:assert/strict";
import { join } from "node:path";
import { parse } from "yaml";
import { apiKeyDigest } from "../../src/identity/api-key.ts";
import { readingPlainKeys } from "../../src/policy/keys-lines.ts";
import { SourceText } from "../../src/policy/source.ts";
import { finish } from "../../src/std/steps.ts";
import { ownFolder, run } from "./fixture.ts";

const PEPPER = "0123456789abcdef0123456789abcdef";

describe("weir keys new", () => {
  const folderOf = ownFolder();
  let pepper: string;
  before(() => {
    pepper = join(folderOf({ pepper: `${PEPPER}\n` }), "pepper");
  });

  const made: readonly (readonly [args: readonly string[], entry: Readonly<Record<string, string>>])[] = [
    [["--id", "acme"], { id: "acme" }],
    [["--id", "acme", "--plan", "gold"], { id: "acme", plan: "gold" }],
    [
      ["--id", "billing@acme.example", "--plan", "true", "--not-after", "2999-01-01T00:00:00Z"],
      { id: "billing@acme.example", plan: "true", notAfter: "2999-01-01T00:00:00Z" },
    ],
    [["--id", "12", "--plan", "1.5"], { id: "12", plan: "1.5" }],
  ];
  for (const [args, expected] of made) {
    it(`prints a key and its entry for: ${args.join(" ")}`, async () => {
      const { code, printed, complained } = await run(["keys", "new", ...args, "--pepper", pepper]);
      assert.deepEqual([code, complained], [0, ""]);
      const [key = "", blank, ...entry] = printed.split("\n");
      assert.match(key, /^weir_[\w-]{43}$/);
      assert.equal(blank, "");
      const text = `weir: 1\nkeys:\n${entry.join("\n")}`;
      const digest = apiKeyDigest(PEPPER, key);
      assert.deepEqual(parse(text), { weir: 1, keys: [{ ...expected, digest }] });
      const plain = finish(readingPlainKeys(new SourceText("keys.yaml", text)));
      assert.ok(typeof plain !== "number" && plain.keys?.has(digest) === true, "is read line by line");
      assert.ok(!entry.join("").includes(key));
    });
  }

  it("never makes the same key twice", async () => {
    const one = await run(["keys", "new", "--id", "a", "--pepper", pepper]);
    const other = await run(["keys", "new", "--id", "a", "--pepper", pepper]);
    assert.notEqual(one.printed, other.printed);
  });

  it("takes the pepper that weir.yaml names, though its keys file is not there yet", async () => {
    const folder = folderOf({
      "weir.yaml": "weir: 1\nsecrets:\n  pepper: { file: secret/pepper }\n",
      "secret/pepper": PEPPER,
      "shared.yaml": "weir: 1\nshared: s\nidentities:\n  p: { apiKey: { header: x-key, keys: keys.yaml } }\n",
    });
    const { code, printed, complained } = await run(["keys", "new", "--id", "a", folder]);
    assert.deepEqual([code, complained], [0, ""]);
    const [key = ""] = printed.split("\n");
    assert.match(printed, new RegExp(`digest: ${apiKeyDigest(PEPPER, key)}`));
  });

  it("says where a pepper was looked for", async () => {
    const folder = folderOf({ "weir.yaml": "weir: 1\n" });
    const { code, printed, complained } = await run(["keys", "new", "--id", "a", folder]);
    assert.deepEqual([code, printed], [1, ""]);
    assert.match(complained, /has no weir.yaml with secrets.pepper; name the file with --pepper/);
  });

  const wrong: readonly (readonly [args: readonly string[], complaint: RegExp])[] = [
    [[], /"" is not one of: new/],
    [["old"], /"old" is not one of: new/],
    [["new", "policies/"], /--id is missing/],
    [["new"], /--id is missing/],
    [["new", "--id", ""], /--id is missing/],
    [["new", "--id", "a\nb", "--pepper", "x"], /"a\\nb" is not of letters/],
    [["new", "--id", "a", "--plan", " b", "--pepper", "x"], /" b" is not of letters/],
    [
      ["new", "--id", "a", "--pepper", "x", "--not-after", "soon"],
      /--not-after takes a moment with its zone/,
    ],
    [["new", "--id", "a", "--pepper", "x", "--not-after", "2001-01-01T00:00:00Z"], /is past/],
  ];
  for (const [args, complaint] of wrong) {
    it(`refuses: weir keys ${JSON.stringify(args)}`, async () => {
      const { code, printed, complained } = await run(["keys", ...args]);
      assert.deepEqual([code, printed], [2, ""]);
      assert.match(complained, complaint);
    });
  }

  it("says that a pepper is not there, or too short, without showing it", async () => {
    const missing = await run(["keys", "new", "--id", "a", "--pepper", join(pepper, "..", "nowhere")]);
    assert.deepEqual([missing.code, missing.printed], [1, ""]);
    assert.match(missing.complained, /nowhere/);
    const short = join(folderOf({ short: "swordfish\n" }), "short");
    const weak = await run(["keys", "new", "--id", "a", "--pepper", short]);
    assert.deepEqual([weak.code, weak.printed], [1, ""]);
    assert.match(weak.complained, /short is shorter than 16 bytes/);
    assert.ok(!weak.complained.includes("swordfish"));
  });
});
