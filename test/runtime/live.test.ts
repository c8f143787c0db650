import assert from "node:assert/strict";
import type { Finding, Presented, Verifier } from "../../src/identity/verifier.ts";
import type { Identity } from "../../src/policy/identity.ts";
import { RunningHandler } from "../../src/runtime/handlers.ts";
import { Live } from "../../src/runtime/live.ts";
import { snapshotOf } from "../check/fixture.ts";
import { bearer } from "../identity/fixture.ts";
import { configured, fakeAdapter, HANDLER_WORLD } from "./fixture.ts";

const PRESENTED: Presented = bearer("token");

const [IDENTITY = assert.fail()] = snapshotOf(
  "policy: a\nmatch: everything\nidentities:\n  peer: { mtls: { trustDomains: [cluster.local] } }\nrules:\n  - id: all\n    allow: has(auth.peer)\n",
).identities;

/** A configuration that has one handler, and one verifier where it is given one. */
function live(find?: Verifier["find"]) {
  const seen: string[] = [];
  const verifier: Verifier | undefined = find && {
    find,
    status: () => ({ state: "ready", detail: "" }),
    start: () => undefined,
    close: () => undefined,
  };
  const { adapter } = fakeAdapter();
  const one = configured(adapter, "x");
  const handler = new RunningHandler(
    one,
    { handler: adapter.create(one.config, HANDLER_WORLD.hostFor(one)), queue: undefined },
    HANDLER_WORLD,
  );
  const verifiers = new Map<Identity, Verifier>(verifier === undefined ? [] : [[IDENTITY, verifier]]);
  const parts = { snapshot: snapshotOf(), handlers: new Map([["one", handler]]), verifiers };
  return { live: new Live(parts, (identity, kind) => void seen.push(`${identity} ${kind}`)), seen };
}

describe("a live configuration", () => {
  const FINDINGS: readonly (readonly [finding: Finding, seen: readonly string[]])[] = [
    [{ kind: "holds", claims: new Map() }, ["a/peer holds"]],
    [{ kind: "bad", reason: "it has expired" }, ["a/peer bad"]],
    [{ kind: "unavailable", reason: "no keys" }, ["a/peer unavailable"]],
    [{ kind: "flooded" }, ["a/peer flooded"]],
    // Most requests present nothing of most identities.
    [{ kind: "absent" }, []],
  ];
  for (const [finding, expected] of FINDINGS) {
    it(`hands on that a credential is ${finding.kind}, now or later, and counts it: ${expected.join()}`, async () => {
      for (const found of [finding, Promise.resolve(finding)]) {
        const { live: one, seen } = live(() => found);
        const answer = one.find(IDENTITY, PRESENTED, 0);
        assert.equal(answer instanceof Promise, found instanceof Promise);
        assert.equal(await answer, finding);
        assert.deepEqual(seen, expected);
      }
    });
  }

  it("proves nothing of an identity that it does not verify", async () => {
    assert.equal((await live().live.find(IDENTITY, PRESENTED, 0)).kind, "unavailable");
  });

  it("asks the handler of a name, and cannot decide where there is none", () => {
    const { live: one } = live();
    const deadlineMs = Date.now() + 1_000;
    assert.deepEqual(one.ask("one", new Map(), deadlineMs), { verdict: "allow" });
    assert.deepEqual(one.ask("other", new Map(), deadlineMs), {
      verdict: "error",
      reason: "there is no such handler",
    });
  });

  it("is itself whom its policies ask", () => {
    const { live: one } = live();
    assert.equal(one.backends, one);
  });
});
