import assert from "node:assert/strict";
import type { z } from "zod";
import { bytes, durationMs, httpUrl, mapping, secret, word } from "../../src/adapter/config.ts";

const read = (schema: z.ZodType, value: unknown): unknown => {
  const result = schema.safeParse(value);
  return result.success ? result.data : result.error.issues.map(({ message }) => message).join("; ");
};

describe("a value of an adapter's configuration", () => {
  const plain = "write {file: …} or {env: …}: a secret never stands in weir.yaml";
  const duration = /^write a duration with its unit/;
  const cases: readonly [name: string, schema: z.ZodType, value: unknown, wanted: unknown][] = [
    ["duration", durationMs(100, 1_000), "150ms", 150],
    ["duration", durationMs(100, 1_000), "150", duration],
    ["duration", durationMs(100, 1_000), 150, duration],
    ["duration", durationMs(100, 1_000), undefined, duration],
    ["duration", durationMs(100, 1_000), "99ms", "write a duration from 100 ms to 1000 ms"],
    ["duration", durationMs(100, 1_000), "2s", "write a duration from 100 ms to 1000 ms"],
    ["bytes", bytes(1, 4_096), 12, 12],
    ["bytes", bytes(1, 4_096), "12", 12],
    ["bytes", bytes(1, 4_096), "4KiB", 4_096],
    ["bytes", bytes(1, 4_096), "5KiB", "write a number of bytes from 1 to 4096"],
    ["bytes", bytes(1, 4_096), "4KB", /^write a number of bytes, such as/],
    ["bytes", bytes(1, 4_096), 1.5, /^write a number of bytes, such as/],
    ["bytes", bytes(1, 4_096), -1, /^write a number of bytes, such as/],
    ["bytes", bytes(1, 4_096), true, /^write a number of bytes, such as/],
    ["secret", secret(), { file: "/run/s" }, { file: "/run/s" }],
    ["secret", secret(), { env: "S" }, { env: "S" }],
    ["secret", secret(), "hunter2", plain],
    ["secret", secret(), { file: "a", env: "B" }, plain],
    ["secret", secret(), { file: "" }, plain],
    ["secret", secret(), { env: "not a name" }, plain],
    ["secret", secret(), {}, plain],
    ["secret", secret(), undefined, plain],
    ["secret", secret(), ["hunter2"], plain],
    ["URL", httpUrl(), "https://a.example.com/x?y=1", "https://a.example.com/x?y=1"],
    ["URL", httpUrl(), "a.example.com", /^write a URL/],
    ["URL", httpUrl(), "ftp://a.example.com", /^write a URL/],
    ["URL", httpUrl(), "https://u:hunter2@a.example.com", /^a URL may not hold a user or a password/],
    ["word", word(["on", "off"]), "on", "on"],
    ["word", word(["on", "off"]), "of", "write one of on, off"],
    ["mapping", mapping({ a: word(["x"]) }), { a: "x" }, { a: "x" }],
    ["mapping", mapping({ a: word(["x"]) }), { a: "x", b: 1 }, "b: there is no such key; the keys are a"],
    ["mapping", mapping({ a: word(["x"]) }), "x", "write a mapping with the keys a"],
    ["mapping", mapping({ a: word(["x"]) }), {}, "write one of x"],
  ];
  for (const [name, schema, value, wanted] of cases) {
    it(`${name}: ${JSON.stringify(value)} gives ${wanted instanceof RegExp ? wanted.source : JSON.stringify(wanted)}`, () => {
      const found = read(schema, value);
      if (wanted instanceof RegExp) assert.match(String(found), wanted);
      else assert.deepEqual(found, wanted);
      if (name === "secret" || name === "URL") assert.doesNotMatch(JSON.stringify(found), /hunter2/);
    });
  }

  it("may be a mapping without a prototype, as the policy compiler makes them", () => {
    const config: object = Object.assign(Object.create(null) as object, { a: "x" });
    assert.deepEqual(read(mapping({ a: word(["x"]) }), config), { a: "x" });
  });
});
