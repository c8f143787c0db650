import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { startAdminListener } from "../../src/http/admin.ts";
import { readConsole, wantsConsole } from "../../src/http/console.ts";
import { requestHttp1, valuesOf, type Answer } from "../support/http.ts";

const BROWSER = ["accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"] as const;

describe("the console's files", () => {
  const open = new AsyncDisposableStack();
  let port: number;
  before(async () => {
    const listener = await startAdminListener({
      address: { kind: "tcp", host: "127.0.0.1", port: 0 },
      token: () => Promise.resolve("right"),
      status: () => ({}),
      account: () => ({}),
      decisions: { list: () => [], find: () => undefined },
      differences: { list: () => [], counts: () => [], candidate: () => undefined },
      explain: () => Promise.resolve({ kind: "not ready" }),
      quotas: { list: () => Promise.resolve(undefined), reset: () => Promise.resolve({ kind: "not ready" }) },
      onError: (error) => assert.fail(String(error)),
    });
    open.defer(() => listener.close());
    port = listener.address.kind === "tcp" ? listener.address.port : assert.fail("no port");
  });
  after(() => open.disposeAsync());

  const get = (path: string, ...headers: readonly (readonly [string, string])[]): Promise<Answer> =>
    requestHttp1({ port }, { path, headers, authority: "127.0.0.1" });

  it("are all that stand in the folder, and all that they name", async () => {
    const folder = join(import.meta.dirname, "../../src/http/console");
    const { page, files } = await readConsole();
    const served = ["index.html", ...Array.from(files.keys(), (path) => path.replace("/console/", ""))];
    const there = (await readdir(folder)).filter((name) => name !== "tsconfig.json");
    assert.deepEqual(served.toSorted(), there.toSorted());
    const named = [page, ...files.values()].flatMap(({ content }) =>
      Array.from(
        content.toString().matchAll(/from "\.\/([^"]+\.js)"|(?:src|href)="console\/([^"]+)"/g),
        (match) => match[1] ?? match[2],
      ),
    );
    assert.deepEqual(
      [...new Set(named)].toSorted(),
      there.filter((name) => name !== "index.html").toSorted(),
    );
  });

  it("load without the token, with their types, and are not kept", async () => {
    const page = await get("/", BROWSER);
    assert.equal(page.status, 200);
    assert.deepEqual(valuesOf(page.headers, "content-type"), ["text/html; charset=utf-8"]);
    assert.deepEqual(valuesOf(page.headers, "vary"), ["accept"]);
    for (const [path, type] of [
      ["/console/main.js", "text/javascript; charset=utf-8"],
      ["/console/style.css", "text/css; charset=utf-8"],
    ] as const) {
      const { status, headers } = await get(path);
      assert.equal(status, 200, path);
      assert.deepEqual(valuesOf(headers, "content-type"), [type]);
      assert.deepEqual(valuesOf(headers, "cache-control"), ["no-store"]);
    }
  });

  it("open nothing else: data, the index and other files want the token", async () => {
    for (const path of [
      "/status",
      "/decisions",
      "/decisions/d_a",
      "/explain",
      "/",
      "/console/",
      "/console/tsconfig.json",
      "/console/../status",
      "/console/%2e%2e/status",
      "//status",
    ])
      assert.equal((await get(path)).status, 401, path);
    assert.equal((await get("/status", BROWSER)).status, 401);
    assert.equal((await get("/status?/console/main.js", BROWSER)).status, 401);
  });

  it("may do no more than they need, as every page", async () => {
    for (const path of ["/", "/console/main.js", "/status", "/nowhere"]) {
      const { headers } = await get(path, BROWSER);
      assert.deepEqual(valuesOf(headers, "content-security-policy"), [
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
      ]);
      assert.deepEqual(valuesOf(headers, "x-content-type-options"), ["nosniff"]);
      assert.deepEqual(valuesOf(headers, "access-control-allow-origin"), []);
    }
  });

  it("hold no script and no style of their own in the page", async () => {
    const { page } = await readConsole();
    const text = page.content.toString();
    assert.doesNotMatch(text, /<style|\bstyle=|\bon[a-z]+=|<script(?![^>]*\bsrc=)/i);
    const { files } = await readConsole();
    for (const [path, { content }] of files)
      assert.doesNotMatch(
        content.toString(),
        /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(/,
        path,
      );
  });

  it("are for who asks for HTML", () => {
    for (const accept of ["text/html", BROWSER[1], "TEXT/HTML"]) assert.ok(wantsConsole(accept), accept);
    for (const accept of [undefined, "*/*", "application/json", "text/plain"])
      assert.ok(!wantsConsole(accept), String(accept));
  });
});
