import assert from "node:assert/strict";
import { ORDERS, ownFolder, run } from "./fixture.ts";

const SHOP = `weir: 1
policy: shop
match:
  hosts: [shop.example.com]
except: request.method == "OPTIONS"
identities:
  partner: { apiKey: { header: x-api-key, verify: blocked } }
  user:
    jwt:
      issuer: https://idp.example.com
      audiences: [mesh]
      jwks: https://idp.example.com/certs
      claims: { sub: string }
rules:
  - id: known
    require: has(auth.partner) || has(auth.user)
    status: 401
  - id: quiet
    deny: request.headers[?"x-loud"].orValue("") == "very"
  - id: asked
    when: has(auth.user)
    ask: blocked
    with:
      value: \${auth.user.sub}
  - id: people
    allow: has(auth.user) && request.path_segments[0] == auth.user.sub
    request:
      set: { x-copy: '\${request.headers["x-loud"]}' }
  - id: trial
    deny: request.method == "GET"
    mode: shadow
`;

const SERVER = `weir: 1
handlers:
  blocked: { adapter: list, config: { means: deny, entries: [eve] } }
`;

describe("weir explain", () => {
  const folderOf = ownFolder();
  let folder: string;
  before(() => (folder = folderOf({ "weir.yaml": SERVER, "orders.yaml": ORDERS, "shop.yaml": SHOP })));
  const explain = (...args: readonly string[]) => run(["explain", ...args, folder]);

  it("says what decided, and what each policy, rule and part came to", async () => {
    const { code, printed } = await explain(
      "https://orders.example.com/orders",
      "-X",
      "PUT",
      "--spiffe",
      "spiffe://cluster.local/ns/shop/sa/web",
    );
    assert.equal(code, 0);
    assert.equal(
      printed,
      `denied with 403 Forbidden by orders/default

orders
  identity workload: holds
  require signed-in: passes
      require: has(auth.workload)  =  true
  allow reads: does not grant
      allow: request.method == "GET"  =  false
        request.method  =  "PUT"
→ default: denies what no rule allows

These do not apply:
  shop: other hosts
`,
    );
  });

  it("says what is set where it is allowed, and no value of what is secret", async () => {
    const { code, printed } = await explain(
      "https://shop.example.com/alice",
      "-H",
      "x-loud: hush-hush",
      "--as",
      "{user: {sub: alice}}",
      "--backends",
      "{blocked: {allow: true}}",
    );
    assert.equal(code, 0);
    assert.match(printed, /^allowed by shop\/people\n {2}sets the request header x-copy\n/);
    assert.match(printed, /\n→ allow people: grants\n/);
    assert.match(printed, /auth\.user\.sub {2}= {2}"alice"\n/);
    assert.match(printed, /request\.headers\[\?"x-loud"\]\.orValue\(""\) {2}= {2}\(secret\)\n/);
    assert.match(printed, / {2}deny trial: refuses, in shadow\n/);
    assert.doesNotMatch(printed, /hush/);
  });

  const cases: readonly (readonly [what: string, args: readonly string[], line: RegExp])[] = [
    [
      "that a handler has no answer",
      ["https://shop.example.com/eve", "-H", "x-loud: hush", "--as", "{user: {sub: eve}}"],
      /^not decided: shop\/asked has no answer, .*\n[^]*→ ask asked: unknown \(nothing says what blocked answers\)/,
    ],
    [
      "that nobody was asked where no allow can hold",
      ["https://shop.example.com/", "--as", "{user: {sub: eve}}"],
      /^denied with 403 Forbidden by shop\/default\n[^]* {2}ask asked: not asked\n/,
    ],
    [
      "what a handler refused",
      ["https://shop.example.com/eve", "--as", "{user: {sub: eve}}", "--backends", "{blocked: deny}"],
      /^denied with 403 Forbidden by shop\/asked\n[^]*\n→ ask asked: refuses\n/,
    ],
    [
      "an exception that holds",
      ["https://shop.example.com/", "-X", "OPTIONS"],
      /^denied with 403 Forbidden by weir\/ungoverned\n[^]*shop: its exception holds\n {4}except: request\.method == "OPTIONS" {2}= {2}true\n/,
    ],
    [
      "a refusal of weir's own",
      ["https://shop.example.com/a//b"],
      /^denied with 400 Bad Request by weir\/ambiguous-path\n$/,
    ],
    [
      "the body that decides nothing, sent by POST",
      ["https://orders.example.com/", "-d", "{}", "--spiffe", "spiffe://cluster.local/ns/a/sa/b"],
      /request\.method {2}= {2}"POST"\n/,
    ],
  ];
  for (const [what, args, line] of cases) {
    it(`says ${what}`, async () => {
      const { code, printed, complained } = await explain(...args);
      assert.deepEqual([code, complained], [0, ""]);
      assert.match(printed, line);
    });
  }

  it("takes a file with the request, and shows one policy as JSON", async () => {
    const file = `${folderOf({
      "asked.json": JSON.stringify({
        request: { host: "orders.example.com", path: "/orders" },
        as: { workload: { id: "spiffe://cluster.local/ns/shop/sa/web" } },
        now: "2026-01-01T00:00:00Z",
      }),
    })}/asked.json`;
    const { code, printed } = await explain("--request", file, "--format", "json", "--policy", "orders");
    assert.equal(code, 0);
    const found = JSON.parse(printed) as { verdict: unknown; policies: { policy: string }[] };
    assert.deepEqual(found.verdict, {
      kind: "allow",
      by: ["orders/reads"],
      sets: ["x-workload"],
      removes: ["x-debug"],
    });
    assert.deepEqual(
      found.policies.map(({ policy }) => policy),
      ["orders"],
    );
  });

  const URL = "https://orders.example.com/";
  const wrong: readonly (readonly [args: readonly string[], code: number, complaint: RegExp])[] = [
    [[], 2, /which request\? Give a URL, or --request and a file/],
    [["ftp://x/"], 2, /ftp:\/\/x\/ is not an http or https URL/],
    [[URL, URL], 2, /one URL at a time/],
    [[URL, "--request", "a.json"], 2, /give a URL or --request, not both/],
    [["--request", "no-such-file.json"], 2, /cannot read no-such-file\.json/],
    [[URL, "-H", "no colon"], 2, /no colon is not a header line: name: value/],
    [[URL, "--format", "xml"], 2, /--format is text or json, not xml/],
    [[URL, "--policy", "ordres"], 2, /there is no policy ordres/],
    [[URL, "--as", "{user: {sub: alice}"], 1, /the arguments:2:.*nothing was explained/s],
    [
      [URL, "--backends", "{blocked: maybe}"],
      1,
      /blocked takes allow, deny, timeout.*nothing was explained/s,
    ],
    [[URL, "--loud"], 2, /Unknown option '--loud'/],
  ];
  for (const [args, expected, complaint] of wrong) {
    it(`refuses ${args.join(" ")}`, async () => {
      const { code, printed, complained } = await explain(...args);
      assert.deepEqual([code, printed], [expected, ""]);
      assert.match(complained, complaint);
    });
  }

  it("explains nothing with files that would not go live", async () => {
    const broken = folderOf({ "orders.yaml": ORDERS.replace("request.method", "request.methd") });
    const { code, printed, complained } = await run(["explain", URL, broken]);
    assert.deepEqual([code, printed], [1, ""]);
    assert.match(complained, /unknown-attribute.*nothing was explained\n$/s);
  });
});

describe("weir eval", () => {
  const folderOf = ownFolder();
  const cases: readonly (readonly [args: readonly string[], printed: string])[] = [
    [["1 + 2"], "1 + 2  =  3\n"],
    [
      ["request.path_segments[1] == 'a' && request.host != ''", "https://x.example.com/p/a?q=1"],
      `request.path_segments[1] == 'a' && request.host != ''  =  true
  request.path_segments[1] == 'a'  =  true
    request.path_segments[1]  =  "a"
  request.host != ''  =  true
    request.host  =  "x.example.com"
`,
    ],
    [
      ['request.headers["x-a"]', "http://x/", "-H", "x-a: 1", "-H", "X-A: 2"],
      'request.headers["x-a"]  =  "1,2"\n',
    ],
    [['request.headers["x-a"]'], 'request.headers["x-a"]  =  UNKNOWN: missing or malformed in the request\n'],
    [
      ["string(request.json.a)", "http://x/", "-d", '{"a": 1}'],
      'string(request.json.a)  =  "1"\n  request.json.a  =  1\n',
    ],
    [["source.port", "--source", "10.1.2.3"], "source.port  =  0\n"],
    [["source.ip", "--source", "::ffff:10.1.2.3"], "source.ip  =  10.1.2.3\n"],
  ];
  for (const [args, expected] of cases) {
    it(`evaluates ${args.join(" ")}`, async () => {
      const { code, printed, complained } = await run(["eval", ...args]);
      assert.deepEqual([code, complained], [0, ""]);
      assert.equal(printed, expected);
    });
  }

  it("reads what expressions of a policy can", async () => {
    const folder = folderOf({ "orders.yaml": ORDERS });
    const expression = "auth.workload.service_account";
    const args = ["--policy", "orders", "--spiffe", "spiffe://cluster.local/ns/shop/sa/web", folder];
    const { printed, complained } = await run(["eval", expression, ...args]);
    assert.deepEqual([printed, complained], [`${expression}  =  "web"\n`, ""]);
  });

  const wrong: readonly (readonly [args: readonly string[], code: number, complaint: RegExp])[] = [
    [[], 2, /which expression\?/],
    [
      ["request.paht == 'a'"],
      1,
      /the expression:1:9 {2}unknown-attribute {2}request\.paht is not an attribute\n.*\n.*\^\^\^\^\n.*did you mean "path"\?\n$/,
    ],
    [["request.path == 3"], 1, /cel-type/],
    [["1 +"], 1, /cel-syntax/],
    [["true", "https://x/a//b"], 1, /weir asks no policy about this request/],
    [["true", "--policy", "nobody", "policies/"], 1, /there is no policy nobody/],
  ];
  for (const [args, expected, complaint] of wrong) {
    it(`refuses ${args.join(" ")}`, async () => {
      const { code, printed, complained } = await run(["eval", ...args]);
      assert.deepEqual([code, printed], [expected, ""]);
      assert.match(complained, complaint);
    });
  }
});
