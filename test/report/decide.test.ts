import assert from "node:assert/strict";
import { decided, inShort, reportingSnapshot } from "./fixture.ts";

const MESH = {
  policy: "mesh",
  match: "everything",
  telemetry: [{ id: "all", to: "graphs", preset: "istio" }],
};

describe("decideEntry", () => {
  it("gives every entry to a policy of telemetry alone that matches everything", () => {
    const snapshot = reportingSnapshot(MESH);
    assert.deepEqual(inShort(decided(snapshot)), ["graphs measurement"]);
    assert.deepEqual(inShort(decided(snapshot, { kind: "tcp" })), ["graphs measurement"]);
    assert.deepEqual(inShort(decided(snapshot, { left: { policies: [] } })), ["graphs measurement"]);
  });

  it("reads the entry", () => {
    const snapshot = reportingSnapshot(`
      policy: slow
      match:
        hosts: [a.example.com]
      telemetry:
        - id: line
          to: lines
          when: response.code >= 500
          with:
            path: \${request.url_path}
            kind: slow
    `);
    assert.deepEqual(inShort(decided(snapshot, { path: "/x?y", responseCode: 503 })), [
      'lines fields path="/x" kind="slow"',
    ]);
    assert.deepEqual(inShort(decided(snapshot, { responseCode: 200 })), []);
    assert.deepEqual(inShort(decided(snapshot, { host: "b.example.com", responseCode: 503 })), []);
    assert.deepEqual(decided(snapshot), { wanted: [], missing: ["slow/line when"] });
  });

  it("reads what the check has left", () => {
    const snapshot = reportingSnapshot(`
      policy: orders
      match:
        paths: ["/orders/{owner}"]
      identities:
        user:
          metadata:
            namespace: envoy.filters.http.jwt_authn
            claims: { team: string, level: int }
      let:
        gold: auth.user.level > 3
      rules:
        - id: signed
          require: has(auth.user)
      telemetry:
        - id: line
          to: plain
          with:
            team: \${auth.user.team}
            owner: \${path.owner}
            gold: \${gold}
            who: '\${has(auth.user) ? "someone" : "nobody"}'
            raw: \${auth.user.raw["x-y"]["z"]}
    `);
    assert.deepEqual(
      snapshot.policies[0]?.telemetry?.carries.map(({ name }) => name),
      ["auth.user.team", "path.owner", "gold", "has(auth.user)", 'auth.user.raw["x-y"]["z"]'],
    );
    const values = new Map<string, unknown>([
      ["auth.user.team", "a"],
      ["path.owner", "b"],
      ["gold", true],
      ["has(auth.user)", true],
      ['auth.user.raw["x-y"]["z"]', "deep"],
    ]);
    const left = { policies: ["orders"], carried: new Map([["orders", values]]) };
    assert.deepEqual(inShort(decided(snapshot, { left })), [
      'plain fields team="a" owner="b" gold="true" who="someone" raw="deep"',
    ]);
  });
});
