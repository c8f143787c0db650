import assert from "node:assert/strict";
import fc from "fast-check";
import { Ip, parseCidr } from "../../src/std/ip.ts";

describe("Ip", () => {
  const canonical: readonly [written: string, printed: string][] = [
    ["10.1.2.3", "10.1.2.3"],
    ["255.255.255.255", "255.255.255.255"],
    ["::ffff:10.1.2.3", "10.1.2.3"],
    ["::FFFF:0a01:0203", "10.1.2.3"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1"],
    ["2001:0:0:1:0:0:1:1", "2001::1:0:0:1:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
  ];
  for (const [written, printed] of canonical) {
    it(`reads ${written} as ${printed}`, () => assert.equal(String(Ip.parse(written)), printed));
  }

  for (const text of [
    "",
    " 1.2.3.4",
    "1.2.3",
    "1.2.3.256",
    "01.2.3.4",
    "1.2.3.4:80",
    "fe80::1%eth0",
    "[::1]",
    "1::2::3",
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(Ip.parse(text), undefined));
  }

  it("prints what it reads back as an equal address", () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const ip = Ip.parse(text);
        assert.ok(ip !== undefined);
        assert.ok(Ip.parse(ip.toString())?.equals(ip));
      }),
    );
  });
});

describe("a network", () => {
  const memberships: readonly [address: string, network: string, isInside: boolean][] = [
    ["10.255.0.1", "10.0.0.0/8", true],
    ["11.0.0.0", "10.0.0.0/8", false],
    ["10.255.0.1", "10.9.9.9/8", true],
    ["1.2.3.4", "0.0.0.0/0", true],
    ["1.2.3.4", "1.2.3.4", true],
    ["1.2.3.5", "1.2.3.4/32", false],
    ["255.255.255.255", "128.0.0.0/1", true],
    ["::ffff:10.0.0.1", "10.0.0.0/8", true],
    ["10.0.0.1", "::ffff:10.0.0.0/104", true],
    ["10.0.0.1", "::/0", false],
    ["2001:db8::1", "::/0", true],
    ["2001:db8::1", "0.0.0.0/0", false],
    ["2001:db8:ffff::", "2001:db8::/32", true],
    ["2001:db9::", "2001:db8::/32", false],
    ["2001:db8:8000::", "2001:db8::/33", false],
    ["::1", "::1", true],
  ];
  for (const [address, network, isInside] of memberships) {
    it(`${network} ${isInside ? "contains" : "does not contain"} ${address}`, () => {
      const cidr = parseCidr(network);
      assert.ok(cidr !== undefined);
      assert.equal(Ip.parse(address)?.inCidr(cidr), isInside);
    });
  }

  for (const text of [
    "",
    "/8",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/08",
    "10.0.0.0/-1",
    "::/129",
    "10.0/8",
    "10.0.0.0/8 ",
  ]) {
    it(`is not ${JSON.stringify(text)}`, () => assert.equal(parseCidr(text), undefined));
  }
});
