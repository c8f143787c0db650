import assert from "node:assert/strict";
import { linesOf, replaced, stateOf, type Files } from "./changed.ts";

const ORDERS = `weir: 1
policy: orders
use: [platform]
match:
  hosts: [orders.example.com]
let:
  reads: request.method == "GET"
rules:
  - id: signed-in
    require: has(auth.user)
    status: 401
  - id: owner
    when: reads
    allow: auth.user.sub == path.owner
    request:
      set: { x-user: alice }
default: deny
`;
const SHARED = `weir: 1
shared: platform
identities:
  user:
    jwt: { issuer: "https://idp.example.com", audiences: [mesh], jwks: { file: jwks.json }, claims: { sub: string } }
  partner: { apiKey: { header: x-api-key, keys: keys.yaml } }
data: { plans: plans.yaml, blocked: blocked.txt }
`;
const KEYS = `weir: 1
keys:
  - id: acme
    plan: gold
    digest: ${"a".repeat(64)}
`;
const SERVER = `weir: 1
ungoverned: deny
listen: { grpc: { address: 127.0.0.1:9191 } }
`;
const OVERRIDES = `weir: 1
overrides:
  - { rule: orders/owner, mode: shadow, until: 2099-01-01T00:00:00Z, reason: INC-1 }
`;
const ALL: Files = {
  "p/orders.yaml": ORDERS,
  "p/platform.yaml": SHARED,
  "p/keys.yaml": KEYS,
  "p/plans.yaml": "gold: [GET, PUT]\nfree: { daily: 10 }\n",
  "p/blocked.txt": "10.0.0.1\n10.0.0.2\n",
  "p/jwks.json": '{"keys":[]}',
  "p/weir.yaml": SERVER,
  "p/overrides.yaml": OVERRIDES,
};

/** `ALL` with parts of one file's text replaced. */
const having = (path: string, ...pairs: Parameters<typeof replaced>[1]): Files => ({
  ...ALL,
  [path]: replaced(ALL[path] ?? "", pairs),
});

const without = (...paths: readonly string[]): Files =>
  Object.fromEntries(Object.entries(ALL).filter(([path]) => !paths.includes(path)));

const OWNER = `  - id: owner
    when: reads
    allow: auth.user.sub == path.owner
    request:
      set: { x-user: alice }
`;

const QUOTAS = `quotas:
  - { id: per-user, key: [auth.user.sub], windows: [{ limit: 9, per: day }] }
  - { id: all, windows: [{ limit: 100, per: hour }] }
`;

describe("what changes in the files", () => {
  const rows: Readonly<Record<string, readonly [after: Files, lines: readonly string[]]>> = {
    "nothing, when nothing does": [ALL, []],
    "nothing, when a file moves with what it names, and is laid out otherwise": [
      {
        ...Object.fromEntries(Object.entries(ALL).map(([path, text]) => [`elsewhere/${path}`, text])),
        "elsewhere/p/orders.yaml": ORDERS.replace(
          "allow: auth",
          "# Who owns it.\n    allow: |\n      auth",
        ).replace("hosts: [orders.example.com]", "hosts:\n    - orders.example.com"),
      },
      [],
    ],
    "a condition": [
      having("p/orders.yaml", ["auth.user.sub == path.owner", "auth.user.sub != path.owner"]),
      [
        "changed rule orders/owner",
        "- allow: auth.user.sub == path.owner",
        "+ allow: auth.user.sub != path.owner",
      ],
    ],
    "the kind of a rule, its when, its answer": [
      having("p/orders.yaml", [
        "require: has(auth.user)\n    status: 401",
        "deny: has(auth.user)\n    when: reads\n    status: 403",
      ]),
      [
        "changed rule orders/signed-in",
        ...[
          "- require: has(auth.user)",
          "- status: 401",
          "+ status: 403",
          "+ deny: has(auth.user)",
          "+ when: reads",
        ],
      ],
    ],
    effects: [
      having("p/orders.yaml", ["{ x-user: alice }", "{ x-user: bob, x-team: a }"]),
      [
        "changed rule orders/owner",
        "- request.set.x-user: alice",
        "+ request.set.x-user: bob",
        "+ request.set.x-team: a",
      ],
    ],
    "a rule less and one more, which is no change of their order": [
      having("p/orders.yaml", [OWNER, "  - id: all\n    allow: reads\n"]),
      [
        "removed rule orders/owner",
        ...["- when: reads", "- allow: auth.user.sub == path.owner", "- request.set.x-user: alice"],
        ...["added rule orders/all", "+ allow: reads"],
      ],
    ],
    "the order of rules": [
      having("p/orders.yaml", [OWNER, ""], ["rules:\n", `rules:\n${OWNER}`]),
      ["changed policy orders", "- order of rules: signed-in, owner", "+ order of rules: owner, signed-in"],
    ],
    "a rule into shadow, with another change": [
      having("p/orders.yaml", ["status: 401", "status: 403\n    mode: { enforce: 0%, by: path.owner }"]),
      [
        "to-shadow rule orders/signed-in",
        ...["- status: 401", "+ status: 403", "+ mode.enforce: 0%", "+ mode.by: path.owner"],
      ],
    ],
    "a whole policy into shadow": [
      having("p/orders.yaml", ["default: deny", "default: deny\nmode: shadow"]),
      ["to-shadow policy orders", "+ mode: shadow"],
    ],
    "what of a policy is no rule": [
      having(
        "p/orders.yaml",
        ["[orders.example.com]", "[orders.example.com, shop.example.com]"],
        ['"GET"', '"PUT"'],
        ["default: deny", "default: allow"],
      ),
      [
        "changed policy orders",
        ...["- match.hosts: [orders.example.com]", "+ match.hosts: [orders.example.com, shop.example.com]"],
        ...['- let.reads: request.method == "GET"', '+ let.reads: request.method == "PUT"'],
        ...["- default: deny", "+ default: allow"],
      ],
    ],
    "a policy that goes, with its rules": [
      without("p/orders.yaml"),
      [
        "removed policy orders",
        ...[
          "- use: [platform]",
          "- match.hosts: [orders.example.com]",
          '- let.reads: request.method == "GET"',
          "- default: deny",
        ],
        ...["removed rule orders/signed-in", "- require: has(auth.user)", "- status: 401"],
        ...[
          "removed rule orders/owner",
          "- when: reads",
          "- allow: auth.user.sub == path.owner",
          "- request.set.x-user: alice",
        ],
      ],
    ],
    "an identity of a shared file, with the policies that use it": [
      having("p/platform.yaml", ["audiences: [mesh]", "audiences: [mesh, shop]"]),
      [
        "changed shared platform (orders)",
        ...["- identities.user.jwt.audiences: [mesh]", "+ identities.user.jwt.audiences: [mesh, shop]"],
      ],
    ],
    "what data holds": [
      {
        ...ALL,
        "p/plans.yaml": "gold: [GET]\nfree: { daily: 10 }\nsilver: {}\n",
        "p/blocked.txt": "10.0.0.2\n10.0.0.3\n",
      },
      [
        "changed shared platform (orders)",
        ...[
          '- data.plans["gold"]: ["GET", "PUT"]',
          '+ data.plans["gold"]: ["GET"]',
          '- data.blocked "10.0.0.1": listed',
        ],
        ...['+ data.plans["silver"]: {}', '+ data.blocked "10.0.0.3": listed'],
      ],
    ],
    "API keys, of which no more than the first digits are shown": [
      {
        ...ALL,
        "p/keys.yaml": `${KEYS.replace("gold", "free")}  - id: globex\n    digest: ${"b".repeat(64)}\n    notAfter: 2099-01-01T00:00:00Z\n`,
      },
      [
        "changed shared platform (orders)",
        ...[
          "- identities.partner.apiKey.keys acme aaaaaaaa: plan gold",
          "+ identities.partner.apiKey.keys acme aaaaaaaa: plan free",
        ],
        "+ identities.partner.apiKey.keys globex bbbbbbbb: no plan, until 2099-01-01T00:00:00.000Z",
      ],
    ],
    "a key set, of which a digest is shown": [
      { ...ALL, "p/jwks.json": '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}' },
      [
        "changed shared platform (orders)",
        ...[
          "- identities.user.jwt.jwks.file content: sha256 9638d1191473",
          "+ identities.user.jwt.jwks.file content: sha256 670444855fbb",
        ],
      ],
    ],
    "an override": [
      having("p/overrides.yaml", ["mode: shadow", "mode: enforce"]),
      ["to-enforcement override orders/owner", "- mode: shadow", "+ mode: enforce"],
    ],
    "an override that is lifted": [
      without("p/overrides.yaml"),
      ["removed override orders/owner", "- mode: shadow", "- until: 2099-01-01T00:00:00Z", "- reason: INC-1"],
    ],
    "what of weir.yaml decides, and not where it listens": [
      having(
        "p/weir.yaml",
        ["ungoverned: deny", "ungoverned: allow"],
        ["9191 }", '9292, allow: [{ san: "spiffe://a/ns/b/sa/c" }] }'],
        ["weir: 1\n", "weir: 1\nmaxInFlight: 5\n"],
      ),
      [
        "changed server weir.yaml",
        ...[
          "- ungoverned: deny",
          "+ ungoverned: allow",
          '+ listen.grpc.allow: [{san: "spiffe://a/ns/b/sa/c"}]',
        ],
      ],
    ],
    "a file with errors, by its text": [
      having(
        "p/orders.yaml",
        ["auth.user.sub == path.owner", "auth.user.sub === path.owner"],
        ["status: 401", "stauts: 401"],
      ),
      [
        "changed rule orders/signed-in",
        ...["- status: 401", "+ stauts: 401"],
        "changed rule orders/owner",
        ...["- allow: auth.user.sub == path.owner", "+ allow: auth.user.sub === path.owner"],
      ],
    ],
  };
  for (const [what, [after, lines]] of Object.entries(rows)) {
    it(what, () => assert.deepEqual(linesOf(stateOf(ALL), stateOf(after)), lines));
  }

  it("are quotas one by one, in whatever order they stand", () => {
    const before = having("p/orders.yaml", ["rules:\n", `${QUOTAS}rules:\n`]);
    const changed = (...pairs: Parameters<typeof replaced>[1]): Files => ({
      ...before,
      "p/orders.yaml": replaced(before["p/orders.yaml"] ?? "", pairs),
    });
    const [, perUser = "", all = ""] = QUOTAS.split(/(?<=\n)/);
    assert.deepEqual(linesOf(stateOf(before), stateOf(changed([QUOTAS, `quotas:\n${all}${perUser}`]))), []);
    assert.deepEqual(
      linesOf(
        stateOf(before),
        stateOf(changed(["limit: 9,", "limit: 8,"], ["id: all,", "id: all, mode: shadow,"])),
      ),
      [
        "changed quota orders/per-user",
        ...["- windows: [{limit: 9, per: day}]", "+ windows: [{limit: 8, per: day}]"],
        ...["to-shadow quota orders/all", "+ mode: shadow"],
      ],
    );
    assert.deepEqual(linesOf(stateOf(before), stateOf(changed([all, ""]))), [
      "removed quota orders/all",
      "- windows: [{limit: 100, per: hour}]",
    ]);
  });

  it("the file of a handler, by a digest of its content", () => {
    const key = "handlers.blocked.config.file content";
    const states = ["one", "two"].map((digest) => stateOf(ALL, new Map([[key, digest]])));
    const [before, after] = states;
    assert.ok(before !== undefined && after !== undefined);
    assert.deepEqual(linesOf(before, after), ["changed server weir.yaml", `- ${key}: one`, `+ ${key}: two`]);
  });

  it("all of it, where there was nothing", () => {
    const lines = linesOf(stateOf({}), stateOf(ALL));
    assert.deepEqual(
      lines.filter((line) => !line.startsWith("+")),
      [
        ...["added policy orders", "added rule orders/signed-in", "added rule orders/owner"],
        ...["added shared platform (orders)", "added override orders/owner", "added server weir.yaml"],
      ],
    );
  });
});
