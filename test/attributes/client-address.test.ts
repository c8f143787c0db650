import assert from "node:assert/strict";
import fc from "fast-check";
import { clientAddress, type ClientAddress } from "../../src/attributes/client-address.ts";
import { Ip, parseCidr } from "../../src/std/ip.ts";
import { attributes, NOBODY } from "./fixture.ts";

const hops = (trustedHops: number): ClientAddress => ({ from: "xff", trustedHops });
const proxies = (...networks: readonly string[]): ClientAddress => ({
  from: "xff",
  trustedProxies: networks.map((network) => parseCidr(network) ?? assert.fail(network)),
});
const find = (rule: ClientAddress, forwarded: string, peer: string): string | undefined =>
  clientAddress(rule, forwarded, Ip.parse(peer))?.toString();

describe("the address of who asks", () => {
  const inside = proxies("10.0.0.0/8", "2001:db8::/32");
  const many = Array(99).fill("10.0.0.3").join();
  const cases: readonly [
    what: string,
    rule: ClientAddress,
    forwarded: string,
    peer: string,
    string | undefined,
  ][] = [
    ["the peer, whatever the header says", { from: "peer" }, "192.0.2.1", "10.0.0.1", "10.0.0.1"],
    ["nothing where the peer is not known", { from: "peer" }, "192.0.2.1", "", undefined],

    ["one hop: what the proxy before Envoy wrote", hops(1), "192.0.2.1", "10.0.0.1", "192.0.2.1"],
    ["one hop: the last of several", hops(1), "1.1.1.1, 192.0.2.1", "10.0.0.1", "192.0.2.1"],
    ["two hops: the last but one", hops(2), "1.1.1.1,192.0.2.1 , 10.0.0.2", "10.0.0.1", "192.0.2.1"],
    [
      "the peer that Envoy added is not counted twice",
      hops(1),
      "192.0.2.1,10.0.0.1",
      "10.0.0.1",
      "192.0.2.1",
    ],
    ["nor in its mapped spelling", hops(1), "192.0.2.1,::ffff:10.0.0.1", "10.0.0.1", "192.0.2.1"],
    ["only the last entry can be that", hops(2), "1.1.1.1,10.0.0.1,192.0.2.1", "10.0.0.1", "10.0.0.1"],
    ["no entries: nothing", hops(1), "", "10.0.0.1", undefined],
    ["blank: nothing", hops(1), " ", "10.0.0.1", undefined],
    ["only the peer: nothing", hops(1), "10.0.0.1", "10.0.0.1", undefined],
    ["fewer entries than hops: nothing", hops(3), "192.0.2.1,10.0.0.2", "10.0.0.1", undefined],
    ["no peer: the header alone", hops(1), "192.0.2.1,10.0.0.2", "", "192.0.2.1"],
    ["no peer, fewer entries: nothing", hops(1), "192.0.2.1", "", undefined],
    ["a malformed entry further left changes nothing", hops(1), "x,,192.0.2.1", "10.0.0.1", "192.0.2.1"],
    ["a malformed entry where the client should be: nothing", hops(1), "192.0.2.1,x", "10.0.0.1", undefined],
    ["an empty entry there: nothing", hops(1), "192.0.2.1,", "10.0.0.1", undefined],
    ["an obfuscated one: nothing", hops(1), "unknown", "10.0.0.1", undefined],

    ["a peer that is no proxy of ours asks itself", inside, "192.0.2.1", "192.0.2.9", "192.0.2.9"],
    [
      "the first from the end that is none of ours",
      inside,
      "1.1.1.1,192.0.2.1,10.9.9.9",
      "10.0.0.1",
      "192.0.2.1",
    ],
    ["IPv6 proxies too", inside, "192.0.2.1,[2001:db8::7]:443", "10.0.0.1", "192.0.2.1"],
    ["all ours: the first", inside, "10.1.1.1,10.2.2.2", "10.0.0.1", "10.1.1.1"],
    ["no header: the peer", inside, "", "10.0.0.1", "10.0.0.1"],
    ["a malformed entry that is reached: nothing", inside, "192.0.2.1,x,10.2.2.2", "10.0.0.1", undefined],
    ["one that is not reached changes nothing", inside, "x,192.0.2.1", "10.0.0.1", "192.0.2.1"],
    ["no peer: the header alone, from its end", inside, "1.1.1.1,192.0.2.1,10.0.0.2", "", "192.0.2.1"],
    ["neither: nothing", inside, "", "", undefined],
    ["a hundred proxies in a row", inside, many, "10.0.0.1", "10.0.0.3"],
    ["more of them: nothing", inside, `${many},10.0.0.3`, "10.0.0.1", undefined],
  ];
  for (const [what, rule, forwarded, peer, expected] of cases) {
    it(what, () => assert.equal(find(rule, forwarded, peer), expected));
  }

  for (const [entry, expected] of [
    ["192.0.2.1:80", "192.0.2.1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["[2001:DB8:0::1]:65535", "2001:db8::1"],
    ["2001:db8::1", "2001:db8::1"],
    ["\t192.0.2.1 ", "192.0.2.1"],
    ["192.0.2.1:", undefined],
    ["192.0.2.1:123456", undefined],
    ["[192.0.2.1]", undefined],
    ["[2001:db8::1", undefined],
    ["[2001:db8::1]x", undefined],
    ["192.0.2.01", undefined],
    ["fe80::1%eth0", undefined],
    ['"192.0.2.1"', undefined],
    [`${" ".repeat(100)}192.0.2.1`, undefined],
  ] as const) {
    it(`${JSON.stringify(entry)} is ${expected ?? "no address"}`, () =>
      assert.equal(find(hops(1), entry, "10.0.0.1"), expected));
  }

  it("is never changed by what a caller writes in front", () => {
    const entry = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.ipV4().map((ip) => `${ip}:80`),
      fc.ipV4().map((ip) => `10.${ip}`.split(".").slice(0, 4).join(".")),
    );
    const rule = fc.oneof(fc.integer({ min: 1, max: 4 }).map(hops), fc.constant(inside));
    const written = fc.string({ unit: "binary", maxLength: 80 });
    fc.assert(
      fc.property(rule, fc.array(entry, { maxLength: 5 }), fc.ipV4(), written, (of, entries, peer, front) => {
        const forwarded = entries.join(", ");
        const found = find(of, forwarded, peer);
        // With fewer entries than the rule trusts, or only trusted ones, a caller's own is read: then it must be one.
        const isDecided =
          found !== undefined && ("trustedHops" in of || find(of, `192.0.2.77,${forwarded}`, peer) === found);
        fc.pre(isDecided && entries.length > 0);
        assert.equal(find(of, `${front},${forwarded}`, peer), found);
      }),
      { numRuns: 1_000 },
    );
  });

  it("is what client.ip says, of requests and of connections", () => {
    const source = { ...NOBODY, address: "10.0.0.1" };
    const joined = new Map([["x-forwarded-for", "192.0.2.1"]]);
    const headers = () => ({ joined, all: undefined });
    const said = (request: { headers: typeof headers } | undefined, rule: ClientAddress) =>
      attributes(request, { source }, { clientAddress: rule }).client.ip?.toString();
    assert.equal(said({ headers }, { from: "peer" }), "10.0.0.1");
    assert.equal(said({ headers }, hops(1)), "192.0.2.1");
    assert.equal(said({ headers }, inside), "192.0.2.1");
    assert.equal(said(undefined, { from: "peer" }), "10.0.0.1");
    assert.equal(said(undefined, hops(1)), undefined);
    assert.equal(said(undefined, inside), "10.0.0.1");
  });
});
