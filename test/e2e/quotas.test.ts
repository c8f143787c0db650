import assert from "node:assert/strict";
import { type Outgoing, requestHttp1, valuesOf } from "../support/http.ts";
import { ask, type Mesh, requestGrpc, startMesh } from "../support/mesh.ts";
import { need } from "../support/need.ts";
import { serverFile } from "../support/weir.ts";

const files = {
  "weir.yaml": serverFile("127.0.0.1:0", "secrets:\n  mac: { env: WEIR_MAC }\n"),
  "shop.yaml": `
weir: 1
policy: shop
match:
  paths: ["/{page}", "/{page}/{rest}"]
rules:
  - id: open
    allow: path.page != "closed"
quotas:
  - id: per-page
    algorithm: fixed
    key: [path.page]
    windows:
      - limit: 3
        per: year
    headers: always
  - id: tokens
    when: path.page == "tokens"
    windows:
      - limit: 1000
        per: year
    cost:
      reserve: "400"
      settle: int(metadata["llm"].tokens)
  - id: guesses
    when: path.page == "closed" || path.page == "guarded"
    count: denied
    windows:
      - limit: 2
        per: year
`,
};

describe("quotas through a real Envoy", () => {
  const open = new AsyncDisposableStack();
  let mesh: Mesh;
  before(async function () {
    const program = await need(this, "envoy");
    mesh = await startMesh(
      {
        program,
        files,
        serve: { environment: { WEIR_MAC: "a key of a test" } },
      },
      open,
    );
  });
  after(() => open.disposeAsync());

  const asked = (outgoing: Outgoing) => ask(mesh, requestHttp1, outgoing);

  it("answer 429 with what there is to know, and let the upstream see nothing of it", async () => {
    const answers: Awaited<ReturnType<typeof asked>>[] = [];
    for (let index = 0; index < 4; index++) answers.push(await asked({ path: "/limited" }));
    assert.deepEqual(
      answers.map(({ answer }) => answer.status),
      [200, 200, 200, 429],
    );
    const headersOf = (index: number, name: string) => valuesOf(answers[index]?.answer.headers ?? [], name);
    assert.deepEqual(
      [0, 1, 2, 3].map((index) => headersOf(index, "ratelimit-remaining").join()),
      ["2", "1", "0", "0"],
    );
    assert.match(headersOf(3, "retry-after").join(), /^[1-9]\d*$/);
    assert.match(headersOf(3, "ratelimit").join(), /^"per-page";r=0;t=\d+$/);
    assert.match(headersOf(3, "x-weir-decision").join(), /^d_/);
    assert.equal(answers[3]?.received, undefined);
    assert.equal(
      await mesh.weir.metric('weir_checks_total{policy="shop",rule="per-page",verdict="deny"}'),
      1,
    );
  });

  it("tell gRPC callers in gRPC's words", async () => {
    const call = { path: "/shop.Orders/Get" };
    for (let index = 0; index < 3; index++) await ask(mesh, requestGrpc, call);
    const { answer, by } = await ask(mesh, requestGrpc, call);
    assert.deepEqual([by, answer.grpcStatus], ["shop/per-page", 8]);
  });

  it("hand on what settles a late cost in metadata that Envoy logs", async () => {
    const { logged } = await asked({ path: "/tokens" });
    assert.match(logged.settle ?? "", /^[\w-]+\.[\w-]{43}$/);
  });

  it("stop who guesses, after their refusals are sent", async () => {
    for (let index = 0; index < 2; index++)
      assert.equal((await asked({ path: "/closed" })).answer.status, 403);
    const { answer } = await asked({ path: "/guarded" });
    assert.equal(answer.status, 429);
  });
});
