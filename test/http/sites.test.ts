import assert from "node:assert/strict";
import type { IncomingHttpHeaders } from "node:http";
import { siteGuard, type Proof, type Sent } from "../../src/http/sites.ts";

const OWN = { host: "127.0.0.1:9193" };
const JSON_BODY = { "content-type": "application/json" };

const answer = (proof: Proof, headers: IncomingHttpHeaders, more: Partial<Sent> = {}): number | "answered" =>
  siteGuard(proof)({ method: "GET", isPage: false, headers, ...more })?.status ?? "answered";

describe("who may ask an admin listener", () => {
  const hosts: readonly (readonly [host: string | undefined, isOwn: boolean])[] = [
    ["127.0.0.1", true],
    ["127.0.0.1:9193", true],
    ["10.0.0.7:80", true],
    ["[::1]", true],
    ["[::1]:9193", true],
    ["localhost", true],
    ["LOCALHOST:9193", true],
    [undefined, true],
    ["", false],
    ["evil.example", false],
    ["evil.example:9193", false],
    ["localhost.evil.example", false],
    ["127.0.0.1.evil.example", false],
    ["[::1].evil.example", false],
    ["[evil]", false],
    ["2130706433", false],
    ["127.0.0.1:9193@evil.example", false],
    ["localhost:9193.evil.example", false],
  ];
  for (const [host, isOwn] of hosts) {
    it(`is ${isOwn ? "" : "not "}who asks for ${host ?? "no host"}, without a token`, () => {
      assert.equal(answer("anybody", { host }), isOwn ? "answered" : 403);
      assert.equal(answer("proved", { host }), "answered");
    });
  }

  const sites: readonly (readonly [
    what: string,
    headers: IncomingHttpHeaders,
    answered: number | "answered",
  ])[] = [
    ["curl", {}, "answered"],
    ["the console", { "sec-fetch-site": "same-origin", origin: "http://127.0.0.1:9193" }, "answered"],
    ["an address that was typed", { "sec-fetch-site": "none" }, "answered"],
    ["a page elsewhere", { "sec-fetch-site": "cross-site" }, 403],
    ["a page of the same machine on another port", { "sec-fetch-site": "same-site" }, 403],
    ["a page elsewhere, in an old browser", { origin: "https://evil.example" }, 403],
    ["a page of another port, in an old browser", { origin: "http://127.0.0.1:3000" }, 403],
    ["a page without an origin", { origin: "null" }, 403],
  ];
  for (const proof of ["anybody", "proved"] as const) {
    for (const [what, headers, answered] of sites) {
      it(`answers ${what} with ${answered}, ${proof}`, () => {
        assert.equal(answer(proof, { ...OWN, ...headers }), answered);
        const post = { method: "POST", headers: { ...OWN, ...JSON_BODY, ...headers } };
        assert.equal(answer(proof, post.headers, post), answered);
      });
    }
  }

  it("follows a link to the page, and to nothing else", () => {
    const followed = { ...OWN, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
    assert.equal(answer("anybody", followed, { isPage: true }), "answered");
    assert.equal(answer("anybody", followed), 403);
    assert.equal(answer("anybody", { ...followed, "sec-fetch-mode": "no-cors" }, { isPage: true }), 403);
  });

  it("knows its own origin behind a proxy that ends TLS, and with the scheme's port", () => {
    const host = "weir.example.com";
    for (const origin of [
      "https://weir.example.com",
      "https://weir.example.com:443",
      "http://weir.example.com",
    ])
      assert.equal(answer("proved", { host, origin }), "answered", origin);
    assert.equal(answer("proved", { host, origin: "https://weir.example.com:8443" }), 403);
  });

  for (const type of [
    undefined,
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
  ])
    it(`takes no body of the type ${type ?? "that is not said"}`, () =>
      assert.equal(answer("proved", { ...OWN, "content-type": type }, { method: "POST" }), 415));
});
