import assert from "node:assert/strict";
import { PROXY_CONFIG, serviceOf } from "../../../adapters/threescale/services.ts";
import { proxyConfigOf, type ProxySettings } from "../../support/threescale-config.ts";

const SETTINGS: ProxySettings = { id: "7", serviceToken: "svc-secret", hosts: ["Orders.example.com:443"] };
const made = (
  more: Partial<ProxySettings> = {},
  backend = "http://backend:3000/",
): ReturnType<typeof serviceOf> =>
  serviceOf(
    PROXY_CONFIG.shape.proxy_config.parse(proxyConfigOf({ ...SETTINGS, ...more }, backend)),
    undefined,
  );

describe("a service of a proxy configuration", () => {
  it("has its hosts, token and back-end", () => {
    const { id, name, hosts, backend, pattern } = made();
    assert.deepEqual([id, name, hosts, pattern], ["7", "api-7", ["orders.example.com"], "user-key"]);
    assert.deepEqual(backend, {
      url: "http://backend:3000",
      token: { name: "service_token", value: "svc-secret" },
    });
  });

  for (const [version, pattern] of [
    ["1", "user-key"],
    ["2", "app-id"],
    ["oauth", "openid"],
  ] as const) {
    it(`goes by ${pattern} where backend_version is ${version}`, () =>
      assert.equal(made({ backendVersion: version }).pattern, pattern));
  }

  it("has APIcast's answers where it says none, and none that lets anybody pass", () => {
    const proxy = {
      error_auth_failed: null,
      error_headers_auth_failed: null,
      error_status_auth_failed: 200,
      error_status_no_match: 302,
      error_headers_no_match: "text/html\r\nx: y",
    };
    const plain = "text/plain; charset=utf-8";
    assert.deepEqual(made({ proxy }).answers, {
      failed: { status: 403, contentType: plain, text: "Authentication failed" },
      missing: { status: 401, contentType: plain, text: "Authentication parameters missing" },
      "no-match": { status: 404, contentType: plain, text: "No Mapping Rule matched" },
      limits: { status: 429, contentType: plain, text: "Limits exceeded" },
    });
  });

  for (const [what, more, backend, message] of [
    ["a version that is none", { backendVersion: "3" }, "http://b", /backend_version is 3/],
    ["no back-end", {}, "", /names no back-end/],
    ["a back-end that is no URL of HTTP", {}, "ftp://b", /names no back-end/],
    [
      "rules that are none",
      { proxy: { proxy_rules: [{ pattern: "/" }] } },
      "http://b",
      /cannot be read: proxy.proxy_rules/,
    ],
    ["an empty token", { serviceToken: "" }, "http://b", /cannot be read: backend_authentication_value$/],
  ] as const) {
    it(`is none with ${what}, and says so without its secrets`, () =>
      assert.throws(
        () => made(more, backend),
        (error: Error) => {
          assert.match(error.message, message);
          return !error.message.includes("svc-secret");
        },
      ));
  }
});
