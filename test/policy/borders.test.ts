import assert from "node:assert/strict";
import { fakeAdapter } from "../runtime/fixture.ts";
import { worldOf } from "../check/fixture.ts";
import { compileConfiguration, type Configuration } from "../../src/policy/compile.ts";
import { loadFiles, type Loaded } from "../../src/policy/load.ts";

const AT_MS = Date.parse("2026-06-01T00:00:00Z");

const SERVER = `weir: 1
secrets: { pepper: { env: PEPPER } }
handlers:
  one: { adapter: verifying, config: { about: x } }
  two: { adapter: verifying, config: { about: y } }
teams:
  orders:
    folder: teams/orders
    owns: { hosts: [orders.example.com, "*.orders.example.com"], destinations: [shop/orders, ops/*] }
    may: { handlers: [one] }
  billing: { folder: teams/billing, owns: { hosts: [billing.example.com] } }
`;

/** All good; tests put other texts in their place. */
const GOOD: Readonly<Record<string, string>> = {
  "weir.yaml": SERVER,
  "platform.yaml": "weir: 1\nshared: platform\nlet:\n  reads: request.method == 'GET'\n",
  "guard.yaml":
    "weir: 1\npolicy: guard\nmatch: everything\nrules:\n  - id: no\n    deny: request.method == 'TRACE'\n",
  "teams/billing/shared.yaml": "weir: 1\nshared: money\nlet:\n  reads: request.method == 'GET'\n",
  "teams/billing/policy.yaml":
    "weir: 1\npolicy: billing\nmatch: { hosts: [billing.example.com] }\nrules:\n  - id: all\n    allow: request.method == 'GET'\n",
  "teams/orders/policy.yaml":
    "weir: 1\npolicy: orders\nmatch: { hosts: [orders.example.com] }\nrules:\n  - id: all\n    allow: request.method == 'GET'\n",
};

const NAMED: Readonly<Record<string, string>> = {
  "teams/orders/tiers.yaml": "gold: 5\n",
  "teams/billing/tiers.yaml": "gold: 5\n",
  "tiers.yaml": "gold: 5\n",
};

const VERIFYING = { ...fakeAdapter().adapter, id: "verifying", credentialInput: "value" };
const WORLD = worldOf({ adapters: [VERIFYING], nowMs: AT_MS });

const loaded = (files: Readonly<Record<string, string>>): Loaded =>
  loadFiles(
    Object.entries(files).map(([path, text]) => ({ path, text })),
    Object.entries(NAMED).map(([path, text]) => ({ path, text })),
  );

const compiled = (files: Readonly<Record<string, string>>): Configuration =>
  compileConfiguration(loaded({ ...GOOD, ...files }), "test", WORLD);

const found = ({ diagnostics }: Configuration): readonly string[] =>
  diagnostics.map(
    ({ severity, code, file, line, message }) => `${severity} ${code} ${file}:${line} ${message}`,
  );

const policy = (name: string, lines: readonly string[]): string =>
  `weir: 1\npolicy: ${name}\n${lines.join("\n")}\n`;

const ALLOW = ["rules:", "  - id: all", "    allow: request.method == 'GET'"];
const OWN_MATCH = "match: { hosts: [orders.example.com] }";

const ORDERS = "teams/orders/policy.yaml";
const overriding = (rule: string): string =>
  `weir: 1\noverrides:\n  - { rule: ${rule}, mode: shadow, until: "2026-06-02T00:00:00Z", reason: INC-1 }\n`;

const CASES: readonly (readonly [
  what: string,
  files: Readonly<Record<string, string>>,
  findings: readonly string[],
])[] = [
  ["matches what it owns", {}, []],
  [
    "matches hosts below its own, and destinations of its own",
    {
      [ORDERS]: policy("orders", [
        "match: { hosts: [a.orders.example.com], destinations: [ops/any, shop/orders] }",
        ...ALLOW,
      ]),
    },
    [],
  ],
  [
    "matches everything",
    { [ORDERS]: policy("orders", ["match: everything", ...ALLOW]) },
    [`error not-owned ${ORDERS}:3 match: everything is more than the team orders owns`],
  ],
  [
    "matches neither hosts nor destinations",
    { [ORDERS]: policy("orders", ["match: { methods: [GET] }", ...ALLOW]) },
    [`error not-owned ${ORDERS}:3 a policy of the team orders names hosts or destinations`],
  ],
  [
    "matches another's host, and one that contains its own",
    { [ORDERS]: policy("orders", ['match: { hosts: [orders.example.com, "*.example.com"] }', ...ALLOW]) },
    [`error not-owned ${ORDERS}:3 the team orders does not own the host *.example.com`],
  ],
  [
    "matches another's destination beside its own host",
    {
      [ORDERS]: policy("orders", [
        "match: { hosts: [orders.example.com], destinations: [shop/other] }",
        ...ALLOW,
      ]),
    },
    [`error not-owned ${ORDERS}:3 the team orders does not own the destination shop/other`],
  ],
  [
    "asks a handler that it may not",
    {
      [ORDERS]: policy("orders", [
        OWN_MATCH,
        ...ALLOW,
        "  - id: ask-one",
        "    ask: one",
        "  - id: ask-two",
        "    ask: two",
      ]),
    },
    [`error not-owned ${ORDERS}:10 the team orders may not ask two`],
  ],
  [
    "asks a handler and may ask none",
    {
      "weir.yaml": SERVER.replace("handlers: [one]", "handlers: []"),
      [ORDERS]: policy("orders", [OWN_MATCH, ...ALLOW, "  - id: ask-one", "    ask: one"]),
    },
    [`error not-owned ${ORDERS}:8 the team orders may not ask one`],
  ],
  [
    "has callers verified by a handler that it may not ask",
    {
      [ORDERS]: policy("orders", [
        OWN_MATCH,
        "identities:",
        "  partner: { apiKey: { header: x-key, verify: two } }",
        "rules:",
        "  - id: all",
        "    allow: has(auth.partner)",
      ]),
    },
    [`error not-owned ${ORDERS}:5 the team orders may not ask two`],
  ],
  [
    "has a shared file whose callers are verified by such a handler",
    {
      "teams/orders/shared.yaml":
        "weir: 1\nshared: own\nidentities:\n  partner: { apiKey: { header: x-key, verify: two } }\n",
    },
    ["error not-owned teams/orders/shared.yaml:4 the team orders may not ask two"],
  ],
  [
    "uses the platform's shared file and its own",
    {
      "teams/orders/shared.yaml": "weir: 1\nshared: own\nlet:\n  writes: request.method == 'PUT'\n",
      [ORDERS]: policy("orders", [
        "use: [platform, own]",
        OWN_MATCH,
        "rules:",
        "  - id: all",
        "    allow: platform.reads || own.writes",
      ]),
    },
    [],
  ],
  [
    "uses another team's shared file",
    {
      [ORDERS]: policy("orders", [
        "use: [money]",
        OWN_MATCH,
        "rules:",
        "  - id: all",
        "    allow: money.reads",
      ]),
    },
    [`error not-owned ${ORDERS}:3 the shared file money is of the team billing`],
  ],
  [
    "names data of its own",
    { "teams/orders/shared.yaml": "weir: 1\nshared: own\ndata: { tiers: tiers.yaml }\n" },
    [],
  ],
  [
    "names data of the platform",
    { "teams/orders/shared.yaml": "weir: 1\nshared: own\ndata: { tiers: ../../tiers.yaml }\n" },
    ["error not-owned teams/orders/shared.yaml:3 tiers.yaml is not in the folder of the team orders"],
  ],
  [
    "names data of another team",
    { "teams/orders/shared.yaml": "weir: 1\nshared: own\ndata: { tiers: ../billing/tiers.yaml }\n" },
    ["error not-owned teams/orders/shared.yaml:3 teams/billing/tiers.yaml is of the team billing"],
  ],
  ["overrides a rule of its own", { "teams/orders/o.yaml": overriding("orders/all") }, []],
  [
    "overrides a rule of the platform",
    { "teams/orders/o.yaml": overriding("guard/no") },
    ["error not-owned teams/orders/o.yaml:3 the policy guard is not of the team orders"],
  ],
  [
    "overrides a rule that nobody has",
    { "teams/orders/o.yaml": overriding("other/all") },
    ['error unknown-name teams/orders/o.yaml:3 there is no policy "other"'],
  ],
  [
    "has tests that name others' policies, which may go: a warning",
    {
      "teams/orders/t.yaml":
        "weir: 1\ntests: gone\nprincipals: { nobody: {} }\nrequests: { get: {} }\nexpect:\n  - { as: nobody, request: get, allow: gone/rule }\n",
    },
    ['warning unknown-policy teams/orders/t.yaml:2 there is no policy "gone"'],
  ],
  [
    "has a file with nothing in it",
    { [ORDERS]: "" },
    [`error not-weir ${ORDERS}:1 the file has nothing in it`],
  ],
];

describe("a team", () => {
  for (const [what, files, findings] of CASES) {
    it(`that ${what}: ${findings.length === 0 ? "fine" : (findings[0]?.split(" ")[1] ?? "")}`, () => {
      const configuration = compiled(files);
      assert.deepEqual(found(configuration), findings);
      assert.equal(
        configuration.snapshot === undefined,
        findings.some((one) => one.startsWith("error")),
      );
    });
  }
});

describe("the platform beside teams", () => {
  it("uses no shared file of a team", () => {
    const guard = policy("guard", [
      "use: [money]",
      "match: everything",
      "rules:",
      "  - id: no",
      "    deny: money.reads",
    ]);
    assert.deepEqual(found(compiled({ "guard.yaml": guard })), [
      "error not-owned guard.yaml:3 the shared file money is of the team billing",
    ]);
  });

  it("names no file in a team's folder", () => {
    const text = "weir: 1\nshared: own\ndata: { tiers: teams/orders/tiers.yaml }\n";
    assert.deepEqual(found(compiled({ "own.yaml": text })), [
      "error not-owned own.yaml:3 teams/orders/tiers.yaml is of the team orders",
    ]);
  });

  it("overrides any rule, and holds where the team overrides it too", () => {
    const { snapshot, diagnostics } = compiled({
      "o.yaml": overriding("orders/all").replace("shadow", "enforce"),
      "teams/orders/o.yaml": overriding("orders/all"),
    });
    assert.deepEqual(diagnostics, []);
    assert.deepEqual(
      snapshot?.overrides.map(({ policy: id, rule, mode }) => [id, rule, mode]),
      [["orders", "all", "enforce"]],
    );
  });

  it("is warned of an override of what no team has: the team may not be loaded", () => {
    const { snapshot, diagnostics } = compiled({ "o.yaml": overriding("gone/all") });
    assert.deepEqual(
      diagnostics.map(({ severity, code }) => [severity, code]),
      [["warning", "unknown-name"]],
    );
    assert.ok(snapshot);
  });

  it("is the one that has weir.yaml, though a team's is read first", () => {
    const configuration = compiled({ "teams/orders/weir.yaml": "weir: 1\nungoverned: allow\n" });
    assert.deepEqual(found(configuration), [
      "error duplicate-name teams/orders/weir.yaml:1 the server is configured in weir.yaml already",
    ]);
  });

  it("is told of a team whose folder has nothing in it", () => {
    const others = Object.fromEntries(Object.entries(GOOD).filter(([path]) => path !== ORDERS));
    const configuration = compileConfiguration(loaded(others), "test", WORLD);
    assert.deepEqual(found(configuration), [
      "error unreadable-file teams/orders:1 the team orders has no files in its folder",
    ]);
    const unloaded = [{ team: "orders", hosts: [], destinations: [], domains: [] }];
    assert.ok(compileConfiguration(loaded(others), "test", { ...WORLD, unloaded }).snapshot);
  });
});
