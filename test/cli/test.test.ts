import assert from "node:assert/strict";
import { ORDERS, ownFolder, run, TESTS } from "./fixture.ts";

const GOOD = [
  '{ as: web, request: read, allow: reads, sets: { x-workload: "spiffe://cluster.local/ns/shop/sa/web" }, removes: [x-debug], response: { x-by: weir } }',
  "{ as: web, request: write, deny: default, status: 403 }",
  "{ as: nobody, request: read, deny: signed-in, status: 401, body: Who are you? }",
];

const testsOf = (expectations: readonly string[]): string =>
  TESTS + expectations.map((one) => `  - ${one}\n`).join("");

describe("weir test", () => {
  const folderOf = ownFolder();
  const runTests = (expectations: readonly string[], ...options: readonly string[]) =>
    run([
      "test",
      ...options,
      folderOf({ "orders.yaml": ORDERS, "tests/orders.yaml": testsOf(expectations) }),
    ]);

  it("says what is met, what no expectation speaks of, and which rules were decided", async () => {
    const { code, printed } = await runTests(GOOD);
    assert.equal(code, 0);
    assert.match(printed, /ok {4}web \(given\) read: allow reads\n/);
    assert.match(printed, /1 pair of principal and request with no expectation\n/);
    assert.match(printed, /3 met, 0 not met; 2 of 2 rules decided by a test\n$/);
  });

  const unmet: readonly (readonly [expectation: string, difference: string])[] = [
    [
      "{ as: web, request: read, deny: signed-in }",
      "expected deny by orders/signed-in, got allow by orders/reads",
    ],
    [
      "{ as: web, request: write, allow: reads }",
      "expected allow by orders/reads, got deny by orders/default",
    ],
    [
      "{ as: nobody, request: read, deny: default }",
      "expected deny by orders/default, got deny by orders/signed-in",
    ],
    [
      "{ as: nobody, request: read, error: signed-in }",
      "expected error by orders/signed-in, got deny by orders/signed-in",
    ],
    ["{ as: nobody, request: read, deny: signed-in, status: 403 }", "expected status 403, got 401"],
    ["{ as: nobody, request: read, deny: signed-in, body: No. }", 'expected body "No.", got "Who are you?'],
    [
      "{ as: web, request: read, allow: reads, sets: { x-workload: me } }",
      "expected the request header x-workload: me, got spiffe",
    ],
    [
      "{ as: web, request: read, allow: reads, sets: { x-b: me } }",
      "expected the request header x-b: me, got none",
    ],
    [
      "{ as: web, request: read, allow: reads, removes: [x-b] }",
      "expected the request header x-b to be removed, it is not",
    ],
    [
      "{ as: web, request: read, allow: reads, response: { x-by: me } }",
      "expected the response header x-by: me, got weir",
    ],
  ];
  for (const [expectation, difference] of unmet) {
    it(`fails, with its place, for ${expectation}`, async () => {
      const { code, printed } = await runTests([expectation]);
      assert.equal(code, 1);
      assert.ok(printed.includes(difference), printed);
      assert.match(printed, /FAIL [^\n]*\n +at [^\n]*tests\/orders\.yaml:10:5\n/);
      assert.match(
        printed,
        /0 met, 1 not met; 0 of 2 rules decided by a test; not decided: orders\/signed-in, orders\/reads\n$/,
      );
    });
  }

  it("fails when fewer rules are decided than are required", async () => {
    const some = GOOD.slice(1);
    assert.equal((await runTests(some)).code, 0);
    assert.equal((await runTests(some, "--require", "rules=50%")).code, 0);
    const { code, complained } = await runTests(some, "--require", "rules=51%");
    assert.equal(code, 1);
    assert.match(complained, /fewer than 51% of the rules are decided by a test/);
    assert.equal((await runTests(GOOD, "--require", "rules=100%")).code, 0);
  });

  it("tests nothing of a configuration that would not go live, and says why", async () => {
    const { code, printed, complained } = await runTests(["{ as: web, request: read, allow: raeds }"]);
    assert.deepEqual([code, printed], [1, ""]);
    assert.match(complained, /unknown-rule [^]*did you mean "reads"\?[^]*nothing was tested\n$/);
  });

  it("lets credentials prove what they prove", async () => {
    const text = testsOf(["{ as: web, request: read, deny: signed-in }"]).replace(
      "{ workload: { id: spiffe://cluster.local/ns/shop/sa/web } }",
      "{ credentials: { spiffe: spiffe://elsewhere.example/ns/shop/sa/web } }",
    );
    const { code, printed } = await run(["test", folderOf({ "orders.yaml": ORDERS, "tests.yaml": text })]);
    assert.equal(code, 0, printed);
    assert.match(printed, /ok {4}web \(proved\) read: deny signed-in/);
  });

  it("slows nobody who is described with bad credentials", async () => {
    const keys = `weir: 1\nkeys:\n  - id: acme\n    digest: ${"0".repeat(64)}\n`;
    const policy = ORDERS.replace(
      "mtls: { trustDomains: [cluster.local] }",
      "apiKey: { header: x-api-key, keys: keys.yaml }",
    );
    const expectations = "  - { as: guesser, request: read, deny: identity/workload, status: 401 }\n".repeat(
      300,
    );
    const tests = `weir: 1
tests: orders
principals: { guesser: { credentials: { headers: { x-api-key: weir_is-it-this-one } } } }
requests: { read: { host: orders.example.com, path: /, source: { address: 10.0.0.1 } } }
expect:
${expectations}`;
    const server = "weir: 1\nsecrets: { pepper: { env: PEPPER } }\n";
    const folder = folderOf({
      "orders.yaml": policy,
      "keys.yaml": keys,
      "tests.yaml": tests,
      "weir.yaml": server,
    });
    const environment = { PEPPER: "a pepper of the tests alone" };
    const { code, printed } = await run(["test", folder], AbortSignal.abort(), environment);
    assert.equal(code, 0, printed);
  });

  it("meets every expectation of the shipped policies, with every rule decided", async () => {
    const { code, printed } = await run(["test", "--require", "rules=100%", "policies"]);
    assert.equal(code, 0, printed);
  });
});
