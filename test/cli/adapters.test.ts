import assert from "node:assert/strict";
import { ADAPTERS } from "../../adapters/index.ts";
import { ownFolder, run } from "./fixture.ts";

describe("weir adapters", () => {
  const folderOf = ownFolder();

  it("lists those of weir's own and those that weir.yaml names, with what they take and answer", async () => {
    const { code, printed } = await run(["adapters", "docs/own-adapter"]);
    assert.equal(code, 0);
    for (const { id, summary } of ADAPTERS)
      assert.ok(printed.includes(`${id}  (built in)  ${summary}\n`), id);
    assert.match(printed, /means: allow \| deny, optional\n/);
    const of = (id: string): string =>
      printed.slice(printed.indexOf(`${id}  (built in)`)).split("\n\n")[0] ?? "";
    for (const one of ADAPTERS)
      assert.equal(/^ {2}more +config may name more/m.test(of(one.id)), one.declare !== undefined, one.id);
    assert.match(of("file"), /rotateAt: string \| number, optional/);
    assert.match(printed, /telemetry {3}istio, access-log, trace, with alone\n/);
    assert.ok(
      printed.endsWith(`credits  (file ./adapters/credits.js)  Asks our credit service how much credit a customer has
  asked with  customer: string  Whose credit it is
  answers     credit: int  What is left of it
  config      url: string
              token: object
`),
      printed,
    );
  });

  it("prints the same as JSON, with the JSON Schema of each configuration", async () => {
    const { printed } = await run(["adapters", "docs/own-adapter", "--format", "json"]);
    const { adapters, refused } = JSON.parse(printed) as {
      readonly adapters: readonly Readonly<Record<string, unknown>>[];
      readonly refused: readonly unknown[];
    };
    assert.deepEqual(refused, []);
    assert.deepEqual(
      adapters.map(({ id }) => id),
      [...ADAPTERS.map(({ id }) => id), "credits"],
    );
    for (const { id, config, more } of adapters) {
      const { type, properties } = config as { readonly type?: unknown; readonly properties?: object };
      assert.ok(type === "object" && Object.keys(properties ?? {}).length > 0, String(id));
      assert.equal(more, id === "http" || id === "opa" ? "by config" : undefined);
    }
    const { source, config, outputs } = adapters.at(-1) ?? {};
    assert.deepEqual(source, { kind: "file", name: "./adapters/credits.js" });
    assert.deepEqual(outputs, { credit: { type: "int", meaning: "What is left of it" } });
    assert.match(JSON.stringify(config), /"required":\["url","token"\]/);
  });

  it("says which file is no adapter and why, and ends with 1", async () => {
    const folder = folderOf({
      "weir.yaml": "weir: 1\nhandlers:\n  one: { adapter: ./one.mjs }\n",
      "one.mjs": 'export default { id: "one" };',
    });
    const { code, complained } = await run(["adapters", folder]);
    assert.equal(code, 1);
    assert.match(
      complained,
      /^\n\.\/one\.mjs is no adapter:\n {2}summary: write what it does, in one line\n/,
    );
  });

  it("refuses a format that there is not", async () => {
    const { code, complained } = await run(["adapters", "--format", "xml"]);
    assert.deepEqual([code, complained], [2, "weir adapters: --format is text or json, not xml\n"]);
  });
});
