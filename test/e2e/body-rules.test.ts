import assert from "node:assert/strict";
import type { SentBody } from "../support/bootstrap.ts";
import type { Envoy } from "../support/envoy.ts";
import { requestHttp1, requestHttp2 } from "../support/http.ts";
import { ask, type Mesh, startAskingEnvoy, startMesh } from "../support/mesh.ts";
import { need } from "../support/need.ts";

const files = {
  "orders.yaml": `
weir: 1
policy: orders
match:
  paths: ["/orders"]
rules:
  - id: euros
    when: request.method == "POST"
    require: request.json.currency == "EUR"
  - id: small
    when: request.method == "POST"
    deny: request.json.lines.exists(line, line.amount > 100)
  - id: read
    allow: request.method == "GET"
  - id: written
    allow: request.method == "POST"
    request:
      set:
        x-lines: \${size(request.json.lines)}
        x-size: \${request.size}
`,
};

const sends = {
  "the whole body": { maxBytes: 2000, longer: "cut", as: "bytes" },
  "the whole body as text": { maxBytes: 2000, longer: "cut", as: "text" },
  "ten bytes": { maxBytes: 10, longer: "cut", as: "bytes" },
  "ten bytes, or 413": { maxBytes: 10, longer: "refused", as: "bytes" },
  nothing: undefined,
} as const satisfies Record<string, SentBody | undefined>;
type Sends = keyof typeof sends;

const order = (amount: string): string => `{"currency":"EUR","lines":[{"amount":${amount}},{"amount":1}]}`;
const deep = `{"currency":"EUR","lines":${"[".repeat(100)}${"]".repeat(100)}}`;

describe("a rule over the body through Envoy", () => {
  const open = new AsyncDisposableStack();
  const envoys = new Map<Sends, Envoy>();
  let mesh: Mesh;

  before(async function () {
    const program = await need(this, "envoy");
    const filterOf = (body: SentBody | undefined) => (body === undefined ? {} : { filter: { body } });
    mesh = await startMesh({ program, files, ...filterOf(sends["the whole body"]) }, open);
    envoys.set("the whole body", mesh.envoy);
    for (const [name, body] of Object.entries(sends) as [Sends, SentBody | undefined][]) {
      if (envoys.has(name)) continue;
      envoys.set(name, await startAskingEnvoy({ ...mesh, program, ...filterOf(body) }, open));
    }
  });
  after(() => open.disposeAsync());

  const envoyThatSends = (name: Sends): Envoy => envoys.get(name) ?? assert.fail(name);

  for (const [protocol, send] of [
    ["HTTP/1.1", requestHttp1],
    ["HTTP/2", requestHttp2],
  ] as const) {
    for (const { what, body, status, rule } of [
      { what: "what is asked for", body: order("99.5"), status: 200, rule: "written" },
      { what: "what is denied", body: order("100.5"), status: 403, rule: "small" },
      { what: "another value", body: order("1").replace("EUR", "USD"), status: 403, rule: "euros" },
      {
        what: "a name in another case",
        body: order("1").replace("currency", "Currency"),
        status: 400,
        rule: "euros",
      },
      {
        what: "a name twice",
        body: order("1").replace("{", '{"currency":"USD",'),
        status: 400,
        rule: "euros",
      },
      { what: "a number that is text", body: order('"1"'), status: 400, rule: "small" },
      { what: "a list that is none", body: '{"currency":"EUR","lines":5}', status: 400, rule: "small" },
      { what: "no JSON", body: "currency=EUR", status: 400, rule: "euros" },
      { what: "two values", body: `${order("1")}${order("1")}`, status: 400, rule: "euros" },
      { what: "an empty body", body: "", status: 400, rule: "euros" },
      { what: "bytes that are no text", body: Buffer.from([0xff, 0xfe]), status: 400, rule: "euros" },
      { what: "what nests too deeply", body: deep, status: 400, rule: "weir/budget" },
      { what: "more than is sent", body: order("1") + " ".repeat(3000), status: 400, rule: "euros" },
    ]) {
      for (const name of ["the whole body", "the whole body as text"] as const) {
        it(`answers ${what} with ${status} of ${rule}, over ${protocol}, where Envoy sends ${name}`, async () => {
          const outgoing = { method: "POST", path: "/orders", body };
          const asked = await ask({ ...mesh, envoy: envoyThatSends(name) }, send, outgoing);
          assert.deepEqual([asked.answer.status, asked.by], [status, `orders/${rule}`]);
          const { "x-lines": lines, "x-size": size } = asked.received?.headers ?? {};
          assert.deepEqual(
            [lines, size],
            status === 200 ? ["2", String(body.length)] : [undefined, undefined],
          );
        });
      }
    }
  }

  for (const { name, status, by } of [
    { name: "ten bytes", status: 400, by: "orders/euros" },
    { name: "nothing", status: 400, by: "orders/euros" },
  ] as const) {
    it(`refuses what it cannot see whole, and lets a GET pass, where Envoy sends ${name}`, async () => {
      const at = { ...mesh, envoy: envoyThatSends(name) };
      const asked = await ask(at, requestHttp1, { method: "POST", path: "/orders", body: order("1") });
      assert.deepEqual([asked.answer.status, asked.by, asked.received], [status, by, undefined]);
      assert.equal((await ask(at, requestHttp1, { path: "/orders" })).by, "orders/read");
    });
  }

  it("takes no part for the whole, though the caller says that it is", async () => {
    const headers = [["x-envoy-auth-partial-body", "false"]] as const;
    const outgoing = { method: "POST", path: "/orders", body: order("1"), headers };
    for (const name of ["ten bytes", "nothing"] as const) {
      const { answer } = await ask({ ...mesh, envoy: envoyThatSends(name) }, requestHttp1, outgoing);
      assert.equal(answer.status, 400);
    }
  });

  it("is not asked where Envoy itself refuses what is too long", async () => {
    const before = await mesh.weir.metric("weir_check_duration_seconds_count");
    const port = envoyThatSends("ten bytes, or 413").port("web");
    const { status } = await requestHttp1({ port }, { method: "POST", path: "/orders", body: order("1") });
    assert.equal(status, 413);
    assert.equal(await mesh.weir.metric("weir_check_duration_seconds_count"), before);
  });
});
