import assert from "node:assert/strict";
import { parsePolicy } from "../../src/policy/schema.ts";
import { documentOf, wholeOf } from "./parsed.ts";

const POLICY = `weir: 1
policy: orders
match:
  hosts: [orders.example.com, "*.orders.example.com"]
  paths: ["/orders/{owner}/**"]
  methods: [GET, 5]
  when: has(auth.workload)
except: preflight
let:
  preflight: request.method == "OPTIONS"
  always: true
identities:
  workload: { mtls: { trustDomains: [cluster.local, a.b] } }
rules:
  - id: signed-in
    require: has(auth.workload)
    status: 401
    message: "Who are you, \${client.ip}?"
    response:
      set:
        www-authenticate: Bearer
        retry-after: 1.10
  - id: owner
    when: true
    allow: |
      auth.workload.service_account == path.owner
    mode: shadow
    request:
      set:
        __proto__: \${auth.workload.id}
      remove: [x-user]
  - id: closed
    deny: "false"
    body: '{"a":1}'
    type: application/json
quotas:
  - id: per-user
    when: has(auth.workload)
    key: [auth.workload.id, path.owner]
    windows:
      - limit: 5
        per: 1s
      - limit: unlimited
        per: month
        zone: Europe/Berlin
    mode: shadow
  - id: bytes
    algorithm: bucket
    count: granted
    windows:
      - limit: 100
        per: 1m
        burst: 10 * 2
    onError: deny
    warnAt: 80%
    headers: always
    cost:
      reserve: 5
      settle: 7
      ifLost: release
      within: 30s
default: deny
mode: enforce
audit: required
`;

/** An answer of which the file says nothing. */
const SILENT = {
  ...{ status: undefined, denial: undefined, redirect: undefined },
  ...{ responseSet: new Map(), responseAppend: new Map(), metadata: new Map() },
};

describe("a policy file", () => {
  it("is read whole", () => {
    const policy = wholeOf(parsePolicy(documentOf(POLICY)));
    assert.deepEqual(policy, {
      policy: "orders",
      audit: "required",
      match: {
        hosts: ["orders.example.com", "*.orders.example.com"],
        paths: ["/orders/{owner}/**"],
        methods: ["GET", "5"],
        when: "has(auth.workload)",
      },
      except: "preflight",
      let: new Map([
        ["preflight", 'request.method == "OPTIONS"'],
        ["always", "true"],
      ]),
      identities: new Map([
        ["workload", { kind: "mtls", invalid: "refuse", trustDomains: ["cluster.local", "a.b"] }],
      ]),
      use: [],
      quotas: [
        {
          index: 0,
          id: "per-user",
          when: "has(auth.workload)",
          key: ["auth.workload.id", "path.owner"],
          windows: [
            { limit: "5", period: { kind: "span", ms: 1_000 }, burst: undefined },
            {
              limit: "unlimited",
              period: { kind: "calendar", unit: "month", zone: "Europe/Berlin" },
              burst: undefined,
            },
          ],
          algorithm: "sliding",
          count: "granted",
          onError: "local",
          warnAtPercent: undefined,
          once: undefined,
          headers: "denied",
          cost: undefined,
          mode: { kind: "shadow", untilMs: undefined },
        },
        {
          index: 1,
          id: "bytes",
          when: undefined,
          key: [],
          windows: [{ limit: "100", period: { kind: "span", ms: 60_000 }, burst: "10 * 2" }],
          algorithm: "bucket",
          count: "granted",
          onError: "deny",
          warnAtPercent: 80,
          once: undefined,
          headers: "always",
          cost: { kind: "late", reserve: "5", settle: "7", ifLost: "release", withinMs: 30_000 },
          mode: undefined,
        },
      ],
      telemetry: [],
      rules: [
        {
          index: 0,
          id: "signed-in",
          kind: "require",
          condition: "has(auth.workload)",
          when: undefined,
          mode: undefined,
          answerName: undefined,
          answer: {
            ...SILENT,
            status: 401,
            denial: {
              key: "message",
              content: [
                { kind: "text", value: "Who are you, " },
                { kind: "cel", source: "client.ip", start: 15 },
                { kind: "text", value: "?" },
              ],
              type: undefined,
            },
            responseSet: new Map([
              ["www-authenticate", [{ kind: "text", value: "Bearer" }]],
              ["retry-after", [{ kind: "text", value: "1.10" }]],
            ]),
          },
        },
        {
          index: 1,
          id: "owner",
          kind: "allow",
          condition: "auth.workload.service_account == path.owner\n",
          when: "true",
          mode: { kind: "shadow", untilMs: undefined },
          request: {
            set: new Map([["__proto__", [{ kind: "cel", source: "auth.workload.id", start: 2 }]]]),
            append: new Map(),
            remove: ["x-user"],
            querySet: new Map(),
            queryRemove: [],
          },
          responseSet: new Map(),
          responseAppend: new Map(),
          metadata: new Map(),
        },
        {
          index: 2,
          id: "closed",
          kind: "deny",
          condition: "false",
          when: undefined,
          mode: undefined,
          answerName: undefined,
          answer: {
            ...SILENT,
            denial: {
              key: "body",
              content: [{ kind: "text", value: '{"a":1}' }],
              type: [{ kind: "text", value: "application/json" }],
            },
          },
        },
      ],
      default: { kind: "deny", answerName: undefined },
      mode: { kind: "enforce" },
    });
  });

  it("has no default where it names none, because that makes a guard", () => {
    const policy = wholeOf(parsePolicy(documentOf("weir: 1\npolicy: p\nmatch: everything\n")));
    assert.deepEqual([policy.match, policy.default, policy.rules], ["everything", undefined, []]);
  });

  it("gives each part its place", () => {
    const document = documentOf(POLICY);
    const { source, column, length } = document.at(["rules", 1, "allow"], { start: 33, end: 43 });
    assert.equal(source.slice(column - 1, column - 1 + length), "path.owner");
    assert.equal(document.at(["rules", 1, "request", "set", "__proto__"], { start: 2, end: 6 }).column, 22);
  });

  it("is read without its faulty rules, so that the others are checked in the same run", () => {
    const text = `weir: 1
policy: p
match: everything
colour: red
rules:
  - id: a
    allow: !x
  - id: b
    deny: "true"
    status: 700
  - id: c
    deny: "true"
  - id: c
    deny: "true"
  - id: d
    denny: "true"
    deny: "true"
`;
    const { value, isWhole, diagnostics } = parsePolicy(documentOf(text));
    assert.equal(isWhole, false);
    assert.deepEqual(
      value?.rules.map(({ id, index }) => [id, index]),
      [
        ["c", 2],
        ["d", 4],
      ],
    );
    assert.deepEqual(
      diagnostics.map(({ line, code }) => [line, code]),
      [
        [4, "unknown-key"],
        [10, "wrong-value"],
        [13, "duplicate-name"],
        [16, "unknown-key"],
      ],
    );
  });

  const useless: readonly (readonly [string, string])[] = [
    ["a name that rules may use is faulty", "let: { A: x }\nrules: [{ id: a, deny: x }]"],
    ["an identity is faulty", "identities: { user: { jwt: {} } }\nrules: [{ id: a, deny: x }]"],
    ["the match is faulty", "match: [a]\nrules: [{ id: a, deny: x }]"],
  ];
  for (const [why, text] of useless) {
    it(`is not compiled in part where ${why}`, () => {
      const match = text.startsWith("match") ? "" : "match: everything\n";
      const { value, diagnostics } = parsePolicy(documentOf(`weir: 1\npolicy: p\n${match}${text}\n`));
      assert.equal(value, undefined);
      assert.ok(diagnostics.length > 0);
    });
  }

  it("has at most a thousand rules", () => {
    const rules = (count: number) =>
      Array.from({ length: count }, (_, index) => `  - { id: r${index}, deny: x }\n`).join("");
    const head = "weir: 1\npolicy: p\nmatch: everything\nrules:\n";
    assert.equal(wholeOf(parsePolicy(documentOf(head + rules(1000)))).rules.length, 1000);
    const [tooMany] = parsePolicy(documentOf(head + rules(1001))).diagnostics;
    assert.deepEqual([tooMany?.code, tooMany?.line], ["wrong-value", 4]);
  });

  const ids: readonly (readonly [string, string | undefined])[] = [
    ["a", undefined],
    ["a_b-9", undefined],
    ["a".repeat(63), undefined],
    ["a".repeat(64), "wrong-value"],
    ["9a", "wrong-value"],
    ["A", "wrong-value"],
    ["a/b", "wrong-value"],
    ["weir", "reserved-name"],
    ["weird", "reserved-name"],
  ];
  for (const [id, code] of ids) {
    it(`named ${id} is ${code ?? "taken"}`, () => {
      const { diagnostics } = parsePolicy(documentOf(`weir: 1\npolicy: ${id}\nmatch: everything\n`));
      assert.deepEqual(
        diagnostics.map((one) => one.code),
        code === undefined ? [] : [code],
      );
    });
  }
});
