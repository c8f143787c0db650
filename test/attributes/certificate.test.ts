import assert from "node:assert/strict";
import fc from "fast-check";
import { readCertificate } from "../../src/attributes/certificate.ts";
import { attributes, certificate, NOBODY } from "./fixture.ts";

const WEB = "spiffe://cluster.local/ns/shop/sa/web";
const sent = (name: string): string => encodeURIComponent(certificate(name));

describe("a peer's certificate", () => {
  for (const [name, uris] of [
    ["one-uri", [WEB]],
    ["two-uris", [WEB, "spiffe://cluster.local/ns/shop/sa/admin"]],
    ["no-uri", []],
    ["no-names", []],
    ["every-kind", [WEB]],
    ["uri-like-two", [String.raw`"spiffe://evil.example/a\u002c URI:spiffe://cluster.local/ns/shop/sa/web"`]],
  ] as const) {
    it(`has the URIs of ${name}.pem`, () => {
      assert.deepEqual(readCertificate(sent(name)), { pem: certificate(name), uris });
    });
  }

  const body = certificate("one-uri");
  for (const [what, text] of [
    ["empty", ""],
    ["a bad escape", "%"],
    ["no PEM", "hello"],
    ["cut", sent("one-uri").slice(0, 400)],
    ["DER", certificate("one-uri").split("\n").slice(1, -2).join("")],
    ["two certificates", sent("one-uri") + sent("one-uri")],
    ["something in front", `x%0A${sent("one-uri")}`],
    ["another kind of PEM", encodeURIComponent(body.replaceAll("CERTIFICATE", "PUBLIC KEY"))],
    ["too long", `${sent("one-uri")}${"%0A".repeat(10_000)}`],
  ] as const) {
    it(`is none where the text is ${what}`, () => assert.equal(readCertificate(text), undefined));
  }

  it("is read or is none, whatever bits of it are turned", () => {
    const der = Buffer.from(body.split("\n").slice(1, -2).join(""), "base64");
    const turned = fc.tuple(fc.nat(der.length - 1), fc.nat(7)).map(([at, bit]) => {
      const bytes = Buffer.from(der);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
      const lines = bytes.toString("base64").match(/.{1,64}/g) ?? [];
      const begin = "-----BEGIN CERTIFICATE-----";
      return encodeURIComponent([begin, ...lines, "-----END CERTIFICATE-----", ""].join("\n"));
    });
    fc.assert(
      fc.property(turned, (text) => {
        const found = readCertificate(text);
        assert.ok(found === undefined || Array.isArray(found.uris));
      }),
      { numRuns: 500 },
    );
  });
});

describe("an identity where the certificate is sent", () => {
  const presented = (principal: string, text: string) =>
    attributes({}, { source: { ...NOBODY, principal, certificate: text } }).source;

  for (const [what, principal, text, isProved] of [
    ["the certificate is not sent", WEB, "", true],
    ["it has that URI alone", WEB, sent("one-uri"), true],
    ["it has names of other kinds besides", WEB, sent("every-kind"), true],
    ["it has two URIs", WEB, sent("two-uris"), false],
    ["it has another URI", WEB, sent("foreign-uri"), false],
    ["it has none", WEB, sent("no-uri"), false],
    ["it has no names", WEB, sent("no-names"), false],
    ["it is malformed", WEB, "x", false],
    ["one URI reads like two", WEB, sent("uri-like-two"), false],
    ["Envoy names no SPIFFE id", "CN=web", sent("one-uri"), false],
    ["Envoy names nothing", "", sent("one-uri"), false],
  ] as const) {
    it(`is ${isProved ? "proved" : "not proved"} where ${what}`, () => {
      const source = presented(principal, text);
      assert.equal(source.principal, isProved ? WEB : undefined);
      assert.equal(source.namespace, isProved ? "shop" : undefined);
      assert.equal(source.presented?.id, isProved ? WEB : undefined);
    });
  }

  it("is never more than the name alone would prove", () => {
    const names = ["one-uri", "two-uris", "foreign-uri", "no-uri", "no-names", "every-kind", "uri-like-two"];
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 40 }),
      fc.constantFrom(...names.map(sent)),
      fc
        .tuple(fc.constantFrom(...names.map(sent)), fc.nat(), fc.string({ maxLength: 3 }))
        .map(
          ([one, at, put]) => one.slice(0, at % one.length) + put + one.slice((at % one.length) + put.length),
        ),
    );
    const principal = fc.constantFrom(
      ...[
        WEB,
        "spiffe://evil.example/ns/shop/sa/web",
        "spiffe://cluster.local/ns/shop/sa/admin",
        "CN=web",
        "",
      ],
    );
    fc.assert(
      fc.property(principal, text, (named, certificateText) => {
        const alone = presented(named, "").presented;
        const found = presented(named, certificateText).presented;
        if (found !== undefined) assert.deepEqual(found, alone);
      }),
      { numRuns: 1_000 },
    );
  });
});
