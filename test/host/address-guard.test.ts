import assert from "node:assert/strict";
import fc from "fast-check";
import { createAddressGuard, sortOf, type Sort } from "../../src/host/address-guard.ts";
import { Ip, parseCidr } from "../../src/std/ip.ts";

const ip = (text: string): Ip => {
  const found = Ip.parse(text);
  assert.ok(found !== undefined, text);
  return found;
};

describe("an address is", () => {
  const sorts: readonly [Sort, string][] = [
    [
      "public",
      "8.8.8.8 1.0.0.1 100.63.255.255 100.128.0.0 172.15.255.255 172.32.0.0 192.0.1.0 223.255.255.255",
    ],
    ["public", "2606:4700::1111 2a00:1450::1 2400:cb00::1 ::ffff:8.8.8.8 64:ff9b::808:808"],
    ["private", "127.0.0.1 127.255.255.255 ::1 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1"],
    ["private", "fc00::1 fd12:3456::1 ::ffff:127.0.0.1 ::ffff:10.1.2.3 64:ff9b::7f00:1 64:ff9b::a00:1"],
    [
      "special",
      "169.254.169.254 169.254.0.1 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe fe80::1 fd00:ec2::254",
    ],
    ["special", "0.0.0.0 0.1.2.3 :: 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 ff02::1"],
    ["special", "192.0.2.1 198.51.100.1 203.0.113.9 198.18.0.1 192.0.0.192 100.100.100.200 168.63.129.16"],
    ["special", "2001:db8::1 2001::1 2002:7f00:1:: 3fff::1 ::7f00:1 64:ff9b:1::1 100::1 5f00::1 fec0::1"],
  ];
  for (const [sort, addresses] of sorts) {
    for (const address of addresses.split(" ")) {
      it(`${sort}: ${address}`, () => assert.equal(sortOf(ip(address)), sort));
    }
  }

  it("what a plain reading of the registries says", () => {
    const word = fc.nat(0xffff);
    const near = fc.constantFrom(
      "fd00:ec2::",
      "64:ff9b::",
      "2001:db8::",
      "fc00::",
      "fe80::",
      "2002::",
      "::ffff:",
    );
    const spelled = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc
        .tuple(
          fc.constantFrom(10, 100, 127, 169, 172, 192, 198, 203, 224),
          fc.nat(255),
          fc.nat(255),
          fc.nat(255),
        )
        .map((parts) => parts.join(".")),
      fc.tuple(near, word, word).map(([head, a, b]) => `${head}${a.toString(16)}:${b.toString(16)}`),
    );
    fc.assert(
      fc.property(spelled, (text) => assert.equal(sortOf(ip(text)), reference(text))),
      { numRuns: 5_000 },
    );
  });
});

/** The same registries as first and last addresses, compared as text of equal length; the first that holds decides. */
function reference(text: string): Sort {
  const address = ip(text).toString();
  const digits = address.includes(":") ? digitsOf(address) : decimals(address);
  if (digits.startsWith("0064ff9b0000000000000000")) {
    const quad = digits.slice(24).match(/../g) ?? [];
    return reference(quad.map((byte) => Number.parseInt(byte, 16)).join("."));
  }
  const ranges = address.includes(":") ? SIX : FOUR;
  return ranges.find(([first, last]) => first <= digits && digits <= last)?.[2] ?? "public";
}

/** `10.1.2.3` is `010001002003`. */
const decimals = (quad: string): string =>
  quad
    .split(".")
    .map((part) => part.padStart(3, "0"))
    .join("");

/** `::1` is 31 zeros and a one. */
function digitsOf(address: string): string {
  const [head = [], tail = []] = address.split("::").map((part) => (part === "" ? [] : part.split(":")));
  const middle = Array<string>(8 - head.length - tail.length).fill("0");
  return [...head, ...middle, ...tail].map((group) => group.padStart(4, "0")).join("");
}

const FOUR = (
  [
    ["100.100.100.200", "100.100.100.200", "special"],
    ["168.63.129.16", "168.63.129.16", "special"],
    ["0.0.0.0", "0.255.255.255", "special"],
    ["10.0.0.0", "10.255.255.255", "private"],
    ["100.64.0.0", "100.127.255.255", "private"],
    ["127.0.0.0", "127.255.255.255", "private"],
    ["169.254.0.0", "169.254.255.255", "special"],
    ["172.16.0.0", "172.31.255.255", "private"],
    ["192.0.0.0", "192.0.0.255", "special"],
    ["192.0.2.0", "192.0.2.255", "special"],
    ["192.88.99.0", "192.88.99.255", "special"],
    ["192.168.0.0", "192.168.255.255", "private"],
    ["198.18.0.0", "198.19.255.255", "special"],
    ["198.51.100.0", "198.51.100.255", "special"],
    ["203.0.113.0", "203.0.113.255", "special"],
    ["224.0.0.0", "255.255.255.255", "special"],
  ] as const
).map(([first, last, sort]) => [decimals(first), decimals(last), sort] as const);

const SIX = (
  [
    ["::1", "::1", "private"],
    ["::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "special"],
    ["2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "special"],
    ["2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "special"],
    ["2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "special"],
    ["3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "special"],
    ["2000::", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "public"],
    ["fd00:ec2::254", "fd00:ec2::254", "special"],
    ["fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "private"],
    ["4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "special"],
  ] as const
).map(([first, last, sort]) => [digitsOf(first), digitsOf(last), sort] as const);

describe("the guard", () => {
  const urls: readonly [url: string, allowed: boolean][] = [
    ["https://idp.example.com/certs", true],
    ["http://8.8.8.8/", true],
    ["https://[2606:4700::1111]/", true],
    ["ftp://idp.example.com/", false],
    ["file:///etc/passwd", false],
    ["https://user:word@idp.example.com/", false],
    ["https://user@idp.example.com/", false],
    ["http://127.0.0.1/", false],
    ["http://2130706433/", false],
    ["http://0177.0.0.1/", false],
    ["http://0x7f.1/", false],
    ["http://127.1/", false],
    ["http://[::1]/", false],
    ["http://[::ffff:127.0.0.1]/", false],
    ["http://[::ffff:7f00:1]/", false],
    ["http://169.254.169.254/latest/meta-data", false],
    ["http://0/", false],
    ["http://10.0.0.1./", false],
    ["http://\uff11\uff12\uff17.0.0.1/", false],
  ];
  for (const [url, isAllowed] of urls) {
    it(`${isAllowed ? "lets pass" : "refuses"} ${url} where nothing is listed`, () => {
      const refusal = createAddressGuard({ allowPrivate: [] }).refuseUrl(new URL(url));
      assert.equal(refusal === undefined, isAllowed, refusal ?? "lets it pass");
    });
  }

  const listed: readonly [allowPrivate: string, host: string, address: string, allowed: boolean][] = [
    ["127.0.0.0/8", "x", "127.0.0.1", true],
    ["127.0.0.0/8", "x", "::ffff:127.0.0.1", true],
    ["127.0.0.0/8", "x", "::1", false],
    ["169.254.169.254", "x", "169.254.169.254", true],
    ["idp.internal", "idp.internal", "10.0.0.1", true],
    ["idp.internal", "other.internal", "10.0.0.1", false],
    ["*.internal", "idp.internal", "10.0.0.1", true],
    ["*.internal", "internal", "10.0.0.1", false],
    ["idp.internal", "idp.internal", "169.254.169.254", false],
    ["idp.internal", "idp.internal", "224.0.0.1", false],
    ["x", "x", "fe80::1%eth0", false],
  ];
  for (const [allowPrivate, host, address, isAllowed] of listed) {
    it(`with ${allowPrivate} listed ${isAllowed ? "lets" : "does not let"} ${host} lead to ${address}`, () => {
      const refusal = createAddressGuard({ allowPrivate: [allowPrivate] }).refuseAddress(host, address);
      assert.equal(refusal === undefined, isAllowed);
    });
  }

  it("takes networks and host names that were read already", () => {
    const cidr = parseCidr("10.0.0.0/8");
    assert.ok(cidr !== undefined);
    const guard = createAddressGuard({
      allowHosts: [{ kind: "suffix", name: "example.com" }],
      allowPrivate: [cidr],
    });
    assert.equal(guard.refuseAddress("a.example.com", "10.1.1.1"), undefined);
    assert.equal(guard.refuseUrl(new URL("https://A.Example.com./")), undefined);
    assert.match(guard.refuseUrl(new URL("https://example.com/")) ?? "", /allowHosts/);
    assert.match(guard.refuseUrl(new URL("https://badexample.com/")) ?? "", /allowHosts/);
  });
});
