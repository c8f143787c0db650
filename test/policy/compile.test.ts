import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { stringify } from "yaml";
import { compileConfiguration, type Configuration } from "../../src/policy/compile.ts";
import { CODES } from "../../src/policy/codes.ts";
import { isClean, printDiagnostic } from "../../src/policy/diagnostic.ts";
import { loadFiles } from "../../src/policy/load.ts";
import { worldOf } from "../check/fixture.ts";
import { faultNames, faultsOf } from "./faults.ts";

const compile = (...texts: readonly (string | Uint8Array)[]): Configuration =>
  compileConfiguration(
    loadFiles(texts.map((text, index) => ({ path: `${index}.yaml`, text }))),
    "r",
    worldOf(),
  );

/** A configuration is either clean and live, or has errors and is not; and all that is said can be printed. */
function isSound({ snapshot, diagnostics }: Configuration): void {
  assert.equal(snapshot !== undefined, isClean(diagnostics));
  for (const one of diagnostics) {
    assert.ok(Object.hasOwn(CODES, one.code));
    assert.ok(one.line >= 1 && one.column >= 1 && one.length >= 1 && one.message !== "");
    assert.ok(one.column - 1 <= one.source.length);
    assert.match(printDiagnostic(one), /^\S+:\d+:\d+ {2}[a-z-]+ {2}/);
  }
}

describe("compiling", () => {
  it("is all or nothing, and says everything at once", () => {
    const good = "weir: 1\npolicy: good\nmatch: everything\nrules: [{ id: one, allow: true }]\n";
    const bad =
      "weir: 1\npolicy: bad\nmatch: everything\nrules:\n  - id: one\n    allow: a\n  - id: two\n    deny: b\n";
    assert.equal(compile(good).snapshot?.policies.length, 1);
    const { snapshot, diagnostics } = compile(good, bad);
    assert.equal(snapshot, undefined);
    assert.deepEqual(
      diagnostics.map(({ line }) => line),
      [6, 8],
    );
  });

  it("has policies by name, whatever the order of the files", () => {
    const files = ["b", "c", "a"].map(
      (name) => `weir: 1\npolicy: ${name}\nmatch: everything\ndefault: deny\n`,
    );
    const { snapshot } = compile(...files);
    assert.deepEqual(
      snapshot?.policies.map(({ id, order }) => [id, order]),
      [
        ["a", 0],
        ["b", 1],
        ["c", 2],
      ],
    );
  });

  it("takes no files at all, which then govern nothing", () => {
    assert.deepEqual(compile().snapshot?.policies, []);
  });

  it("reads weir.yaml's settings, and has defaults for the others", () => {
    const { snapshot } = compile(
      "weir: 1\nungoverned: allow\ncheckTimeout: 1s\nmesh:\n  trustDomains: [a, b]\n",
    );
    assert.equal(snapshot?.settings.ungoverned, "allow");
    assert.equal(snapshot.settings.checkTimeoutMs, 1_000);
    assert.deepEqual([...snapshot.settings.trustDomains], ["a", "b"]);
    assert.deepEqual(snapshot.settings.listen.grpc.address, { kind: "tcp", host: "127.0.0.1", port: 9191 });
    assert.equal(snapshot.revision, "r");
  });
});

describe("compiling anything", () => {
  const shipped = readdirSync(new URL("../../policies/", import.meta.url), {
    recursive: true,
    encoding: "utf8",
  })
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => readFileSync(new URL(`../../policies/${name}`, import.meta.url), "utf8"));
  const faulty = faultNames("compile").flatMap((name) => {
    const folder = faultsOf("compile");
    return readdirSync(folder).includes(`${name}.yaml`)
      ? [readFileSync(new URL(`${name}.yaml`, folder), "utf8")]
      : [];
  });

  it("ends well for bytes", () => {
    const bytes = fc
      .uint8Array({ maxLength: 50 })
      .map((tail) => Buffer.concat([Buffer.from("weir: 1\npolicy: a\n"), tail]));
    fc.assert(fc.property(bytes, (text) => isSound(compile(text))));
  });

  it("ends well for real files that are damaged", () => {
    const piece = fc.oneof(
      fc.string({ unit: "binary", maxLength: 3 }),
      fc.constantFrom(
        "{",
        "}",
        '"',
        "'",
        "\n",
        "  ",
        "- ",
        ": ",
        "|",
        "#",
        "${",
        "\t",
        "[",
        ")",
        "&&",
        ".",
        "null",
        "\u0000",
      ),
    );
    const damage = fc.record({
      file: fc.constantFrom(...shipped, ...faulty),
      at: fc.nat(3_000),
      drop: fc.nat(10),
      piece,
    });
    fc.assert(
      fc.property(damage, ({ file, at, drop, piece: put }) => {
        const place = at % (file.length + 1);
        isSound(compile(file.slice(0, place) + put + file.slice(place + drop)));
      }),
      { numRuns: 150 },
    );
  });

  it("ends well for values of any kind at any key", () => {
    const keys =
      "id when deny require allow status message body type request response set remove mode hosts paths methods grpc destinations routes protocol mtls trustDomains x-a a __proto__ constructor".split(
        " ",
      );
    const cel = fc.constantFrom(
      "true",
      'request.method == "GET"',
      "request",
      "auth.a.id",
      "path.x",
      "a",
      "x",
      "1 + ",
      "${a}",
      "{'a': 1}",
      "request.path.matches('(')",
      "*",
    );
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        cel,
        fc.constantFrom<unknown>(
          null,
          0,
          -1,
          403,
          1.5,
          true,
          "",
          "/a/{x}/**",
          "*.a.com",
          "everything",
          "shadow",
        ),
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...keys), tie("value"), { maxKeys: 4 }),
      ),
    }));
    const rule = fc.record(
      {
        id: fc.constantFrom("a", "b", "default", "match"),
        allow: cel,
        deny: cel,
        require: cel,
        when: value,
        request: value,
        response: value,
        message: value,
        status: value,
        mode: value,
      },
      { requiredKeys: ["id"] },
    );
    const file = fc.record(
      {
        policy: fc.constantFrom("a", "b"),
        match: value,
        except: value,
        let: fc.dictionary(fc.constantFrom("a", "x", "values", "prototype", "constructor"), cel),
        identities: value,
        rules: fc.array(rule, { maxLength: 3 }),
        default: value,
        mode: value,
      },
      { requiredKeys: ["policy"] },
    );
    const files = fc.array(file, { minLength: 1, maxLength: 2 });
    fc.assert(
      fc.property(files, (all) =>
        isSound(
          compile(...all.map((one) => stringify({ weir: 1, ...one }, { aliasDuplicateObjects: false }))),
        ),
      ),
      { numRuns: 150 },
    );
  });

  it("ends well for any text as an expression", () => {
    const part = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 4 }),
      fc.constantFrom(
        "request",
        ".",
        "method",
        "has(",
        ")",
        "[",
        "]",
        '"',
        "'",
        "&&",
        "!",
        "?",
        ":",
        "==",
        "in",
        "1",
        ".all(",
        "x",
        ",",
        "{",
        "}",
        "optional.of(",
        "\\",
        "matches(",
        "auth.",
        "let",
        "//",
      ),
    );
    const text = fc.array(part, { maxLength: 8 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, text, (condition, effect) => {
        const rules = [
          { id: "one", when: condition, allow: "true", request: { set: { "x-a": `\${${effect}}` } } },
        ];
        isSound(
          compile(stringify({ weir: 1, policy: "a", match: "everything", let: { a: condition }, rules })),
        );
      }),
      { numRuns: 200 },
    );
  });
});
