import assert from "node:assert/strict";
import type { Outcome } from "../../src/check/expectation.ts";
import { tryExpectation } from "../../src/check/expectation.ts";
import type { Verifier } from "../../src/identity/verifier.ts";
import { parseTests } from "../../src/policy/schema.ts";
import { documentOf, wholeOf } from "../policy/parsed.ts";
import { policy, rule, YES } from "./conditions.ts";
import type { File } from "./fixture.ts";
import { ask, holds, jwt, snapshotWith, verified } from "./stubs.ts";

const TESTS = `weir: 1
tests: a
now: 2026-01-01T00:00:00Z
principals:
  alice: { user: { sub: alice }, partner: { plan: gold } }
  token: { credentials: { spiffe: "spiffe://cluster.local/ns/shop/sa/web", headers: { Authorization: Bearer x } } }
  nobody: {}
requests:
  get: { host: a.example.com, path: /a }
  put: { method: PUT, host: a.example.com, path: /a, body: '{"a":1}', headers: { content-type: application/json } }
  tcp: { protocol: tcp, source: { spiffe: "spiffe://cluster.local/ns/shop/sa/web" } }
backends:
  plans:
    alice: { allow: true, plan: gold, limit: 5 }
    nobody: { deny: true, status: 402, message: No plan. }
expect:
`;

/** What becomes of one expectation, written as in a file. */
async function tried(files: readonly File[], expectation: string, verifier?: Verifier): Promise<Outcome> {
  const file = wholeOf(parseTests(documentOf(`${TESTS}  - ${expectation}\n`)));
  const snapshot = snapshotWith(files);
  const verifiers = new Map(verifier === undefined ? [] : snapshot.identities.map((one) => [one, verifier]));
  const [first] = file.expect;
  assert.ok(first);
  return tryExpectation({ snapshot, file, verifiers, nowMs: 0 }, first);
}

const identities = { user: jwt(), partner: verified() };
const plan = policy("a", [ask(), rule("allow", 'plan.plan == "gold" && plan.limit + 1 == 6')]);
const effects = policy("a", [
  rule("allow", YES, {
    request: { set: { "X-User": "alice" }, remove: ["x-debug"], query: { set: { v: "2" } } },
    response: { set: { "x-seen": "1" }, append: { vary: "x" } },
    metadata: { team: "red" },
  }),
]);
const signedIn = policy(
  "a",
  [rule("require", "has(auth.user)", { status: 401 }), rule("allow", "has(auth.partner)")],
  {
    identities,
  },
);

describe("an expectation", () => {
  const rows: readonly (readonly [
    expectation: string,
    files: readonly File[],
    differences: readonly string[],
  ])[] = [
    ["{ as: alice, request: get, allow: allows }", [signedIn], []],
    ["{ as: nobody, request: get, deny: requires, status: 401 }", [signedIn], []],
    ["{ as: alice, request: get, allow: allows }", [plan], []],
    ["{ as: nobody, request: get, deny: plan, status: 402, body: No plan. }", [plan], []],
    ["{ as: alice, request: get, error: plan, backends: { plans: timeout } }", [plan], []],
    ["{ as: token, request: get, error: plan }", [plan], []],
    [
      "{ as: alice, request: get, deny: a/default, backends: { plans: { allow: true, plan: tin } } }",
      [plan],
      [],
    ],
    [
      "{ as: alice, request: get, allow: allows, backends: { plans: deny } }",
      [plan],
      ["expected allow by a/allows, got deny by a/plan"],
    ],
    [
      "{ as: alice, request: get, allow: allows, sets: { x-user: alice }, removes: [x-debug], response: { x-seen: '1', vary: x }, query: { v: '2' }, metadata: { team: red } }",
      [effects],
      [],
    ],
    [
      "{ as: alice, request: get, allow: allows, sets: { x-user: bob }, query: { v: '3', w: '1' }, metadata: { team: blue } }",
      [effects],
      [
        "expected the request header x-user: bob, got alice",
        "expected the query parameter v: 3, got 2",
        "expected the query parameter w: 1, got none",
        "expected the metadata field team: blue, got red",
      ],
    ],
    [
      "{ as: alice, request: put, allow: allows }",
      [policy("a", [rule("allow", 'request.json.a == 1.0 && request.method == "PUT"')])],
      [],
    ],
    [
      "{ as: alice, request: get, deny: allows, status: 400 }",
      [policy("a", [rule("allow", "request.json.a == 1.0")])],
      [],
    ],
    [
      "{ as: nobody, request: tcp, allow: allows }",
      [policy("a", [rule("allow", 'source.namespace == "shop"')], { match: { protocol: "tcp" } })],
      [],
    ],
    ["{ as: nobody, request: get, deny: weir/ungoverned }", [], []],
    ["{ as: nobody, request: get, deny: b/denys }", [effects, policy("b", [rule("deny", YES)])], []],
    ["{ as: nobody, request: get, allow: b/allows }", [effects, policy("b", [rule("allow", YES)])], []],
  ];
  for (const [expectation, files, differences] of rows) {
    it(`${expectation} is ${differences.length === 0 ? "met" : "not met"}`, async () => {
      assert.deepEqual((await tried(files, expectation)).differences, differences);
    });
  }
});

describe("an expectation with raw credentials", () => {
  const file = policy("a", [rule("require", "has(auth.user) && has(auth.workload)"), rule("allow", YES)], {
    identities: { user: jwt(), workload: { mtls: { trustDomains: ["cluster.local"] } } },
  });
  const verifier = (found: Verifier["find"]): Verifier => ({
    find: found,
    status: () => ({ state: "ready", detail: "" }),
    start: () => undefined,
    close: () => undefined,
  });

  it("goes through the verifiers of the configuration", async () => {
    const seen: (string | undefined)[] = [];
    const good = verifier(({ headers }, nowMs) => {
      seen.push(headers.get("authorization"), String(nowMs));
      return Promise.resolve(holds({ sub: "alice" }));
    });
    const { differences } = await tried([file], "{ as: token, request: get, allow: allows }", good);
    assert.deepEqual(differences, []);
    assert.deepEqual(seen, ["Bearer x", String(Date.UTC(2026, 0, 1))]);
  });

  for (const name of ["identity/user", "a/identity/user"]) {
    it(`names the refusal of an identity: ${name}`, async () => {
      const bad = verifier(() => ({ kind: "bad", reason: "" }));
      const { differences } = await tried(
        [file],
        `{ as: token, request: get, deny: ${name}, status: 401 }`,
        bad,
      );
      assert.deepEqual(differences, []);
    });
  }
});
