import assert from "node:assert/strict";
import { addApplication, addService } from "../../support/threescale.ts";
import type { BookApplication } from "../../support/threescale-book.ts";
import type { ProxySettings } from "../../support/threescale-config.ts";
import { startRunning, type Running } from "./running.ts";

const USER_KEY = { backendVersion: "1" };
const APP_ID = { backendVersion: "2" };
const basic = (text: string): Readonly<Record<string, string>> => ({
  authorization: `Basic ${Buffer.from(text).toString("base64")}`,
});

describe("a credential where the proxy configuration has it", () => {
  let open: AsyncDisposableStack;
  let running: Running;
  beforeEach(() => (open = new AsyncDisposableStack()));
  afterEach(() => open.disposeAsync());

  const start = async (
    settings: Partial<ProxySettings>,
    more: Partial<BookApplication> = {},
  ): Promise<void> => {
    running = await startRunning(open, (three) => {
      const service = addService(three, { id: "7", name: "orders", serviceToken: "svc-1", ...settings });
      addApplication(service, "app-1", more);
    });
  };
  const asked = (given: Readonly<Record<string, unknown>>): Promise<string> => {
    const { headers = {}, ...rest } = given;
    const map = new Map(Object.entries(headers as object));
    return running.asked({ method: "GET", path: "/a", ...rest, headers: map });
  };

  const NAMES = { auth_user_key: "X_Api_Key", auth_app_id: "x-id", auth_app_key: "x-key" };
  const ROWS: readonly (readonly [
    what: string,
    settings: object,
    proxy: Readonly<Record<string, unknown>>,
    request: Readonly<Record<string, unknown>>,
  ])[] = [
    ["the query", USER_KEY, {}, { path: "/a?b=1&user_key=app-1" }],
    ["the query, by default", USER_KEY, { credentials_location: null }, { path: "/a?user_key=app%2D1#x" }],
    ["the query under a name of its own", USER_KEY, NAMES, { path: "/a?X_Api_Key=app-1" }],
    ["the query, of which the first value counts", USER_KEY, {}, { path: "/a?user_key=app-1&user_key=b" }],
    ["a form", USER_KEY, {}, { form: "b=1&user_key=app-1" }],
    ["the query, and not the form", USER_KEY, {}, { path: "/a?user_key=app-1", form: "user_key=b" }],
    ["two parameters", APP_ID, {}, { path: "/a?app_id=app-1&app_key=k1" }],
    ["the query and the form", APP_ID, {}, { path: "/a?app_id=app-1", form: "app_key=k1" }],
    ["a header", USER_KEY, { credentials_location: "headers" }, { headers: { "user-key": "app-1" } }],
    [
      "a header of a name of its own",
      USER_KEY,
      { ...NAMES, credentials_location: "headers" },
      { headers: { "x-api-key": "app-1" } },
    ],
    [
      "a header with an underscore",
      USER_KEY,
      { credentials_location: "headers" },
      { headers: { user_key: "app-1" } },
    ],
    [
      "two headers",
      APP_ID,
      { ...NAMES, credentials_location: "headers" },
      { headers: { "x-id": "app-1", "x-key": "k1" } },
    ],
    ["the user", USER_KEY, { credentials_location: "authorization" }, { headers: basic("app-1:") }],
    ["the password", USER_KEY, { credentials_location: "authorization" }, { headers: basic(":app-1") }],
    [
      "a token",
      USER_KEY,
      { credentials_location: "authorization" },
      { headers: { authorization: "bearer app-1" } },
    ],
    ["user and password", APP_ID, { credentials_location: "authorization" }, { headers: basic("app-1:k1") }],
  ];
  for (const [what, settings, proxy, request] of ROWS) {
    it(`is ${what}`, async () => {
      await start({ ...settings, proxy }, settings === APP_ID ? { keys: ["k1"] } : {});
      assert.equal(await asked(request), "allow");
    });
  }

  const NONE: readonly (readonly [
    what: string,
    settings: Partial<ProxySettings>,
    request: Readonly<Record<string, unknown>>,
  ])[] = [
    ["is none where nothing is there", { proxy: {} }, {}],
    ["is not looked for elsewhere", { proxy: {} }, { headers: { "user-key": "app-1", ...basic("app-1:") } }],
    [
      "is none where Basic is not readable",
      { proxy: { credentials_location: "authorization" } },
      { headers: { authorization: "Basic" } },
    ],
    [
      "is none where another scheme is used",
      { proxy: { credentials_location: "authorization" } },
      { headers: { authorization: "Digest app-1" } },
    ],
    ["is none where an empty one is given", { proxy: {} }, { path: "/a?user_key=app-1", user_key: "" }],
    [
      "is no token of OpenID Connect, which is to be verified",
      { backendVersion: "oauth", proxy: { credentials_location: "headers" } },
      { headers: { authorization: "Bearer app-1", "access-token": "app-1" } },
    ],
  ];
  for (const [what, settings, request] of NONE) {
    it(what, async () => {
      await start(settings);
      assert.equal(await asked(request), "401 Authentication parameters missing");
    });
  }

  it("is given by the rule, where that gives one", async () => {
    await start({});
    assert.equal(await asked({ path: "/a?user_key=b", user_key: "app-1" }), "allow");
    assert.equal(await asked({ path: "/a?user_key=app-1", user_key: "b" }), "403 Authentication failed");
  });

  it("is not looked for where the rule gives no headers", async () => {
    await start({});
    const request = { method: "GET", path: "/a?user_key=app-1" };
    assert.equal(await running.asked(request), "401 Authentication parameters missing");
  });
});

describe("where callers of 3scale's applications come from", () => {
  it("is filtered by 3scale, remembered apart, and told as a host; nobody passes as from anywhere", async () => {
    await using open = new AsyncDisposableStack();
    const running = await startRunning(open, (three) => {
      const service = addService(three, { id: "7", name: "orders", serviceToken: "svc-1" });
      addApplication(service, "key-1", { referrers: ["*.example.com"] });
      addApplication(service, "key-2");
    });
    const asked = (user_key: string, referrer: string): Promise<string> =>
      running.asked({ method: "GET", path: "/a", user_key, referrer });
    for (const one of [
      "shop.example.com",
      "https://shop.example.com:8443/cart?x=1",
      "HTTP://shop.example.com",
    ])
      assert.equal(await asked("key-1", one), "allow", one);
    assert.equal(running.three.calls.authorize, 1);
    for (const other of [
      "",
      "*",
      "example.org",
      "https://example.org/?shop.example.com",
      "https://[",
      "example.org\n",
    ])
      assert.equal(await asked("key-1", other), "403 Authentication failed", other);
    assert.equal(await asked("key-2", "example.org"), "allow");
    assert.equal(await asked("key-1", "shop.example.com"), "allow");
  });
});
