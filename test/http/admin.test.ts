import assert from "node:assert/strict";
import { startAdminListener, type AdminListenerOptions } from "../../src/http/admin.ts";
import type { HttpListener } from "../../src/http/listener.ts";
import { requestHttp1 } from "../support/http.ts";

describe("the admin listener", () => {
  const open: HttpListener[] = [];
  afterEach(() => Promise.all(open.splice(0).map((one) => one.close())));

  async function start(options: Partial<AdminListenerOptions> = {}): Promise<number> {
    const listener = await startAdminListener({
      address: { kind: "tcp", host: "127.0.0.1", port: 0 },
      status: () => ({ revision: "r1" }),
      decisions: { list: () => [], find: () => undefined },
      differences: { list: () => [], counts: () => [], candidate: () => undefined },
      onError: () => undefined,
      ...options,
    });
    open.push(listener);
    return listener.address.kind === "tcp" ? listener.address.port : assert.fail("no port");
  }

  async function get(port: number, path: string, authorization?: string): Promise<string> {
    const headers = authorization === undefined ? [] : [["authorization", authorization] as const];
    const { status, body } = await requestHttp1({ port }, { path, headers });
    return `${status} ${body.toString().replaceAll(/\s+/g, " ").trim()}`;
  }

  it("shows the status, and what there is", async () => {
    const port = await start();
    assert.equal(await get(port, "/status"), '200 { "revision": "r1" }');
    assert.match(await get(port, "/"), /^200 weir \/status/);
    assert.equal(await get(port, "/secret"), '404 {"error":"there is no such page; see /"}');
  });

  const tokens: readonly (readonly [string | undefined, 200 | 401])[] = [
    ["Bearer right", 200],
    ["bearer right", 200],
    [undefined, 401],
    ["right", 401],
    ["Basic right", 401],
    ["Bearer wrong", 401],
    ["Bearer right2", 401],
    ["Bearer ", 401],
  ];
  for (const [authorization, status] of tokens) {
    it(`answers ${status} to ${authorization ?? "nothing"}`, async () => {
      const port = await start({ token: () => Promise.resolve("right") });
      for (const path of ["/status", "/", "/secret"]) {
        const answer = await get(port, path, authorization);
        if (status === 401) assert.match(answer, /^401 \{"error":"/);
        else assert.doesNotMatch(answer, /^401/);
      }
    });
  }

  it("takes a token that changes, none that is empty, and refuses while it cannot be read", async () => {
    let token = Promise.resolve("one");
    const port = await start({ token: () => token });
    assert.match(await get(port, "/status", "Bearer one"), /^200/);
    token = Promise.resolve("two");
    assert.match(await get(port, "/status", "Bearer one"), /^401/);
    assert.match(await get(port, "/status", "Bearer two"), /^200/);
    token = Promise.resolve("");
    assert.match(await get(port, "/status", "Bearer "), /^401/);
    const gone = Promise.reject<string>(new Error("gone"));
    gone.catch(() => undefined);
    token = gone;
    assert.match(await get(port, "/status", "Bearer two"), /^401/);
  });

  it("slows who guesses", async () => {
    const port = await start({ token: () => Promise.resolve("right") });
    const answers = [];
    for (let guess = 0; guess < 25; guess++)
      answers.push((await get(port, "/status", `Bearer ${guess}`)).slice(0, 3));
    assert.ok(answers.includes("429"));
  });
});
