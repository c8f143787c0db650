import assert from "node:assert/strict";
import { Connection } from "../../src/attributes/connection.ts";
import { Decision, Log } from "../../src/attributes/entry.ts";
import { EntryConnection, Upstream, Xds } from "../../src/attributes/entry-connection.ts";
import { EntryRequest, Response } from "../../src/attributes/entry-request.ts";
import { Client, Destination, Source } from "../../src/attributes/peer.ts";
import { Proxy } from "../../src/attributes/proxy.ts";
import { Request } from "../../src/attributes/request.ts";
import { POLICY_ROOTS, rootOf, VOCABULARY } from "../../src/attributes/vocabulary.ts";
import { isReadable } from "../../src/policy/declarations.ts";

describe("the vocabulary", () => {
  it("names each attribute once, in the form that expressions take", () => {
    const names = VOCABULARY.map(({ name }) => name);
    assert.deepEqual(names, [...new Set(names)]);
    for (const name of names) assert.match(name, /^[a-z][a-z_]*(\.[a-z][a-z0-9_]*)?$/);
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

  const checked = {
    ...{ request: Request, source: Source, destination: Destination },
    ...{ connection: Connection, proxy: Proxy },
  };
  const logged = {
    ...{ request: EntryRequest, source: Source, destination: Destination, proxy: Proxy },
    ...{ connection: EntryConnection, response: Response, upstream: Upstream, xds: Xds, log: Log },
  };
  for (const [phase, classes] of Object.entries({ check: checked, log: logged })) {
    for (const [root, { prototype }] of Object.entries(classes)) {
      it(`has a getter for each field of ${root} that is read in phase ${phase}`, () => {
        const names = VOCABULARY.filter(
          (one) => rootOf(one.name) === root && isReadable(one, phase === "log" ? "log" : "check"),
        );
        assert.ok(names.length > 0);
        for (const { name } of names) assert.ok(name.slice(root.length + 1) in prototype, name);
      });
    }
  }

  it("has no field of decision that the object lacks", () => {
    const fields = VOCABULARY.flatMap(({ name }) => (rootOf(name) === "decision" ? [name.slice(9)] : []));
    assert.deepEqual(fields, Object.keys(new Decision(undefined)));
  });

  it("has no field of client that the object lacks", () => {
    const fields = VOCABULARY.flatMap(({ name }) => (rootOf(name) === "client" ? [name.slice(7)] : []));
    assert.deepEqual(fields, Object.keys(new Client(undefined)));
  });
});
