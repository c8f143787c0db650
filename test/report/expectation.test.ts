import assert from "node:assert/strict";
import { ownFolder, run } from "../cli/fixture.ts";

const SERVER = `weir: 1
handlers:
  lines: { adapter: stdout }
  mesh: { adapter: prometheus, config: { names: istio, labels: [team] } }
`;

const POLICY = `weir: 1
policy: shop
match: { hosts: [shop.example.com] }
identities:
  user:
    mtls: { trustDomains: [cluster.local] }
rules:
  - { id: reads, allow: 'request.method == "GET" && has(auth.user)' }
telemetry:
  - id: slow
    to: lines
    when: response.duration > duration("1s")
    sample: 1%
    with: { path: "\${request.url_path}", who: "\${auth.user.service_account}", ip: "\${source.ip}" }
  - { id: mesh, to: mesh, preset: istio, with: { team: "\${auth.user.namespace}" } }
  - { id: all, to: lines, preset: access-log }
`;

const TESTS = `weir: 1
tests: shop
principals:
  web: { user: { id: spiffe://cluster.local/ns/web/sa/front } }
  nobody: {}
requests:
  read: { host: shop.example.com, path: "/orders?token=1", source: { address: 10.0.0.7 } }
expect:
`;

const MET = [
  "{ as: web, request: read, allow: reads, carries: { auth.user.service_account: front, auth.user.namespace: web } }",
  "{ as: web, request: read, allow: reads, entry: { duration: 2s }, telemetry: { slow: { path: /orders, who: front, ip: hidden } } }",
  "{ as: web, request: read, allow: reads, entry: { duration: 200ms }, telemetry: { slow: none } }",
  "{ as: web, request: read, allow: reads, entry: { status: 503, flags: [UF] }, telemetry: { mesh: { team: web, response_code: '503', response_flags: UF } } }",
  "{ as: nobody, request: read, deny: default, telemetry: { shop/all: { response_code: '403', response_flags: UAEX, verdict: deny, rule: default, path: /orders } } }",
];

const UNMET: readonly (readonly [expectation: string, said: string])[] = [
  [
    "{ as: nobody, request: read, deny: default, carries: { auth.user.namespace: web } }",
    "expected the carried value auth.user.namespace: web, got none",
  ],
  [
    "{ as: web, request: read, allow: reads, telemetry: { slow: { path: /orders } } }",
    "expected slow to want the entry, it does not: its when has no value",
  ],
  [
    "{ as: web, request: read, allow: reads, entry: { duration: 2s }, telemetry: { slow: none } }",
    "expected slow not to want the entry, it does",
  ],
  [
    "{ as: web, request: read, allow: reads, entry: { duration: 2s }, telemetry: { slow: { who: back } } }",
    "expected slow to tell who: back, got front",
  ],
  [
    "{ as: nobody, request: read, deny: default, telemetry: { mesh: { team: web } } }",
    "expected mesh to tell team: web, got none",
  ],
];

describe("weir test of telemetry", () => {
  const folderOf = ownFolder();
  const runTests = (...expectations: readonly string[]) =>
    run([
      "test",
      folderOf({
        "weir.yaml": SERVER,
        "shop.yaml": POLICY,
        "tests.yaml": TESTS + expectations.map((one) => `  - ${one}\n`).join(""),
      }),
    ]);

  it("is met by what answers carry, and by what rules make of the entry", async () => {
    const { code, printed, complained } = await runTests(...MET);
    assert.equal(code, 0, printed + complained);
    assert.match(printed, /5 met, 0 not met/);
  });

  for (const [expectation, said] of UNMET) {
    it(`fails with what differs: ${said}`, async () => {
      const { code, printed, complained } = await runTests(expectation);
      assert.equal(code, 1, complained);
      assert.ok(printed.includes(said), printed);
    });
  }

  it("refuses rules that are not there, and what no log says", async () => {
    const said = async (more: string): Promise<string> =>
      (await runTests(`{ as: web, request: read, allow: reads, ${more} }`)).complained;
    assert.match(await said("telemetry: { slwo: none }"), /unknown-rule [^]*did you mean "slow"\?/);
    assert.match(await said("telemetry: { mash/slow: none }"), /unknown-policy /);
    assert.match(await said("telemetry: { slow: never }"), /tests\.yaml:9:/);
    assert.match(await said("entry: { flags: [XX] }"), /a response flag of Envoy's/);
  });
});
