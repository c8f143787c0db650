import assert from "node:assert/strict";
import { type Outgoing, requestHttp1 } from "../support/http.ts";
import { ask, type Mesh, requestGrpc, startMesh } from "../support/mesh.ts";
import { need } from "../support/need.ts";
import { serverFile } from "../support/weir.ts";

const server = serverFile(
  undefined,
  `handlers:
  members: { adapter: list, config: { entries: [alice, bob] } }
  blocked: { adapter: list, config: { entries: [mallory], means: deny } }
`,
);

const files = {
  "weir.yaml": server,
  "members.yaml": `
weir: 1
policy: members
match:
  hosts: [members.example.com]
rules:
  - id: member
    when: '"x-user" in request.headers'
    ask: members
    as: found
    with:
      value: \${request.headers["x-user"]}
    status: 402
    message: Not a member, \${request.headers["x-user"]}.
    response:
      set:
        x-reason: unknown
    request:
      set:
        x-asked: "yes"
  - id: bob
    when: '"x-user" in request.headers'
    deny: found.entry == "bob"
  - id: found
    allow: found.matched
    request:
      set:
        x-member: \${found.entry}
`,
  "same.yaml": `
weir: 1
policy: same
match:
  hosts: [members.example.com]
rules:
  - id: same
    when: '"x-user" in request.headers'
    ask: members
    with:
      value: \${request.headers["x-user"]}
`,
  "partners.yaml": `
weir: 1
policy: partners
match:
  hosts: [partners.example.com]
identities:
  partner:
    apiKey: { header: x-api-key, verify: members }
rules:
  - id: known
    require: has(auth.partner)
    status: 401
  - id: partner
    allow: has(auth.partner) && auth.partner.matched
    request:
      set:
        x-partner: \${auth.partner.entry}
`,
  "blocked.yaml": `
weir: 1
policy: blocked
match:
  hosts: [blocked.example.com]
rules:
  - id: asked
    ask: blocked
    with:
      value: \${request.headers["x-user"]}
  - id: everyone
    allow: "true"
`,
};

const user = (name: string, more: Outgoing = {}): Outgoing => ({
  ...more,
  headers: [["x-user", name], ...(more.headers ?? [])],
});
const key = (header: string, value: string): Outgoing => ({ headers: [[header, value]] });

describe("an ask through Envoy", () => {
  const open = new AsyncDisposableStack();
  let mesh: Mesh;

  before(async function () {
    mesh = await startMesh({ program: await need(this, "envoy"), files }, open);
  });
  after(() => open.disposeAsync());

  const asked = async (host: string, request: Outgoing): Promise<string> => {
    const authority = `${host}.example.com`;
    const { answer, by, received } = await ask(mesh, requestHttp1, { ...request, authority });
    assert.equal(received !== undefined, answer.status === 200);
    return `${answer.status} ${by}`;
  };
  const answers = async (handler: string): Promise<number> => {
    const samples = await mesh.weir.metrics();
    return samples
      .entries()
      .filter(([name]) => name.startsWith(`weir_handler_answers_total{handler="${handler}"`))
      .reduce((sum, [, value]) => sum + value, 0);
  };

  it("hands what was answered to rules and effects", async () => {
    const { received } = await ask(mesh, requestHttp1, user("alice", { authority: "members.example.com" }));
    assert.deepEqual([received?.headers["x-member"], received?.headers["x-asked"]], ["alice", "yes"]);
  });

  it("is put once, though two policies ask the same", async () => {
    const before = await answers("members");
    assert.equal(await asked("members", user("alice")), "200 members/found");
    assert.equal(await answers("members"), before + 1);
  });

  it("refuses in the rule's own words", async () => {
    const { answer } = await ask(mesh, requestHttp1, user("eve", { authority: "members.example.com" }));
    assert.deepEqual([answer.status, answer.body.toString()], [402, "Not a member, eve."]);
    assert.ok(answer.headers.some(([name, value]) => name === "x-reason" && value === "unknown"));
    const call = { ...user("eve"), authority: "members.example.com", path: "/shop.Orders/List" };
    assert.equal((await ask(mesh, requestGrpc, call)).answer.grpcMessage, "Not a member, eve.");
  });

  for (const { what, host, request, expected } of [
    {
      what: "what a rule says of the answer",
      host: "members",
      request: user("bob"),
      expected: "403 members/bob",
    },
    { what: "that nobody was asked", host: "members", request: {}, expected: "400 members/found" },
    {
      what: "what is not on a list of the blocked",
      host: "blocked",
      request: user("alice"),
      expected: "200 blocked/everyone",
    },
    { what: "what is on it", host: "blocked", request: user("mallory"), expected: "403 blocked/asked" },
    { what: "a value that is missing", host: "blocked", request: {}, expected: "400 blocked/asked" },
    {
      what: "a verified key",
      host: "partners",
      request: key("x-api-key", "alice"),
      expected: "200 partners/partner",
    },
    {
      what: "a key that is refused",
      host: "partners",
      request: key("x-api-key", "eve"),
      expected: "401 partners/identity/partner",
    },
    {
      what: "two keys",
      host: "partners",
      request: key("x-api-key", "alice, bob"),
      expected: "400 partners/identity/partner",
    },
    { what: "no key", host: "partners", request: {}, expected: "401 partners/known" },
  ] satisfies readonly { what: string; host: string; request: Outgoing; expected: string }[]) {
    it(`decides by ${what}: ${expected}`, async () => {
      assert.equal(await asked(host, request), expected);
    });
  }

  it("makes an answer the identity", async () => {
    const request = { ...key("x-api-key", "bob"), authority: "partners.example.com" };
    assert.equal((await ask(mesh, requestHttp1, request)).received?.headers["x-partner"], "bob");
  });
});
