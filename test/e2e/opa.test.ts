import assert from "node:assert/strict";
import { type Outgoing, requestHttp1 } from "../support/http.ts";
import { ask, type Mesh, startMesh } from "../support/mesh.ts";
import { need } from "../support/need.ts";
import { type Opa, startOpa } from "../support/opa.ts";
import { until } from "../support/until.ts";
import { serverFile } from "../support/weir.ts";

const REGO = `package mesh.orders
default allow := false
allow if input.user == "ann"
allow if input.user == "bob"
plan := "gold" if input.user == "ann"
plan := "free" if input.user == "bob"
limits := {"day": count(input.path)} if allow
status := 402 if not allow
message := sprintf("%s has no plan.", [input.user]) if not allow
maybe if input.user == "ann"
`;

const server = (url: string): string =>
  serverFile(
    undefined,
    `  admin: { address: 127.0.0.1:0 }
outbound: { allowPrivate: [127.0.0.1] }
handlers:
  orders:
    adapter: opa
    config:
      url: ${url}
      path: mesh/orders
      token: { env: OPA_TOKEN }
      outputs: { plan: string, limits: "map(string, int)" }
      cache: { allowed: 2s, denied: 2s, maxAge: 1h }
      onFailure: resilient
  maybe:
    adapter: opa
    config: { url: "${url}", path: mesh/orders/maybe, token: { env: OPA_TOKEN } }
  stranger:
    adapter: opa
    config: { url: "${url}", path: mesh/orders }
`,
  );

const policy = (name: string, handler: string, rest: string): string => `
weir: 1
policy: ${name}
match:
  hosts: [${name}.example.com]
rules:
  - id: asked
    ask: ${handler}
    as: answer
    with:
      input: |
        {"user": request.headers["x-user"], "path": request.path_segments}
    onError: deny
${rest}
`;

const files = {
  "orders.yaml": policy(
    "orders",
    "orders",
    `    request:
      set:
        x-plan: \${answer.plan}
        x-day: \${answer.limits.day}
        x-decision: \${answer.decision_id}
  - id: planned
    allow: answer.plan in ["gold", "free"]`,
  ),
  "maybe.yaml": policy("maybe", "maybe", `  - id: everyone\n    allow: "true"`),
  "stranger.yaml": policy("stranger", "stranger", `  - id: everyone\n    allow: "true"`),
};

describe("a real Open Policy Agent behind the check", () => {
  const open = new AsyncDisposableStack();
  let opa: Opa;
  let mesh: Mesh;

  before(async function () {
    const program = await need(this, "envoy");
    opa = open.adopt(await startOpa(await need(this, "opa"), REGO, "tok-1"), (one) => one.stop());
    const all = { ...files, "weir.yaml": server(opa.url) };
    mesh = await startMesh({ program, files: all, serve: { environment: { OPA_TOKEN: "tok-1" } } }, open);
  });
  after(() => open.disposeAsync());

  const asked = async (host: string, user: string) => {
    const request: Outgoing = { authority: `${host}.example.com`, path: "/a/b", headers: [["x-user", user]] };
    const { answer, by, received } = await ask(mesh, requestHttp1, request);
    return { verdict: `${answer.status} ${by}`, headers: received?.headers ?? {}, body: answer.body };
  };

  it("decides by what the rule has chosen, and gives typed outputs", async () => {
    const { verdict, headers } = await asked("orders", "ann");
    assert.equal(verdict, "200 orders/planned");
    assert.deepEqual([headers["x-plan"], headers["x-day"]], ["gold", "2"]);
    assert.match(String(headers["x-decision"]), /^[0-9a-f-]{36}$/);
    const refused = await asked("orders", "eve");
    assert.equal(refused.verdict, "402 orders/asked");
    assert.match(String(refused.body), /eve has no plan/);
  });

  it("is asked once for many requests of one user", async () => {
    const before = opa.decisions().length;
    const verdicts = await Promise.all(Array.from({ length: 30 }, () => asked("orders", "bob")));
    assert.deepEqual([...new Set(verdicts.map(({ verdict }) => verdict))], ["200 orders/planned"]);
    await until(() => opa.decisions().length === before + 1, { what: "its decision log" });
  });

  it("is not taken for a yes where it has no answer, or refuses weir's own token", async () => {
    assert.equal((await asked("maybe", "ann")).verdict, "200 maybe/everyone");
    assert.equal((await asked("maybe", "eve")).verdict, "503 maybe/asked");
    assert.equal((await asked("stranger", "ann")).verdict, "503 stranger/asked");
    const { handlers } = await mesh.weir.status();
    const stranger = handlers.find(({ handler }) => handler === "stranger");
    assert.match(String(stranger?.detail), /refuses our own credentials or settings: .*status 401/);
    assert.equal(
      await mesh.weir.metric('weir_opa_answers_total{handler="stranger",result="misconfigured"}'),
      1,
    );
  });

  it("is not needed for what it has said before, when it is gone", async () => {
    assert.equal((await asked("orders", "ann")).verdict, "200 orders/planned");
    await opa.stop();
    await until(async () => (await mesh.weir.metric(STALE)) > 0 || !(await asked("orders", "ann")), {
      what: "an answer that should have been asked anew",
    });
    assert.equal((await asked("orders", "ann")).verdict, "200 orders/planned");
    assert.equal((await asked("orders", "somebody new")).verdict, "503 orders/asked");
  });
});

const STALE = 'weir_opa_answers_total{handler="orders",result="stale"}';
