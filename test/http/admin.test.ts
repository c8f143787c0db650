import assert from "node:assert/strict";
import { startAdminListener, type AdminListenerOptions } from "../../src/http/admin.ts";
import type { HttpListener } from "../../src/http/listener.ts";
import { requestHttp1, type Outgoing } from "../support/http.ts";

describe("the admin listener", () => {
  const open: HttpListener[] = [];
  afterEach(() => Promise.all(open.splice(0).map((one) => one.close())));

  async function start(options: Partial<AdminListenerOptions> = {}): Promise<number> {
    const listener = await startAdminListener({
      address: { kind: "tcp", host: "127.0.0.1", port: 0 },
      status: () => ({ revision: "r1" }),
      account: () => ({ unwanted: 7 }),
      decisions: { list: () => [], find: () => undefined },
      differences: { list: () => [], counts: () => [], candidate: () => undefined },
      explain: () => Promise.resolve({ kind: "not ready" }),
      quotas: { list: () => Promise.resolve(undefined), reset: () => Promise.resolve({ kind: "not ready" }) },
      onError: () => undefined,
      ...options,
    });
    open.push(listener);
    return listener.address.kind === "tcp" ? listener.address.port : assert.fail("no port");
  }

  async function get(port: number, path: string, authorization?: string): Promise<string> {
    const headers = authorization === undefined ? [] : [["authorization", authorization] as const];
    const { status, body } = await requestHttp1({ port }, { path, headers, authority: `127.0.0.1:${port}` });
    return `${status} ${body.toString().replaceAll(/\s+/g, " ").trim()}`;
  }

  async function post(port: number, sent: Partial<Outgoing> = {}): Promise<string> {
    const { status, body } = await requestHttp1(
      { port },
      {
        ...{ method: "POST", path: "/explain", authority: "localhost", body: "{}" },
        ...{ headers: [["content-type", "application/json"]], ...sent },
      },
    );
    return `${status} ${body.toString().replaceAll(/\s+/g, " ").trim()}`;
  }

  it("shows the status, and what there is", async () => {
    const port = await start();
    assert.equal(await get(port, "/status"), '200 { "revision": "r1" }');
    assert.match(await get(port, "/"), /^200 weir \/ .* \/status/);
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

  it("is asked by its address or as localhost where there is no token, for every page", async () => {
    const guarded = await start({ token: () => Promise.resolve("right") });
    const open = await start();
    for (const path of ["/", "/status", "/decisions", "/console/main.js", "/nowhere"]) {
      const statusAt = async (port: number, authority: string): Promise<number> =>
        (await requestHttp1({ port }, { path, authority })).status;
      assert.equal(await statusAt(open, "evil.example"), 403, path);
      assert.notEqual(await statusAt(open, `localhost:${open}`), 403, path);
      assert.notEqual(await statusAt(guarded, "weir.example.com"), 403, path);
    }
  });

  it("answers no page of another site", async () => {
    const port = await start();
    const headers = [["sec-fetch-site", "cross-site"]] as const;
    for (const path of ["/status", "/decisions", "/console/main.js"]) {
      const { status } = await requestHttp1({ port }, { path, headers, authority: "localhost" });
      assert.equal(status, 403, path);
    }
    assert.match(
      await post(port, { headers: [...headers, ["content-type", "application/json"]] }),
      /^403 .*a page of another site/,
    );
  });

  it("slows who guesses", async () => {
    const port = await start({ token: () => Promise.resolve("right") });
    const answers = [];
    for (let guess = 0; guess < 25; guess++)
      answers.push((await get(port, "/status", `Bearer ${guess}`)).slice(0, 3));
    assert.ok(answers.includes("429"));
  });

  const bodies: readonly (readonly [what: string, sent: Partial<Outgoing>, answer: RegExp])[] = [
    ["JSON", {}, /^200 \{ "verdict": "allow", "asked": "\{\}" \}$/],
    ["YAML", { headers: [["content-type", "application/yaml; charset=utf-8"]] }, /^200 /],
    ["nothing", { body: "" }, /^200 .*"asked": ""/],
    [
      "what is wrong",
      { body: "wrong" },
      /^400 \{ "error": "the request is not well described", "diagnostics": \[/,
    ],
    [
      "what a form sends",
      { headers: [["content-type", "text/plain"]] },
      /^415 .*send content-type: application\/json/,
    ],
    ["no type", { headers: [] }, /^415 /],
    ["too much", { body: "x".repeat(65_537) }, /^413 .*more than 65536 bytes/],
  ];
  for (const [what, sent, answer] of bodies) {
    it(`explains ${what}, or says why not`, async () => {
      const port = await start({
        explain: (text) => {
          const asked = Buffer.from(text).toString();
          return Promise.resolve(
            asked === "wrong"
              ? { kind: "refused", findings: [{ message: "wrong" }] }
              : { kind: "explained", explanation: { verdict: "allow", asked } },
          );
        },
      });
      assert.match(await post(port, sent), answer);
    });
  }

  it("says that there is no configuration, and tells of an exception without its words", async () => {
    assert.match(await post(await start()), /^503 .*there is no configuration yet/);
    const errors: unknown[] = [];
    const port = await start({
      explain: () => Promise.reject(new Error("inner words")),
      onError: (error) => errors.push(error),
    });
    assert.equal(await post(port), '500 {"error":"an exception; the log has it"}');
    assert.equal(errors.length, 1);
  });
});
