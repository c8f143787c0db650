import assert from "node:assert/strict";
import type { File } from "../check/fixture.ts";
import { decided, type EntryAsked, FINISHED, inShort, reportingSnapshot } from "./fixture.ts";

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

  it("takes the policies from what the check said, and only those", () => {
    const of = (name: string, match: object): File => ({
      policy: name,
      match,
      default: "deny",
      telemetry: [{ id: "all", to: "lines", with: { name } }],
    });
    const snapshot = reportingSnapshot(
      of("a", { hosts: ["a.example.com"] }),
      of("b", { hosts: ["b.example.com"] }),
      of("c", { hosts: ["*.example.com"], when: 'request.method == "PUT"' }),
    );
    assert.deepEqual(inShort(decided(snapshot, { left: { policies: ["b", "gone"] } })), [
      'lines fields name="b"',
    ]);
    assert.deepEqual(inShort(decided(snapshot, { left: { policies: [] } })), []);
    assert.deepEqual(inShort(decided(snapshot)), ['lines fields name="a"']);
    assert.deepEqual(inShort(decided(snapshot, { left: {} })), ['lines fields name="a"']);
    assert.deepEqual(inShort(decided(snapshot, { method: "PUT" })), [
      'lines fields name="a"',
      'lines fields name="c"',
    ]);
    assert.deepEqual(inShort(decided(snapshot, { kind: "tcp" })), []);
  });

  it("matches from the entry what has no part in checks, and nothing by what it cannot tell", () => {
    const snapshot = reportingSnapshot(
      `
        policy: put
        match:
          when: request.method == "PUT"
        except: request.headers["x-a"] == "b"
        telemetry:
          - id: one
            to: graphs
            preset: istio
      `,
      `
        policy: routes
        match:
          when: context_extensions["a"] == "b"
        telemetry:
          - id: one
            to: lines
            preset: access-log
      `,
    );
    const left = { policies: [] };
    assert.deepEqual(inShort(decided(snapshot, { method: "PUT", left })), ["graphs measurement"]);
    assert.deepEqual(inShort(decided(snapshot, { method: "PUT" })), ["graphs measurement"]);
    assert.deepEqual(inShort(decided(snapshot, { method: "PUT", requestHeaders: { "x-a": "b" } })), []);
    assert.deepEqual(inShort(decided(snapshot, { left })), []);
  });

  const WHO = `
    policy: who
    match: everything
    identities:
      user:
        metadata:
          namespace: envoy.filters.http.jwt_authn
          claims: { team: string, level: int }
      workload:
        mtls: { trustDomains: [cluster.local] }
    rules:
      - id: any
        require: has(auth.user) || has(auth.workload)
    telemetry:
      - id: digests
        to: lines
        with:
          team: \${auth.user.team}
          level: \${auth.user.level}
          both: team \${auth.user.team}
          is: \${auth.user.team == "a"}
          workload: \${auth.workload.id}
          client: \${client.ip}
      - id: plain
        to: plain
        with:
          team: \${auth.user.team}
  `;

  it("tells of persons by digests, but to who takes them as they are", () => {
    const values = new Map<string, unknown>([
      ["auth.user.team", "a"],
      ["auth.user.level", 5],
      ["auth.workload.id", "spiffe://cluster.local/ns/a/sa/b"],
    ]);
    const left = { policies: ["who"], carried: new Map([["who", values]]) };
    const { wanted, missing } = decided(reportingSnapshot(WHO), { left });
    const [digests, plain] = wanted.map(({ outcome }) =>
      outcome === "sampled-out" ? undefined : Object.fromEntries(outcome.added),
    );
    assert.deepEqual(digests, {
      team: '#"a"',
      level: "#5",
      both: '#"team a"',
      is: "true",
      workload: "spiffe://cluster.local/ns/a/sa/b",
    });
    assert.deepEqual(plain, { team: "a" });
    assert.deepEqual(missing, ["who/digests client"]);
  });

  it("tells a handler what it has answered as it was, and others by digests", () => {
    const values = new Map<string, unknown>([["caller.who", "ann"]]);
    const left = { policies: ["asks"], carried: new Map([["asks", values]]) };
    const policy = `
      policy: asks
      match: everything
      rules:
        - id: who
          ask: asked
          as: caller
        - id: known
          allow: has(caller.who)
      telemetry:
        - id: back
          to: asked
          with:
            who: \${caller.who}
            ip: \${client.ip}
        - id: on
          to: lines
          with:
            who: \${caller.who}
    `;
    const { wanted } = decided(reportingSnapshot(policy), { left });
    const [back, on] = wanted.map(({ outcome }) => outcome !== "sampled-out" && outcome.added.get("who"));
    assert.deepEqual([back, on], ["ann", '#"ann"']);
  });

  it("leaves out and reports what was not carried, whatever came instead", () => {
    const values = new Map<string, unknown>([
      ["auth.user.team", 5],
      ["auth.user.level", "x"],
    ]);
    for (const carried of [new Map(), new Map([["who", values]]), new Map([["who", "x"]])]) {
      const { missing } = decided(reportingSnapshot(WHO), { left: { policies: ["who"], carried } });
      const names = ["team", "level", "both", "is", "workload", "client"].map(
        (name) => `who/digests ${name}`,
      );
      assert.deepEqual(missing, [...names, "who/plain team"]);
    }
  });

  it("samples by the decision, else by the stream", () => {
    const snapshot = reportingSnapshot({
      policy: "mesh",
      match: "everything",
      telemetry: [{ id: "some", to: "graphs", preset: "istio", sample: "25%" }],
    });
    const isTaken = (asked: EntryAsked): boolean =>
      inShort(decided(snapshot, asked)).join() === "graphs measurement";
    const streams = Array.from({ length: 2_000 }, (_, index) => `stream-${index}`);
    const taken = streams.filter((streamId) => isTaken({ streamId }));
    assert.ok(taken.length > 400 && taken.length < 600, String(taken.length));
    const [one = ""] = taken;
    const other = streams.find((streamId) => !taken.includes(streamId)) ?? "";
    assert.equal(isTaken({ streamId: other, left: { id: one } }), true);
    assert.deepEqual(inShort(decided(snapshot, { streamId: other })), ["graphs sampled-out"]);
  });

  it("tells of the whole when it is over, and measures what goes on", () => {
    const snapshot = reportingSnapshot(MESH, {
      policy: "lines",
      match: "everything",
      telemetry: [{ id: "line", to: "lines", when: "response.code > 0", with: { a: "b" } }],
    });
    const begun = { ...FINISHED, request: "begun" } as const;
    assert.deepEqual(inShort(decided(snapshot, { responseCode: 200 }, begun)), ["graphs measurement"]);
    assert.deepEqual(decided(snapshot, {}, begun).missing, []);
    assert.deepEqual(inShort(decided(snapshot, { responseCode: 200 })), [
      'lines fields a="b"',
      "graphs measurement",
    ]);
    const connection = { opened: true, closed: false, sentBytes: 0, receivedBytes: 0 };
    const open = { ...FINISHED, request: "none", connection } as const;
    assert.deepEqual(inShort(decided(snapshot, { kind: "tcp" }, open)), ["graphs measurement"]);
  });

  it("makes a line without fields of a rule without preset, and names the rule", () => {
    const snapshot = reportingSnapshot({
      policy: "a",
      match: "everything",
      telemetry: [
        { id: "own", to: "lines", with: { a: "b" } },
        { id: "classic", to: "lines", preset: "access-log" },
      ],
    });
    const records = decided(snapshot).wanted.map(({ outcome }) =>
      outcome === "sampled-out" || outcome.kind !== "fields"
        ? undefined
        : [outcome.rule, outcome.fields.size],
    );
    assert.deepEqual(records, [
      ["a/own", 0],
      ["a/classic", 1],
    ]);
  });

  it("wants nothing where no policy has telemetry", () => {
    assert.deepEqual(
      decided(reportingSnapshot({ policy: "a", match: "everything", default: "deny" })).wanted,
      [],
    );
  });
});
