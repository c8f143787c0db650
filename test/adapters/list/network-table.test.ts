import assert from "node:assert/strict";
import fc from "fast-check";
import { NetworkTable } from "../../../adapters/list/network-table.ts";
import { readAddress, readNetwork } from "../../../src/adapter/addresses.ts";
import { Ip, parseCidr } from "../../../src/std/ip.ts";

describe("a table of networks", () => {
  it("finds what a walk through all networks finds", () => {
    const part = fc.constantFrom(0, 1, 127, 128, 255);
    const quad = fc.tuple(fc.constantFrom(10, 11), part, part, part).map((parts) => parts.join("."));
    const group = fc.constantFrom("0", "1", "7fff", "8000", "ffff");
    const six = fc.tuple(fc.constantFrom("2001", "2002"), group, group).map(([a, b, c]) => `${a}:${b}::${c}`);
    const mapped = quad.map((text) => `::ffff:${text}`);
    const network = fc.oneof(
      fc.tuple(quad, fc.nat(32)).map(([text, length]) => `${text}/${length}`),
      fc.tuple(fc.oneof(six, mapped), fc.nat(128)).map(([text, length]) => `${text}/${length}`),
      quad,
    );
    fc.assert(
      fc.property(fc.array(network, { maxLength: 20 }), fc.oneof(quad, six, mapped), (networks, text) => {
        const table = new NetworkTable();
        for (const one of networks) {
          const read = readNetwork(one);
          assert.ok(read !== undefined);
          table.add(read, one);
        }
        const address = Ip.parse(text);
        const words = readAddress(text);
        assert.ok(address !== undefined && words !== undefined);
        const holding = networks.flatMap((one) => {
          const cidr = parseCidr(one);
          return cidr !== undefined && address.inCidr(cidr) ? [{ one, length: cidr.length }] : [];
        });
        const longest = Math.max(...holding.map(({ length }) => length));
        assert.equal(table.find(words), holding.find(({ length }) => length === longest)?.one);
      }),
      { numRuns: 2_000 },
    );
  });
});
