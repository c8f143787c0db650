import assert from "node:assert/strict";
import { RequestBody } from "../../src/attributes/body.ts";
import type { RequestFacts } from "../../src/attributes/facts.ts";
import { checkFacts } from "../../src/check/attributes.ts";
import { type ExtAuthz, envoyBootstrap, type SentBody } from "../support/bootstrap.ts";
import { allowed, type Checks, startChecks } from "../support/checks.ts";
import { type Envoy, startEnvoy } from "../support/envoy.ts";
import { requestHttp1, requestHttp2 } from "../support/http.ts";
import { need } from "../support/need.ts";
import { sendRaw } from "../support/raw.ts";
import { startUpstream } from "../support/upstream.ts";

const TEN: SentBody = { maxBytes: 10, longer: "cut", as: "text" };

/** What Envoys are told of bodies. */
const filters = {
  "sends no body": {},
  "sends ten bytes as text": { body: TEN },
  "sends ten bytes as bytes": { body: { ...TEN, as: "bytes" } },
  "refuses more than ten bytes": { body: { ...TEN, longer: "refused" } },
} as const satisfies Record<string, Partial<ExtAuthz>>;

type Told = keyof typeof filters;
/** The body, or `cut`, or `unseen`. */
type Seen = string;

/** What is seen of a body by each of the Envoys, and the size that is known of it. */
interface Case {
  readonly what: string;
  readonly send: (port: number) => Promise<unknown>;
  readonly unsent: readonly [body: Seen, size: bigint | undefined];
  readonly sent: readonly [body: Seen, size: bigint | undefined];
}

const post = (body: string | Buffer) => (port: number) => requestHttp1({ port }, { method: "POST", body });
const post2 = (body: string) => (port: number) => requestHttp2({ port }, { method: "POST", body });
const chunked = (body: string) => (port: number) => {
  const chunk = body === "" ? "" : `${body.length.toString(16)}\r\n${body}\r\n`;
  const head = "POST / HTTP/1.1\r\nhost: a.example.com\r\nconnection: close\r\ntransfer-encoding: chunked";
  return sendRaw(port, `${head}\r\n\r\n${chunk}0\r\n\r\n`);
};
const mark = ["x-envoy-auth-partial-body", "false"] as const;

const unknown = ["unseen", undefined] as const;
const hello = ["hello", 5n] as const;

const cases: readonly Case[] = [
  { what: "a GET", send: (port) => requestHttp1({ port }, {}), unsent: unknown, sent: unknown },
  {
    what: "a GET over HTTP/2",
    send: (port) => requestHttp2({ port }, {}),
    unsent: unknown,
    sent: unknown,
  },
  {
    what: "a GET whose caller says that its body is whole",
    send: (port) => requestHttp1({ port }, { headers: [mark] }),
    unsent: unknown,
    sent: unknown,
  },
  { what: "a POST of length 0", send: post(""), unsent: ["", 0n], sent: ["", 0n] },
  { what: "a POST", send: post("hello"), unsent: ["unseen", 5n], sent: hello },
  {
    what: "a POST whose caller says that its body is whole",
    send: (port) => requestHttp1({ port }, { method: "POST", body: "0123456789abcdef", headers: [mark] }),
    unsent: ["unseen", 16n],
    sent: ["cut", 16n],
  },
  { what: "a POST in chunks", send: chunked("hello"), unsent: unknown, sent: hello },
  { what: "a POST of no chunks", send: chunked(""), unsent: unknown, sent: ["", 0n] },
  {
    what: "a long POST in chunks",
    send: chunked("0123456789abcdef"),
    unsent: unknown,
    sent: ["cut", undefined],
  },
  { what: "a POST over HTTP/2 without a length", send: post2("hello"), unsent: unknown, sent: hello },
  {
    what: "a long POST over HTTP/2",
    send: post2("0123456789abcdef"),
    unsent: unknown,
    sent: ["cut", undefined],
  },
  {
    what: "as much as is sent",
    send: post("0123456789"),
    unsent: ["unseen", 10n],
    sent: ["0123456789", 10n],
  },
];

describe("the body that Envoy sends", () => {
  const open = new AsyncDisposableStack();
  const checks: Checks = { answer: allowed, asked: [] };
  const envoys = new Map<string, Envoy>();

  before(async function () {
    const program = await need(this, "envoy");
    const { host, port } = open.adopt(await startUpstream(), (started) => started.stop());
    const server = { host, port: await startChecks(checks, open) };
    for (const headers of ["joined", "raw"] as const) {
      for (const [told, filter] of Object.entries(filters)) {
        const config = envoyBootstrap({
          listeners: [{ name: "web", check: "asked" }],
          extAuthz: { server, timeoutMs: 5000, headers, ...filter },
          upstream: { host, port },
        });
        const envoy = open.adopt(await startEnvoy({ program, config }), (started) => started.stop());
        envoys.set(`${told}/${headers}`, envoy);
      }
    }
  });
  beforeEach(() => {
    checks.asked.length = 0;
  });
  after(() => open.disposeAsync());

  const portOf = (told: Told, headers: "joined" | "raw"): number =>
    envoys.get(`${told}/${headers}`)?.port("web") ?? assert.fail(told);
  const asked = (): RequestFacts => {
    const [message, ...more] = checks.asked;
    assert.equal(more.length, 0);
    return checkFacts(message ?? assert.fail("Envoy did not ask")).request ?? assert.fail("no request");
  };

  for (const headers of ["joined", "raw"] as const) {
    for (const told of ["sends no body", "sends ten bytes as text", "sends ten bytes as bytes"] as const) {
      for (const { what, send, unsent, sent } of cases) {
        const [body, size] = told === "sends no body" ? unsent : sent;
        it(`of ${what} is ${JSON.stringify(body)} where it ${told}, headers ${headers}`, async () => {
          await send(portOf(told, headers));
          assert.deepEqual([seen(asked()), asked().sizeBytes], [body, size]);
        });
      }
    }
  }

  it("is never more than it sends, where it refuses longer ones", async () => {
    const port = portOf("refuses more than ten bytes", "raw");
    const { status } = await requestHttp1({ port }, { method: "POST", body: "0123456789abcdef" });
    assert.equal(status, 413);
    assert.deepEqual(checks.asked, []);
    await post2("hello")(port);
    assert.equal(seen(asked()), "hello");
  });

  it("is exact as bytes, and loses what is not UTF-8 as text", async () => {
    const bytes = Buffer.from([0xff, 0x00, 0x61]);
    await post(bytes)(portOf("sends ten bytes as bytes", "raw"));
    assert.deepEqual(Buffer.from(new RequestBody(asked()).bytes), bytes);
    checks.asked.length = 0;
    await post(bytes)(portOf("sends ten bytes as text", "raw"));
    assert.equal(seen(asked()), "!\0a");
  });

  it("is read as JSON", async () => {
    await post('{"a":1.5}')(portOf("sends ten bytes as bytes", "raw"));
    assert.deepEqual(new RequestBody(asked()).json, new Map([["a", 1.5]]));
  });
});

function seen(request: RequestFacts): Seen {
  const body = request.body();
  return body.kind === "whole" ? Buffer.from(body.bytes).toString() : body.kind;
}
