import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { CASES, type Expected, type SecurityCase } from "../security/corpus.ts";
import { askingBootstrap, overGrpc, overHttp } from "../security/bootstrap.ts";
import { GRPC_POLICIES, OPERATOR, POLICIES } from "../security/policies.ts";
import { httpOf, startSecurityWeir } from "../security/weir.ts";
import { newWorld } from "../security/world.ts";
import { startEnvoy, type Envoy } from "../support/envoy.ts";
import { requestHttp1, requestHttp2, valuesOf, type Answer } from "../support/http.ts";
import { need } from "../support/need.ts";
import { rawRequest, sendRaw } from "../support/raw.ts";
import { startUpstream, type ReceivedRequest, type Upstream } from "../support/upstream.ts";

const BODY = {
  with_request_body: { max_request_bytes: 1_000, allow_partial_message: true, pack_as_bytes: true },
};
const SET = { upstream: ["x-user", "x-name", "x-partner"], client: ["x-served-for", "set-cookie"] };

const LISTENERS = [
  { name: "lines", filter: overGrpc("raw", BODY) },
  { name: "joined", filter: overGrpc("joined", BODY) },
  { name: "http", filter: overHttp({ ...SET, pathPrefix: "/check" }, BODY) },
] as const;

/** What Envoy refuses by itself, before it asks anybody. */
const REFUSED_BY_ENVOY: ReadonlySet<string> = new Set(["7a"]);

describe("the security cases through Envoy", () => {
  const open = new AsyncDisposableStack();
  const world = newWorld();
  let envoy: Envoy;
  let upstream: Upstream;

  before(async function () {
    const program = await need(this, "envoy");
    const files = { ...POLICIES, pepper: world.pepper };
    const setup = { more: OPERATOR, fill: world.fill };
    const http = httpOf(
      await startSecurityWeir({ ...setup, files, http: '"127.0.0.1:0", pathPrefix: /check' }, open),
    );
    const grpc = (await startSecurityWeir({ ...setup, files: { ...files, ...GRPC_POLICIES } }, open)).checks;
    upstream = open.adopt(await startUpstream(), (started) => started.stop());
    const config = askingBootstrap({ grpc, http, upstream, listeners: LISTENERS });
    envoy = open.adopt(await startEnvoy({ program, config }), (started) => started.stop());
  });
  after(() => open.disposeAsync());

  const send = async (name: string, protocol: "HTTP/1.1" | "HTTP/2", { request }: SecurityCase) => {
    const mark = randomUUID();
    const { method = "GET", host, path, headers = [], body } = world.present(request);
    const outgoing = {
      ...{ method, path, authority: host, headers: [...headers, ["x-ask", mark] as const] },
      ...(body === undefined ? {} : { body }),
    };
    const request_ = protocol === "HTTP/1.1" ? requestHttp1 : requestHttp2;
    const answer = await request_({ port: envoy.port(name) }, outgoing);
    return { answer, received: upstream.received.find((one) => one.headers["x-ask"] === mark) };
  };

  for (const { name } of LISTENERS) {
    it(`6b, asked by ${name}: Envoy refuses a raw NUL in a header`, async () => {
      const mark = randomUUID();
      const head = rawRequest("/public", ["host: app.example.com", `x-ask: ${mark}`, "x-a: b\0c"]);
      assert.equal(await sendRaw(envoy.port(name), head), 400);
      assert.ok(!upstream.received.some((one) => one.headers["x-ask"] === mark));
    });
  }

  for (const { name, protocol, one } of sendable()) {
    it(`${one.id} over ${protocol}, asked by ${name}: ${one.what}`, async () => {
      const { answer, received } = await send(name, protocol, one);
      const expected = one.unlike?.[name]?.expected ?? one.expected;
      if (expected.verdict === "allow") {
        assertPassed(expected, answer, received);
        return;
      }
      assert.equal(received, undefined, "it reached the upstream");
      assertRefused(expected, answer, { name, id: one.id });
    });
  }
});

/** Every case that a client can send, by each protocol, to each listener. */
function sendable() {
  const protocols = ["HTTP/1.1", "HTTP/2"] as const;
  const all = LISTENERS.flatMap(({ name }) =>
    protocols.flatMap((protocol) => CASES.map((one) => ({ name, protocol, one }))),
  );
  return all.filter(
    ({ name, protocol, one }) =>
      one.notThroughEnvoy === undefined &&
      (one.only ?? protocol) === protocol &&
      !(name === "http" && one.policy === "over gRPC alone"),
  );
}

function assertPassed(
  { effects = {} }: Extract<Expected, { verdict: "allow" }>,
  answer: Answer,
  received: ReceivedRequest | undefined,
): void {
  assert.equal(answer.status, 200, answer.body.toString());
  assert.ok(received, "it did not reach the upstream");
  for (const [header, value] of Object.entries(effects.set ?? {}))
    assert.equal(received.headers[header], value);
  for (const header of effects.remove ?? []) assert.equal(received.headers[header], undefined);
  for (const [header, value] of Object.entries(effects.response ?? {})) {
    const before = header === "set-cookie" ? ["upstream=1"] : [];
    assert.deepEqual(valuesOf(answer.headers, header), [...before, value]);
  }
}

/** HTTP has no place for a 5xx that refuses. */
function assertRefused(
  expected: Exclude<Expected, { verdict: "allow" }>,
  answer: Answer,
  { name, id }: { readonly name: string; readonly id: string },
): void {
  const only = (header: string): string | undefined => {
    const values = valuesOf(answer.headers, header);
    assert.ok(values.length < 2, `${header} comes twice`);
    return values[0];
  };
  if (REFUSED_BY_ENVOY.has(id)) {
    assert.deepEqual([answer.status, only("x-weir-decision")], [400, undefined]);
    return;
  }
  if (expected.verdict === "unread") {
    assert.equal(answer.status, expected.status);
    return;
  }
  if (expected.verdict === "error") {
    // Over HTTP Envoy says what `status_on_error` says, over gRPC what weir does.
    assert.equal(answer.status, name === "http" ? 403 : 503);
    return;
  }
  assert.match(only("x-weir-decision") ?? "none", /^d_/);
  const isMoved = name === "http" && expected.status >= 500;
  assert.equal(answer.status, isMoved ? 403 : expected.status);
  assert.equal(only("x-weir-status"), isMoved ? String(expected.status) : undefined);
  for (const [header, value] of Object.entries(expected.headers ?? {})) assert.equal(only(header), value);
  if (expected.body !== undefined) assert.equal(answer.body.toString(), expected.body);
}
