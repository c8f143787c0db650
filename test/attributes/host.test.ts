import assert from "node:assert/strict";
import fc from "fast-check";
import { canonicalHost } from "../../src/attributes/host.ts";

describe("a host", () => {
  const label = "a".repeat(63);
  const rows: readonly (readonly [raw: string, host: string | undefined])[] = [
    ["a.example.com", "a.example.com"],
    // CVE-2021-39155: another spelling must not be another host.
    ["ADMIN.example.com", "admin.example.com"],
    ["admin.example.com:443", "admin.example.com"],
    ["admin.example.com.", "admin.example.com"],
    ["Admin.Example.com.:8443", "admin.example.com"],
    ["localhost", "localhost"],
    ["my_service.ns.svc", "my_service.ns.svc"],
    ["127.0.0.1:80", "127.0.0.1"],
    ["[::1]", "[::1]"],
    ["[::1]:443", "[::1]"],
    ["[0:0:0:0:0:0:0:1]", "[::1]"],
    ["[2001:DB8::0:1]", "[2001:db8::1]"],
    ["[::ffff:127.0.0.1]:80", "127.0.0.1"],
    [`${label}.com`, `${label}.com`],
    ["xn--bcher-kva.example", "xn--bcher-kva.example"],
    ...["", " ", ".", "..", "a..b", ".a", "a.example.com..", "a b", "a,b", "a.example.com,b.example.com"].map(
      none,
    ),
    ...[
      "a.example.com:",
      "a:b",
      "a:99999",
      "a:-1",
      "a:1:2",
      "a:443.",
      ":80",
      "::1",
      "[::1",
      "::1]",
      "[]",
    ].map(none),
    ...["[::1]x", "[::1]:x", "[a.example.com]", "[fe80::1%25eth0]", "[1.2.3.4]", "user@a.com", "a.com/b"].map(
      none,
    ),
    ...[
      "a.com?b",
      "a.com#b",
      "http://a.com",
      "a%2ecom",
      "a.com\n",
      "a.com\0",
      "-a.com",
      "*.a.com",
      "bücher.example",
    ].map(none),
    // The Kelvin sign in lower case is an ASCII k, the long s in upper case an S: neither is a letter of a host.
    ...["\u212aube.example.com", "\u017fhop.example.com", `a${label}.com`, "a.".repeat(254)].map(none),
  ];
  for (const [raw, host] of rows) {
    it(`${JSON.stringify(raw.slice(0, 40))} is ${host ?? "none"}`, () =>
      assert.equal(canonicalHost(raw), host));
  }

  const character = fc.constantFrom(...Array.from("aAzZ09-_.:[]%, \u212a\u0130/@"));
  const anyHost = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: character }),
    fc.domain(),
    fc.ipV6().map((ip) => `[${ip}]`),
  );

  it("has one form only, whatever was sent", () => {
    const property = fc.property(anyHost, (raw) => {
      const host = canonicalHost(raw);
      if (host === undefined) return;
      assert.match(host, /^(?:[a-z0-9_][a-z0-9_.-]*|\[[0-9a-f:.]+\])$/);
      for (const same of [host, host.toUpperCase(), `${host}:443`]) assert.equal(canonicalHost(same), host);
    });
    fc.assert(property, { numRuns: 1_000 });
  });
});

function none(raw: string): readonly [string, undefined] {
  return [raw, undefined];
}
