import assert from "node:assert/strict";
import { decided, inShort, reportingSnapshot } from "../report/fixture.ts";

describe("an expression over entries", () => {
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

  it("evaluates names again where entries have what they read, and takes the others from the check", () => {
    const snapshot = reportingSnapshot(
      `
        shared: platform
        let:
          writes: request.method != "GET"
          tagged: context_extensions["tag"]
      `,
      `
        policy: orders
        match: everything
        use: [platform]
        let:
          big: platform.writes && request.size > 10
          tag: platform.tagged + "!"
        rules:
          - id: any
            deny: big && tag == ""
        telemetry:
          - id: line
            to: lines
            with:
              big: \${big}
              writes: \${platform.writes}
              tag: \${tag}
              tagged: \${platform.tagged}
      `,
    );
    assert.deepEqual(
      snapshot.policies[0]?.telemetry?.carries.map(({ name }) => name),
      ["tag", "platform.tagged"],
    );
    const values = new Map([
      ["tag", "a!"],
      ["platform.tagged", "a"],
    ]);
    const left = { policies: ["orders"], carried: new Map([["orders", values]]) };
    assert.deepEqual(inShort(decided(snapshot, { method: "PUT", left })), [
      'lines fields writes="true" tag="a!" tagged="a"',
    ]);
    assert.deepEqual(inShort(decided(snapshot, { left })), [
      'lines fields big="false" writes="false" tag="a!" tagged="a"',
    ]);
  });

  it("binds paths from the entry where no check has", () => {
    const snapshot = reportingSnapshot(`
      policy: owners
      match:
        paths: ["/orders/{owner}", "/orders/{owner}/{item}"]
      telemetry:
        - id: line
          to: lines
          with:
            owner: \${path.owner}
            item: '\${has(path.item) ? path.item : "none"}'
    `);
    assert.deepEqual(inShort(decided(snapshot, { path: "/orders/me" })), [
      'lines fields owner="me" item="none"',
    ]);
    assert.deepEqual(inShort(decided(snapshot, { path: "/orders/me/5" })), [
      'lines fields owner="me" item="5"',
    ]);
  });
});
