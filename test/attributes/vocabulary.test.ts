import assert from "node:assert/strict";
import { Connection } from "../../src/attributes/connection.ts";
import { Client, Destination, Source } from "../../src/attributes/peer.ts";
import { Proxy } from "../../src/attributes/proxy.ts";
import { Request } from "../../src/attributes/request.ts";
import { POLICY_ROOTS, rootOf, VOCABULARY } from "../../src/attributes/vocabulary.ts";

describe("the vocabulary", () => {
  it("names each attribute once, in the form that expressions take", () => {
    const names = VOCABULARY.map(({ name }) => name);
    assert.deepEqual(names, [...new Set(names)]);
    for (const name of names) assert.match(name, /^[a-z][a-z_]*(\.[a-z][a-z_]*)?$/);
  });

  it("gives each attribute a phase and a sentence", () => {
    for (const { name, phases, meaning } of VOCABULARY) {
      assert.ok(phases.length > 0, name);
      assert.match(meaning, /^(?:[A-Z`].*\.)$/, name);
    }
  });

  it("leaves the roots of a policy's own names to policies", () => {
    for (const root of Object.keys(POLICY_ROOTS))
      assert.ok(!VOCABULARY.some(({ name }) => rootOf(name) === root));
  });

  const classes = {
    ...{ request: Request, source: Source, destination: Destination },
    ...{ connection: Connection, proxy: Proxy },
  };
  for (const [root, { prototype }] of Object.entries(classes)) {
    it(`has a getter for each field of ${root} that a check reads`, () => {
      for (const { name, phases, notYet, insteadRead } of VOCABULARY) {
        if (rootOf(name) !== root || !phases.includes("check") || notYet || insteadRead !== undefined)
          continue;
        assert.ok(name.slice(root.length + 1) in prototype, name);
      }
    });
  }

  it("has no field of client that the object lacks", () => {
    const fields = VOCABULARY.flatMap(({ name }) => (rootOf(name) === "client" ? [name.slice(7)] : []));
    assert.deepEqual(fields, Object.keys(new Client(undefined)));
  });
});
