import assert from "node:assert/strict";
import type { Allowed } from "../../src/check/verdict.ts";
import { granting, MISSING, NO, outcome, policy, rule, YES } from "./conditions.ts";
import { type Asked, type File, inShort, snapshotOf, verdictOn } from "./fixture.ts";

function allowed(files: readonly File[], asked: Asked = {}): Allowed {
  const verdict = verdictOn(snapshotOf(...files), asked);
  return verdict.kind === "allow" ? verdict : assert.fail(inShort(verdict));
}

const setting = (set: object, more: object = {}): object => ({ request: { set }, ...more });

describe("what a grant does", () => {
  const two = policy("a", [
    { id: "one", allow: NO, ...setting({ "x-by": "one" }) },
    { id: "two", allow: YES, ...setting({ "x-by": "two" }), response: { set: { "x-seen": "two" } } },
    { id: "three", allow: YES, ...setting({ "x-by": "three", "x-three": "3" }) },
  ]);

  it("is what the first allow that holds says, and only that one", () => {
    const { by, requestSet, requestRemove, responseSet } = allowed([two]);
    assert.deepEqual(by, { policy: "a", rule: "two" });
    assert.deepEqual(requestSet, [["x-by", "two"]]);
    assert.deepEqual(requestRemove, ["x-three"]);
    assert.deepEqual(responseSet, [["x-seen", "two"]]);
  });

  it("is what the first allow of each granting policy says, by name", () => {
    const other = policy("b", [rule("allow", YES, setting({ "x-b": "b" }))]);
    const { by, requestSet } = allowed([other, two]);
    assert.deepEqual(by, { policy: "a", rule: "two" });
    assert.deepEqual(requestSet, [
      ["x-by", "two"],
      ["x-b", "b"],
    ]);
  });

  it("replaces expressions, as CEL's string() writes them", () => {
    const set = { "x-all": "${request.method}/${size(request.path)}-${true}$${x} 5$", "X-Upper": "kept" };
    const { requestSet } = allowed([policy("a", [rule("allow", YES, setting(set))])]);
    assert.deepEqual(requestSet, [
      ["x-all", "GET/1-true${x} 5$"],
      ["x-upper", "kept"],
    ]);
  });

  it("removes headers, and never one that it sets", () => {
    const removing = policy("b", [rule("allow", YES, { request: { remove: ["X-Debug", "x-by"] } })]);
    const { requestSet, requestRemove } = allowed([two, removing]);
    assert.deepEqual(requestSet, [["x-by", "two"]]);
    assert.deepEqual([...requestRemove].sort(), ["x-debug", "x-three"]);
  });

  it("is nothing where `default: allow` or `ungoverned: allow` grants", () => {
    const open = policy("a", [], { match: { methods: ["GET"] }, default: "allow" });
    for (const [files, by] of [
      [[open], { policy: "a", rule: "default" }],
      [[{ ungoverned: "allow" }], { policy: "", rule: "weir/ungoverned" }],
    ] as const) {
      const verdict = allowed(files);
      assert.deepEqual(verdict.by, by);
      assert.deepEqual([verdict.requestSet, verdict.requestRemove, verdict.responseSet], [[], [], []]);
    }
  });

  it("may read what `when` or the condition proves", () => {
    const match = { paths: ["/o/{owner}", "/o"] };
    const set = { "x-owner": "${path.owner}" };
    const proven = policy(
      "a",
      [
        { id: "when", when: "has(path.owner)", allow: YES, request: { set }, response: { set } },
        { id: "other", allow: YES },
      ],
      { match },
    );
    const { requestSet, responseSet } = allowed([proven], { path: "/o/bob" });
    assert.deepEqual([requestSet, responseSet], [[["x-owner", "bob"]], [["x-owner", "bob"]]]);
    assert.deepEqual(allowed([proven], { path: "/o" }).requestRemove, ["x-owner"]);
  });
});

describe("a header that a policy sets", () => {
  const client = { headers: { "x-user": "root", "x-other": "1" } };
  const owner = policy("a", [
    { id: "named", allow: 'request.query == "named"', ...setting({ "X-User": "alice" }) },
    { id: "anonymous", allow: YES },
  ]);
  const shadowed = policy("a", [
    { id: "named", allow: YES, mode: "shadow", ...setting({ "x-user": "alice" }) },
    { id: "anonymous", allow: YES },
  ]);
  const rows: readonly (readonly [
    what: string,
    files: readonly File[],
    asked: Asked,
    set: object,
    removed: readonly string[],
  ])[] = [
    ["is set where its rule grants", [owner], { ...client, path: "/?named" }, { "x-user": "alice" }, []],
    ["is removed where another rule grants", [owner], client, {}, ["x-user"]],
    ["is removed where another policy grants too", [owner, granting], client, {}, ["x-user"]],
    [
      "is left alone where its policy does not match",
      [
        policy("a", [rule("allow", YES, setting({ "x-user": "alice" }))], { match: { hosts: ["b.com"] } }),
        granting,
      ],
      client,
      {},
      [],
    ],
    ["is left alone where its rule is in shadow", [shadowed], client, {}, []],
    [
      "is left alone where its file is in shadow",
      [policy("a", [rule("allow", YES, setting({ "x-user": "alice" }))], { mode: "shadow" }), granting],
      client,
      {},
      [],
    ],
  ];
  for (const [what, files, asked, set, removed] of rows) {
    it(what, () => {
      const verdict = allowed(files, asked);
      assert.deepEqual(Object.fromEntries(verdict.requestSet), set);
      assert.deepEqual(verdict.requestRemove, removed);
    });
  }

  const reads = (name: string, more: object = {}): File =>
    policy(name, [
      { id: "spoofed", deny: '"x-user" in request.headers', ...more },
      { id: "named", allow: 'request.query == "named"', ...setting({ "x-user": "alice" }) },
      { id: "anonymous", allow: YES },
    ]);
  it("is never seen by the rules of its policy as the client sent it", () => {
    assert.equal(outcome([reads("a")], client), "allow a/anonymous");
    const lines = [["x-user", "root"]] as const;
    const all = policy("a", [
      { id: "spoofed", deny: '"x-user" in request.headers_all' },
      { id: "named", allow: 'request.query == "named"', ...setting({ "x-user": "alice" }) },
      { id: "anonymous", allow: YES },
    ]);
    assert.equal(outcome([all], { lines }), "allow a/anonymous");
  });

  it("is seen by the rules of a policy that does not set it", () => {
    const other = policy("b", [rule("deny", '"x-user" in request.headers')]);
    assert.equal(outcome([owner, other], client), "deny b/denys 403");
  });

  it("leaves the client's other headers to be seen", () => {
    const file = policy("a", [
      { id: "named", allow: '"x-other" in request.headers', ...setting({ "x-user": "alice" }) },
    ]);
    assert.equal(outcome([file], client), "allow a/named");
  });

  it("hides the attribute that is read from it", () => {
    const file = policy("a", [
      rule("allow", "has(request.useragent)", setting({ "user-agent": "weir" })),
      { id: "absent", allow: YES },
    ]);
    assert.equal(outcome([file], { headers: { "user-agent": "curl" } }), "allow a/absent");
  });
});

describe("what is appended", () => {
  const appending = (value: string, more: object = {}): object =>
    rule("allow", YES, { request: { append: { "X-Via": value }, ...more } });
  const client = { headers: { "x-via": "client" } };
  const own = { id: "own", allow: NO, ...setting({ "x-via": "weir" }) };
  const rows: readonly (readonly [
    what: string,
    files: readonly File[],
    asked: Asked,
    set: readonly (readonly [string, string])[],
  ])[] = [
    ["comes behind what the client sent", [policy("a", [appending("a")])], client, [["x-via", "client,a"]]],
    ["stands alone where the client sent nothing", [policy("a", [appending("a")])], {}, [["x-via", "a"]]],
    [
      "by several policies comes in the order of their names",
      [policy("b", [appending("b")]), policy("a", [appending("a")])],
      client,
      [["x-via", "client,a,b"]],
    ],
    [
      "never brings back a copy that the policy owns",
      [policy("a", [own, appending("a")])],
      client,
      [["x-via", "a"]],
    ],
    [
      "never brings back what another policy removes",
      [policy("a", [appending("a")]), policy("b", [rule("allow", YES, { request: { remove: ["x-via"] } })])],
      client,
      [["x-via", "a"]],
    ],
    ["leaves the client's copy alone where it is empty", [policy("a", [appending("")])], client, []],
  ];
  for (const [what, files, asked, set] of rows) {
    it(what, () => {
      const { requestSet, requestRemove } = allowed(files, asked);
      assert.deepEqual([requestSet, requestRemove], [set, []]);
    });
  }
});

describe("what else a grant does", () => {
  const effects = (name: string, more: object = {}) =>
    policy(name, [
      rule("allow", YES, {
        request: { query: { set: { [`q-${name}`]: "${request.method}" }, remove: ["debug", "q-a"] } },
        response: { append: { Vary: name } },
        metadata: { [`team-${name}`]: "red ${size(request.path)}" },
        ...more,
      }),
    ]);

  it("query parameters that are set and removed", () => {
    const verdict = allowed([effects("b"), effects("a", { request: { query: { set: { "q-a": "1" } } } })]);
    assert.deepEqual(verdict.querySet, [
      ["q-a", "1"],
      ["q-b", "GET"],
    ]);
    assert.deepEqual(verdict.queryRemove, ["debug"]);
  });

  it("query parameters in whatever spelling the client wrote them", () => {
    const query = { set: { tier: "gold", none: "" }, remove: ["a b"] };
    const path = "/?t%69er=1&tier=2&a+b=3&n%6fne=4&other=5";
    const verdict = allowed([policy("a", [rule("allow", YES, { request: { query } })])], { path });
    assert.deepEqual(verdict.querySet, [["tier", "gold"]]);
    assert.deepEqual(verdict.queryRemove.toSorted(), ["a%20b", "a+b", "n%6fne", "none", "t%69er"]);
  });

  it("response headers that come behind others, and metadata", () => {
    const verdict = allowed([effects("b"), effects("a", { request: { query: { set: { "q-a": "1" } } } })]);
    assert.deepEqual(verdict.responseAppend, [
      ["vary", "a"],
      ["vary", "b"],
    ]);
    assert.deepEqual(verdict.metadata, [
      ["team-a", "red 1"],
      ["team-b", "red 1"],
    ]);
  });

  for (const [where, more] of [
    ["a query parameter", { request: { query: { set: { q: `\${${MISSING}}` } } } }],
    ["metadata", { metadata: { team: '${request.query_params["q"][0]}' } }],
    ["what is appended", { request: { append: { "x-a": `\${${MISSING}}` } } }],
    ["what is appended to the response", { response: { append: { "x-a": `\${${MISSING}}` } } }],
  ] as const) {
    it(`${where} that cannot be had is a fault of the request`, () => {
      assert.equal(outcome([policy("a", [rule("allow", YES, more)])]), "deny a/allows 400");
    });
  }
});
